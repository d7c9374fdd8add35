"""A lab that is used for long: its machines come and go, its disks stay."""

from collections.abc import Iterator

import pytest

from lab_user import User, labs_left
from leftovers import snapshot
from nestlab.image.store import Image

LAB = """\
name: life
guests:
  - name: l1
    memory: 3GiB
    guests:
      - {name: l2, memory: 512MiB, vcpus: 1}
"""


@pytest.fixture(scope="module")
def user(image: Image, tmp_path_factory: pytest.TempPathFactory) -> Iterator[User]:
    """A user whose lab is up; afterwards nothing of it is left."""
    user = User.in_folder(tmp_path_factory.mktemp("user"), LAB)
    before = snapshot()
    user.said("up")
    user.said("exec", "l1/l2", "--", "sh", "-c", "echo mine >/root/mine && sync")
    yield user
    user.said("down")
    assert snapshot() == before
    assert labs_left(user) == []


def mine(user: User) -> str:
    return user.said("exec", "l1/l2", "--", "cat", "/root/mine")


def test_up_again_leaves_all_alone(user: User) -> None:
    before = user.pids
    done = user.nestlab("up")
    assert done.returncode == 0, done.stderr.decode()
    assert user.pids == before
    assert b"l1: ok runs already" in done.stderr
    assert b"l1/l2: ok runs already" in done.stderr


def test_one_is_stopped_and_started_with_its_disk(user: User) -> None:
    before = user.pids
    user.said("stop", "l1/l2")
    assert user.states == {"l1": "running", "l1/l2": "stopped"}
    user.said("start", "l1/l2")
    assert user.states == {"l1": "running", "l1/l2": "running"}
    assert user.pids["l1"] == before["l1"]
    assert mine(user) == "mine\n"


def test_one_more_comes_and_goes(user: User) -> None:
    before = user.pids
    user.said("add", "l1", "--name", "l3", "--memory", "512MiB", "--vcpus", "1")
    assert user.states == {"l1": "running", "l1/l2": "running", "l1/l3": "running"}
    assert user.said("exec", "l1/l3", "--", "hostname") == "l3\n"
    assert {path: user.pids[path] for path in before} == before
    user.said("remove", "life:l1/l3")
    assert list(user.states) == ["l1", "l1/l2"]
    left = user.said("exec", "l1", "--", "sh", "-c", "pgrep -c qemu; ls /var/lib/nestlab/*")
    assert left == "1\nl2\n"


def test_growing_starts_it_again_with_its_disk(user: User) -> None:
    user.said("grow", "l1/l2", "--disk", "20GiB", "--memory", "640MiB")
    assert int(user.said("exec", "l1/l2", "--", "findmnt", "-bno", "SIZE", "/")) > 18 << 30
    assert user.machines["l1/l2"]["memory"] == 640 << 20
    assert mine(user) == "mine\n"


def test_only_what_changed_in_the_file_is_done_again(user: User) -> None:
    """By now the file says less disk than there is, which cannot be; then other memory."""
    done = user.nestlab("up")
    assert done.returncode == 2
    assert b"lab.disk-shrinks" in done.stderr
    before = user.pids
    changed = LAB.replace("memory: 512MiB", "memory: 700MiB, disk: 20GiB")
    (user.folder / "lab.yaml").write_text(changed)
    done = user.nestlab("up")
    assert done.returncode == 0, done.stderr.decode()
    assert b"l1/l2: restart, because memory 640.0 MiB" in done.stderr
    assert user.pids["l1"] == before["l1"]
    assert user.pids["l1/l2"] != before["l1/l2"]
    assert mine(user) == "mine\n"


def test_the_whole_lab_is_switched_off_and_comes_back_in_order(user: User) -> None:
    user.said("stop")
    assert user.states == {"l1": "stopped", "l1/l2": "stopped"}
    assert user.pids == {"l1": None, "l1/l2": None}
    user.said("start")
    assert user.states == {"l1": "running", "l1/l2": "running"}
    assert mine(user) == "mine\n"
