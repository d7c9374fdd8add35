"""The machines that the contract is held against."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from machine_worlds import World, open_fake, open_local
from sshd_world import Sshd, running_sshd


@pytest.fixture(scope="session")
def sshd_program() -> str:
    program = shutil.which("sshd", path=os.environ["PATH"] + ":/usr/sbin")
    if program is None:
        pytest.skip("there is no sshd; install openssh-server")
    return program


@pytest.fixture(scope="session")
def sshd(sshd_program: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with running_sshd(tmp_path_factory.mktemp("sshd"), sshd_program) as server:
        yield server


@pytest.fixture(params=["local", "ssh", "fake"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    kind: str = request.param
    folder = tmp_path / "remote"
    folder.mkdir()
    if kind == "ssh":
        server: Sshd = request.getfixturevalue("sshd")
        return World(kind, server.open, folder)
    return World(kind, open_local if kind == "local" else open_fake, folder)
