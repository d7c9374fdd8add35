"""A lab whose guests libvirt starts, at L0 and in L1, with libvirtds that come and go."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from lab_user import User, labs_left
from leftovers import snapshot
from nestlab.image.store import Image
from own_libvirtd import OwnLibvirtd, own_libvirtd

LAB = """\
name: libvirt
defaults: {hypervisor: libvirt}
guests:
  - name: l1
    memory: 4GiB
    disk: 12GiB
    disks: [{size: 1GiB, name: volumes, iops: 500}]
    guests:
      - {name: l2, memory: 1GiB, disk: 8GiB}
"""

FOREIGN = """\
<domain type='qemu'><name>foreign</name><memory unit='MiB'>64</memory>
<os><type arch='x86_64'>hvm</type></os></domain>
"""


@dataclass(frozen=True)
class World:
    """A user, and the libvirtd of their machine."""

    user: User
    libvirtd: OwnLibvirtd

    def domains(self) -> list[str]:
        return self.libvirtd.said("list", "--all", "--name").split()


@pytest.fixture(scope="module")
def libvirtd() -> Iterator[OwnLibvirtd]:
    """With somebody else's domain."""
    with (
        tempfile.TemporaryDirectory(prefix="lv") as short,
        own_libvirtd(Path(short) / "d") as libvirtd,
    ):
        foreign = Path(short) / "foreign.xml"
        foreign.write_text(FOREIGN)
        libvirtd.said("define", str(foreign))
        yield libvirtd


@pytest.fixture(scope="module")
def user(
    image: Image, libvirtd: OwnLibvirtd, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[User]:
    """Afterwards nothing of the lab is left, and what was somebody else's is as it was."""
    folder = tmp_path_factory.mktemp("user")
    theirs, before = libvirtd.said("dumpxml", "foreign"), snapshot()
    user = User.in_folder(folder, LAB, libvirtd.enter(folder))
    user.said("up")
    yield user
    user.said("down", "libvirt")
    assert labs_left(user) == []
    assert libvirtd.said("dumpxml", "foreign") == theirs
    assert libvirtd.said("list", "--all", "--name").split() == ["foreign"]
    assert not list((libvirtd.folder / "log" / "qemu").glob("nestlab-*"))
    assert snapshot() == before


@pytest.fixture
def world(user: User, libvirtd: OwnLibvirtd) -> World:
    return World(user, libvirtd)


def test_both_levels_are_domains_and_proved(world: World) -> None:
    assert set(world.user.states.values()) == {"running"}
    (ours,) = set(world.domains()) - {"foreign"}
    assert ours.endswith("-l1")
    inner = world.user.said("exec", "l1", "--", "virsh", "list", "--name").split()
    assert [name.endswith("-l1.l2") for name in inner] == [True]
    assert "kvm" in world.user.said("exec", "l1", "--", "virsh", "dumpxml", *inner)
    inside = world.user.machines["l1/l2"]
    assert (inside["accelerator"], inside["hypervisor"]) == ("kvm", "libvirt")
    assert "kvm by libvirt" in world.user.said("status")
    assert "svm" in world.user.said("exec", "l1/l2", "--", "cat", "/proc/cpuinfo")


def test_disks_are_where_a_lab_file_says(world: World) -> None:
    size = world.user.said(
        *("exec", "l1", "--", "blockdev", "--getsize64", "/dev/disk/by-id/virtio-volumes")
    )
    assert int(size) == 1 << 30
    assert int(world.user.said("exec", "l1", "--", "findmnt", "-bno", "SIZE", "/")) > 11 << 30


def test_disks_grow_while_the_guests_run(world: World) -> None:
    user, before = world.user, world.user.pids
    larger = LAB.replace("disk: 12GiB", "disk: 16GiB").replace("disk: 8GiB", "disk: 10GiB")
    (user.folder / "lab.yaml").write_text(larger)
    done = user.nestlab("up")
    assert done.returncode == 0, done.stderr.decode()
    assert user.pids == before
    for path, size in (("l1", 16), ("l1/l2", 10)):
        assert f"{path}: grows while it runs" in done.stderr.decode()
        root = user.said("exec", path, "--", "findmnt", "-bno", "SIZE", "/")
        assert int(root) > (size - 1) << 30


def test_a_disk_outlives_a_stop(world: World) -> None:
    world.user.said("exec", "l1/l2", "--", "sh", "-c", "echo kept >/root/kept; sync")
    world.user.said("stop", "l1/l2")
    assert world.user.states == {"l1": "running", "l1/l2": "stopped"}
    assert world.user.said("exec", "l1", "--", "virsh", "list", "--all", "--name").split() == []
    world.user.said("start", "l1/l2")
    assert world.user.said("exec", "l1/l2", "--", "cat", "/root/kept") == "kept\n"


def test_a_killed_libvirtd_costs_no_guest(world: World) -> None:
    user = world.user
    world.libvirtd.kill()
    try:
        assert user.said("exec", "l1/l2", "--", "echo", "here") == "here\n"
        refused = user.nestlab("up")
        assert refused.returncode == 3, refused.stderr.decode()
        assert "error[libvirt.no-daemon]" in refused.stderr.decode()
        assert "systemctl enable --now libvirtd" in refused.stderr.decode()
    finally:
        world.libvirtd.start()
    again = user.nestlab("up")
    assert again.returncode == 0, again.stderr.decode()
    assert "l1: ok runs already" in again.stderr.decode()
    assert user.said("exec", "l1/l2", "--", "echo", "here") == "here\n"


def test_a_libvirtd_killed_in_a_guest_comes_back_with_the_next_start(world: World) -> None:
    user = world.user
    user.said("exec", "l1", "--", "pkill", "-KILL", "-x", "libvirtd")
    assert user.said("exec", "l1/l2", "--", "echo", "here") == "here\n"
    user.said("reboot", "l1/l2")
    assert set(user.states.values()) == {"running"}


def test_a_daemon_that_is_gone_when_a_guest_starts_is_named(world: World) -> None:
    """virtlogd before, libvirtd in the middle; nothing of the guest is left either time."""
    user = world.user
    user.said("stop", "l1")
    world.libvirtd.kill("virtlogd")
    try:
        refused = user.nestlab("start", "l1")
    finally:
        world.libvirtd.start("virtlogd")
    assert refused.returncode == 3, refused.stderr.decode()
    assert "systemctl enable --now virtlogd" in refused.stderr.decode()
    assert world.domains() == ["foreign"]

    with user.begins("start", "l1") as starting:
        assert starting.stderr is not None
        assert any("starting the kernel" in line for line in starting.stderr)
        world.libvirtd.kill()
        told = starting.stderr.read()
    world.libvirtd.start()
    assert starting.returncode == 3, told
    assert "error[libvirt." in told
    assert world.domains() == ["foreign"]
    assert user.states["l1"] == "gone"  # not stopped: it was to run
    user.said("start", "l1")
    assert set(user.states.values()) == {"running"}
