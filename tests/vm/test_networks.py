"""A network across parents: proved by `up`, with names and addresses that stay."""

import os
import signal
from collections.abc import Iterator

import pytest

from lab_user import User, labs_left
from leftovers import qemu_pids, snapshot
from nestlab.image.store import Image

LAB = """\
name: wired
networks:
  storage: {}
guests:
  - name: one
    vcpus: 1
    memory: 1536MiB
    guests:
      - {name: inner, memory: 512MiB, vcpus: 1, networks: [storage]}
  - {name: two, vcpus: 1, memory: 512MiB, networks: [storage]}
"""


@pytest.fixture(scope="module")
def user(image: Image, tmp_path_factory: pytest.TempPathFactory) -> Iterator[User]:
    """A user whose lab is up; afterwards nothing of it is left."""
    user = User.in_folder(tmp_path_factory.mktemp("user"), LAB)
    before = snapshot()
    done = user.nestlab("up")
    assert done.returncode == 0, done.stderr.decode()
    told = done.stderr.decode()
    assert "l0: starting the switch of network storage" in told
    assert "two: pinging one/inner over network storage" in told
    assert "two: ok reachable in three sizes" in told
    yield user
    user.said("down")
    assert snapshot() == before
    assert labs_left(user) == []


def address(user: User, path: str, name: str) -> str:
    return user.said("exec", path, "--", "getent", "ahostsv4", name).split()[0]


def test_machines_of_different_parents_see_each_other_by_name(user: User) -> None:
    user.said("exec", "one/inner", "--", "ping", "-c1", "-W5", "two")
    user.said("exec", "two", "--", "ping", "-c1", "-W5", "inner.one.wired")
    user.said("exec", "two", "--", "ping", "-6", "-c1", "-W5", "inner.one.wired")
    banner = "exec 3<>/dev/tcp/two/22 && read -r line <&3 && echo $line"
    assert "SSH" in user.said("exec", "one/inner", "--", "bash", "-c", banner)


def test_each_level_has_room_for_a_tunnel(user: User) -> None:
    sizes = [
        int(user.said("exec", path, "--", "cat", "/sys/class/net/eth0/mtu"))
        for path in ("one", "one/inner")
    ]
    assert sizes[0] - sizes[1] == 50
    lan = user.said("exec", "two", "--", "cat", "/sys/class/net/lan-storage/mtu")
    assert int(lan) == sizes[1]


def test_a_stopped_machine_comes_back_with_its_address(user: User) -> None:
    before = address(user, "one/inner", "two")
    user.said("stop", "two")
    user.said("start", "two")
    assert address(user, "one/inner", "two") == before
    user.said("exec", "one/inner", "--", "ping", "-c1", "-W5", "two")


def test_a_switch_that_died_is_started_and_its_machines_are_plugged_in_again(user: User) -> None:
    (switch,) = set(qemu_pids()) - _guests(user)
    os.kill(switch, signal.SIGKILL)
    done = user.nestlab("up")
    assert done.returncode == 0, done.stderr.decode()
    assert b"two: restart, because the switch of network storage was gone" in done.stderr
    user.said("exec", "one/inner", "--", "ping", "-c1", "-W5", "two")


def _guests(user: User) -> set[int]:
    return {pid for path, pid in user.pids.items() if pid and "/" not in path}
