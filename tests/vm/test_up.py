"""A lab from a file, used as its user would, and gone without a trace."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from leftovers import snapshot
from nestlab.home import Home
from nestlab.image.store import Image

LAB = """\
name: seed
guests:
  - name: l1
    memory: 4GiB
    disk: 12GiB
    kernel: [nestlab.test=1]
    files:
      - {source: motd, target: /etc/motd, mode: "0640"}
    run:
      - uname -r >/root/first-boot
      - [touch, "/root/a b"]
    guests:
      - {name: l2, memory: 1GiB, disk: 8GiB}
"""


@dataclass
class User:
    """Somebody at a terminal in the lab file's folder."""

    folder: Path

    def nestlab(self, *words: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [sys.executable, "-m", "nestlab", *words],
            check=False,
            capture_output=True,
            input=stdin,
            cwd=self.folder,
            env={**os.environ, "NESTLAB_HOME": str(self.folder / "home")},
        )

    def said(self, *words: str) -> str:
        done = self.nestlab(*words)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode()


@pytest.fixture(scope="module")
def user(image: Image, tmp_path_factory: pytest.TempPathFactory) -> Iterator[User]:
    """A user whose lab is up; afterwards nothing of it is left."""
    folder = tmp_path_factory.mktemp("user")
    (folder / "home").mkdir()
    (folder / "home" / "cache").symlink_to(Home.from_environment().cache)
    (folder / "lab.yaml").write_text(LAB)
    (folder / "motd").write_text("welcome\n")
    before = snapshot()
    user = User(folder)
    user.said("up")
    yield user
    user.said("down", "seed")
    assert snapshot() == before
    assert not list((folder / "home" / "state" / "labs").iterdir())


def test_status_shows_the_tree(user: User) -> None:
    (lab,) = json.loads(user.said("status", "--json"))["labs"]
    machines = {machine["path"]: machine for machine in lab["machines"]}
    assert list(machines) == ["l1", "l1/l2"]
    assert {machine["state"] for machine in machines.values()} == {"running"}
    assert (machines["l1"]["memory"], machines["l1/l2"]["memory"]) == (4 << 30, 1 << 30)
    assert machines["l1/l2"]["accelerator"] == "kvm"


def test_the_guest_is_what_the_file_says(user: User) -> None:
    assert "nestlab.test=1" in user.said("exec", "l1", "--", "cat", "/proc/cmdline")
    size = user.said("exec", "l1", "--", "findmnt", "-bno", "SIZE", "/")
    assert int(size) > 11 << 30
    assert user.said("exec", "l1", "--", "stat", "-c", "%a", "/etc/motd") == "640\n"
    kernel = user.said("exec", "l1", "--", "uname", "-r")
    assert user.said("exec", "l1", "--", "cat", "/root/first-boot") == kernel
    user.said("exec", "l1", "--", "test", "-e", "/root/a b")


def test_streams_and_status_are_the_command_s_own(user: User) -> None:
    done = user.nestlab("exec", "seed:l1/l2", "--", "sh", "-c", "cat; echo no >&2; exit 3",
                        stdin=b"a\xff\n")  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (3, b"a\xff\n", b"no\n")


def test_files_go_there_and_back(user: User) -> None:
    (user.folder / "tree").mkdir()
    (user.folder / "tree" / "a b").write_bytes(b"\0\xff")
    user.said("cp", "tree", "l1/l2:/root/")
    user.said("cp", "l1/l2:/root/tree", "back")
    assert (user.folder / "back" / "a b").read_bytes() == b"\0\xff"


def test_what_the_console_printed(user: User) -> None:
    assert "nestlab: ready" in user.said("logs", "l1/l2")


def test_openssh_enters_by_the_printed_configuration(user: User) -> None:
    config = user.folder / "ssh_config"
    config.write_text(user.said("ssh-config"))
    argv = ["ssh", "-F", str(config), "l1.l2.seed", "hostname"]
    done = subprocess.run(argv, check=True, capture_output=True, text=True)
    assert done.stdout == "l2\n"


def test_a_second_lab_of_that_name_is_refused(user: User) -> None:
    done = user.nestlab("up", "lab.yaml")
    assert done.returncode == 2
    assert b"lab.name-taken" in done.stderr


def test_doctor_reaches_it_by_name(user: User) -> None:
    done = user.nestlab("doctor", "--json", "seed:l1")
    (found,) = json.loads(done.stdout)["targets"]
    assert (done.returncode, found["ready"], found["proved"]) == (0, True, True)
