"""The programs that L0 finds: also those that a plain user's PATH leaves out."""

import asyncio
import os
from pathlib import Path

import pytest

from nestlab.deadline import Deadline
from nestlab.machine.local import LocalMachine, search_path

DEBIAN_USER = "/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (DEBIAN_USER, f"{DEBIAN_USER}:/usr/sbin:/sbin"),
        ("/usr/sbin:/usr/bin:/sbin:/bin", "/usr/sbin:/usr/bin:/sbin:/bin"),
        ("/usr/bin:/usr/sbin", "/usr/bin:/usr/sbin:/sbin"),
        ("/opt/x", "/opt/x:/usr/sbin:/sbin"),  # what the user chose comes first
    ],
)
def test_system_folders_come_last(path: str, expected: str) -> None:
    assert search_path({"PATH": path}) == expected


@pytest.mark.parametrize("environment", [{}, {"PATH": ""}])
def test_without_a_path_it_is_the_system_s(environment: dict[str, str]) -> None:
    assert search_path(environment) == f"{os.defpath}:/usr/sbin:/sbin"


def run(*argv: str) -> str:
    done = asyncio.run(LocalMachine().run(argv, deadline=Deadline.after(10)))
    assert done.ok, done
    return done.text


def test_programs_and_their_children_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = tmp_path / "sbin"
    system.mkdir()
    (system / "mkfs.nestlab").write_text("#!/bin/sh\necho made\n")
    (system / "mkfs.nestlab").chmod(0o755)
    monkeypatch.setenv("PATH", DEBIAN_USER)
    monkeypatch.setattr("nestlab.machine.local._SYSTEM", (str(system),))
    assert run("mkfs.nestlab") == "made\n"
    assert run("env", "-C", "/", "sh", "-c", "mkfs.nestlab") == "made\n"


def test_the_rest_of_the_environment_is_the_user_s(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NESTLAB_TEST", "a b")
    assert "NESTLAB_TEST=a b" in run("env").splitlines()
