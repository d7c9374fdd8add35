"""A lab on another machine, which is an sshd of this test's own."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab_user import User, labs_left
from leftovers import snapshot
from nestlab.image.store import Image
from sshd_world import Sshd, running_sshd

LAB = """\
name: far
guests:
  - name: l1
    memory: 2GiB
    guests:
      - {name: l2, memory: 512MiB, vcpus: 1}
"""
CONFIG = """\
Host bigbox
  HostName 127.0.0.1
  Port {port}
  User {user}
  IdentityFile {key}
"""


@pytest.fixture(scope="module")
def far(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where logins on the other machine keep their cache and their state."""
    return tmp_path_factory.mktemp("far")


@pytest.fixture(scope="module")
def server(far: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    """The other machine."""
    program = shutil.which("sshd", path="/usr/sbin:/usr/bin")
    assert program, "no sshd here: `apt-get install openssh-server`"
    environment = f"XDG_CACHE_HOME={far}/cache XDG_STATE_HOME={far}/state"
    folder = tmp_path_factory.mktemp("sshd")
    with running_sshd(folder, program, environment=environment) as server:
        yield server


@pytest.fixture(scope="module")
def user(image: Image, server: Sshd, tmp_path_factory: pytest.TempPathFactory) -> Iterator[User]:
    """A user who can log in there, and whose lab is up there; afterwards nothing is left of it."""
    user = User.in_folder(tmp_path_factory.mktemp("user"), LAB)
    ssh = user.folder / ".ssh"
    ssh.mkdir(mode=0o700)
    server.client_key.write_private_key(ssh / "key")
    (ssh / "key").chmod(0o600)
    text = CONFIG.format(port=server.port, user=server.username, key=ssh / "key")
    (ssh / "config").write_text(text)
    names = f"[127.0.0.1]:{server.port},[bigbox]:{server.port}"
    (ssh / "known_hosts").write_text(f"{names} {server.host_key}\n")
    before = snapshot()
    user.said("up", "--host", "bigbox")
    yield user
    user.said("down")
    assert snapshot() == before
    assert labs_left(user) == []


def test_it_lives_there_and_nothing_of_its_guests_is_here(user: User, far: Path) -> None:
    assert user.states == {"l1": "running", "l1/l2": "running"}
    (place,) = (far / "state/nestlab/labs").iterdir()
    assert (place / "l1/root.qcow2").is_file()
    assert not list(user.labs.glob("*/l1"))
    (image,) = (far / "cache/nestlab/images").iterdir()
    assert sorted(file.name for file in image.iterdir()) == [
        *("disk.img", "image.json", "initrd", "vmlinuz"),
    ]


def test_every_command_works_the_same_from_here(user: User) -> None:
    assert user.said("exec", "l1/l2", "--", "hostname") == "l2\n"
    (user.folder / "note").write_text("hello\n")
    user.said("cp", "note", "l1/l2:/root/")
    assert user.said("exec", "far:l1/l2", "--", "cat", "/root/note") == "hello\n"
    assert "nestlab: ready" in user.said("logs", "l1")
    assert "ProxyCommand ssh -W 127.0.0.1:%p bigbox" in user.said("ssh-config")
    before = user.pids
    user.said("up", "--host", "bigbox")
    assert user.pids == before
    user.said("stop", "l1/l2")
    assert user.states == {"l1": "running", "l1/l2": "stopped"}


def test_the_same_lab_cannot_be_elsewhere(user: User) -> None:
    done = user.nestlab("up")
    assert done.returncode == 2
    assert b"lab.elsewhere" in done.stderr
    assert b"bigbox" in done.stderr


def test_down_leaves_nothing_there_but_the_image(user: User, far: Path) -> None:
    user.said("down")
    assert not list((far / "state/nestlab/labs").iterdir())
    assert len(list((far / "cache/nestlab/images").iterdir())) == 1
    user.said("up", "--host", "bigbox")
    assert user.states == {"l1": "running", "l1/l2": "running"}
