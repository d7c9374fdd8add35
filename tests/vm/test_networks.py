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


def test_one_that_is_added_is_known_to_all_on_its_network_until_it_is_removed(user: User) -> None:
    """Theirs stay: a line of the user's, and what runs."""
    mine = "echo '192.0.2.7 mine' >>/etc/hosts"
    user.said("exec", "two", "--", "sh", "-c", mine)
    before = user.pids
    done = user.nestlab("add", "l0", "--name", "late", "--network", "stroage")
    assert done.returncode == 2
    assert b"lab.unknown-network" in done.stderr
    assert b"its networks: storage" in done.stderr

    user.said("add", "l0", "--name", "late", "--memory", "512MiB", "--network", "storage")
    assert {path: user.pids[path] for path in before} == before
    given = {address(user, path, "late") for path in ("two", "one/inner", "late")}
    assert len(given) == 1
    user.said("exec", "one/inner", "--", "ping", "-c1", "-W5", "late")
    user.said("exec", "late", "--", "ping", "-c1", "-W5", "inner.one.wired")

    user.said("remove", "late")
    for path in ("two", "one/inner"):
        assert user.nestlab("exec", path, "--", "getent", "hosts", "late").returncode == 2
    assert address(user, "two", "mine") == "192.0.2.7"


def test_a_switch_that_died_is_started_and_its_machines_are_plugged_in_again(user: User) -> None:
    (switch,) = set(qemu_pids()) - _guests(user)
    os.kill(switch, signal.SIGKILL)
    done = user.nestlab("up")
    assert done.returncode == 0, done.stderr.decode()
    assert b"two: restart, because the switch of network storage was gone" in done.stderr
    user.said("exec", "one/inner", "--", "ping", "-c1", "-W5", "two")


def _guests(user: User) -> set[int]:
    return {pid for path, pid in user.pids.items() if pid and "/" not in path}
