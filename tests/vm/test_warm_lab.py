"""A lab saved while it runs, and had again as others in seconds."""

import json
import time
from collections.abc import Iterator

import pytest

from lab_user import User, labs_left
from leftovers import snapshot
from nestlab.image.store import Image

LAB = """\
name: warm
guests:
  - name: l1
    memory: 2GiB
    storage: virtio
    guests:
      - {name: l2, image: debian-13, memory: 768MiB, vcpus: 1}
"""


@pytest.fixture(scope="module")
def user(image: Image, tmp_path_factory: pytest.TempPathFactory) -> Iterator[User]:
    """A user with a snapshot of a lab that runs; afterwards nothing of all that is left."""
    user = User.in_folder(tmp_path_factory.mktemp("user"), LAB)
    before = snapshot()
    user.said("image", "build", "debian-13")
    user.said("up")
    user.said("exec", "l1", "--", "sh", "-c", "echo mine >/root/mine; echo mine >/dev/shm/mine")
    refused = user.nestlab("snapshot", "base")
    assert refused.returncode == 2
    assert b"snapshot.guests-running" in refused.stderr
    user.said("snapshot", "base", "--stop")
    yield user
    user.said("snapshot", "base", "--remove")
    user.said("down", "warm")
    assert snapshot() == before
    assert labs_left(user) == []
    assert list((user.folder / "home" / "state" / "snapshots").iterdir()) == []


def inside(user: User, lab: str, *argv: str) -> str:
    return user.said("exec", f"{lab}:l1", "--", *argv)


def test_what_was_saved_runs_on(user: User) -> None:
    assert inside(user, "warm", "cat", "/dev/shm/mine") == "mine\n"
    (found,) = json.loads(user.said("snapshot", "--json"))["snapshots"]
    assert (found["name"], found["lab"]) == ("base", "warm")
    user.said("start", "warm")
    assert user.states == {"l1": "running", "l1/l2": "running"}


def test_another_lab_goes_on_from_it_as_a_machine_of_its_own(user: User) -> None:
    user.said("up", "--from", "base", "--name", "one")
    assert inside(user, "one", "cat", "/root/mine", "/dev/shm/mine") == "mine\nmine\n"
    assert abs(float(inside(user, "one", "date", "+%s")) - time.time()) < 5
    for file in (
        "/etc/machine-id",
        "/etc/ssh/ssh_host_ed25519_key.pub",
        "/root/.ssh/authorized_keys",
    ):
        assert inside(user, "one", "cat", file) != inside(user, "warm", "cat", file)
    numbers = {
        inside(user, lab, "od", "-An", "-N16", "-tx1", "/dev/random") for lab in ("warm", "one")
    }
    assert len(numbers) == 2
    again = user.nestlab("up", "--from", "base", "--name", "one")
    assert again.returncode == 2
    assert b"lab.name-taken" in again.stderr


def test_a_lab_that_lies_on_it_keeps_it(user: User) -> None:
    refused = user.nestlab("snapshot", "base", "--remove")
    assert refused.returncode == 2
    assert b"snapshot.in-use" in refused.stderr
    user.said("stop", "one:l1")
    user.said("start", "one:l1")
    assert inside(user, "one", "cat", "/root/mine") == "mine\n"
    user.said("down", "one")


def test_the_file_s_inner_guests_come_up_in_it(user: User) -> None:
    user.said("up", "lab.yaml", "--from", "base", "--name", "two")
    said = user.said("exec", "two:l1/l2", "--", "systemd-detect-virt")
    assert said == "kvm\n"
    user.said("down", "two")


def test_a_guest_that_was_changed_is_not_resumed(user: User) -> None:
    (user.folder / "other.yaml").write_text(LAB.replace("2GiB", "3GiB"))
    done = user.nestlab("up", "other.yaml", "--from", "base", "--name", "three")
    assert done.returncode == 2
    assert b"snapshot.other-guest" in done.stderr
    assert b"memory 2.0 GiB" in done.stderr
