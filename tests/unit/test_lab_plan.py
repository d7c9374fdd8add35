"""A chain as the user asks for it, and the plan of each of its guests."""

from dataclasses import dataclass, replace
from ipaddress import IPv4Network
from typing import Any

import pytest

from facts_examples import facts
from nestlab.errors import HostError, UsageError
from nestlab.hypervisor.accelerator import Accelerator
from nestlab.hypervisor.plan import BaseImage
from nestlab.hypervisor.qemu.boot import QemuHypervisor
from nestlab.lab.build.plan import Place, handed_to, place_in_guest, plan_guest
from nestlab.lab.wanted.spec import MAX_DEPTH, GuestSpec, chain_of
from nestlab.machine.fake import FakeMachine
from nestlab.units import GIB, MIB
from plan_examples import KVM, TCG

SPEC = GuestSpec("l1", vcpus=2, memory=4 * GIB)
IMAGES = {"debian-12": BaseImage("/images/disk.img", "/images/vmlinuz")}
PLACE = Place("/state/labs/x", "/tmp/nestlab-x", IMAGES)


def hypervisor(path: str = "l0", accelerator: Accelerator = TCG, **changes: Any) -> QemuHypervisor:
    return QemuHypervisor(FakeMachine(path), facts(**changes), accelerator, None)


def memory(available: int) -> dict[str, int]:
    return {"total": 64 * GIB, "available": available}


def links(chain: tuple[GuestSpec, ...]) -> list[GuestSpec]:
    """The only guest, the only one in it, and so on."""
    if not chain:
        return []
    (guest,) = chain
    return [guest, *links(guest.guests)]


@pytest.mark.parametrize(
    ("depth", "memories"),
    [
        (1, [4 * GIB]),
        (2, [4 * GIB, 2 * GIB]),
        (3, [4 * GIB, 2 * GIB, GIB]),
        (4, [8 * GIB, 4 * GIB, 2 * GIB, GIB]),
    ],
)
def test_each_level_has_half_of_the_one_above(depth: int, memories: list[int]) -> None:
    chain = links(chain_of(depth))
    assert [guest.memory for guest in chain] == memories
    assert [guest.name for guest in chain] == [f"l{level}" for level in range(1, depth + 1)]
    assert {guest.vcpus for guest in chain} == {2}


@pytest.mark.parametrize("depth", [0, -1, MAX_DEPTH + 1, 9])
def test_other_depths_are_refused(depth: int) -> None:
    with pytest.raises(UsageError) as caught:
        chain_of(depth)
    assert caught.value.code == "demo.depth"
    assert str(depth) in caught.value.message
    assert f"1 to {MAX_DEPTH}" in (caught.value.hint or "")


def test_a_guest_of_the_host() -> None:
    plan = plan_guest(SPEC, hypervisor(), PLACE, "x", {IPv4Network("10.96.0.0/24")})
    assert (plan.path, plan.hostname, plan.identity) == ("l1", "l1", "nestlab-x-l1")
    assert (plan.folder, plan.sockets) == ("/state/labs/x/l1", "/tmp/nestlab-x/l1")
    assert (plan.arch, plan.accelerator, plan.image) == ("x86_64", TCG, IMAGES["debian-12"])
    assert (plan.vcpus, plan.memory) == (2, 4 * GIB)
    assert plan.network.subnet == IPv4Network("10.96.1.0/24")


def test_a_guest_of_a_guest_finds_the_image_as_block_devices() -> None:
    parent = plan_guest(SPEC, hypervisor(), PLACE, "x", set(), handed=("debian-12",))
    place = place_in_guest("x", parent, ("debian-12",))
    plan = plan_guest(GuestSpec("l2", 2, GIB), hypervisor("l1", KVM), place, "x", set())
    assert (plan.path, plan.hostname, plan.identity) == ("l1/l2", "l2", "nestlab-x-l1.l2")
    assert plan.folder == "/var/lib/nestlab/x/l2"
    assert plan.image == BaseImage("/dev/nvme0n3", "/dev/nvme0n4")
    deeper = plan_guest(GuestSpec("l3", 2, GIB), hypervisor("l1/l2", KVM), place, "x", set())
    assert deeper.path == "l1/l2/l3"


@pytest.mark.parametrize(
    ("spec", "in_order", "storage"),
    [
        (SPEC, True, "nvme"),
        (SPEC, False, "virtio"),
        (replace(SPEC, storage="virtio"), True, "virtio"),
        (replace(SPEC, hypervisor="libvirt"), True, "virtio"),
    ],
)
def test_disks_are_on_nvme_only_where_their_names_are_certain(
    spec: GuestSpec, in_order: bool, storage: str
) -> None:
    image = replace(IMAGES["debian-12"], numbers_in_order=in_order)
    place = replace(PLACE, images={"debian-12": image})
    assert plan_guest(spec, hypervisor(), place, "x", set()).storage == storage


def test_a_guest_is_handed_its_own_image_and_those_of_all_that_is_in_it() -> None:
    inner = GuestSpec("l2", 2, GIB, image="debian-13", guests=(GuestSpec("l3", 1, GIB, image="x"),))
    spec = GuestSpec("l1", 2, 4 * GIB, guests=(inner, GuestSpec("l4", 1, GIB)))
    assert handed_to(spec, ()) == ("debian-12", "debian-13", "x")
    # disks that were made on them name them by their places, which must not change
    assert handed_to(spec, ("x", "y")) == ("x", "y", "debian-12", "debian-13")
    assert handed_to(GuestSpec("l1", 2, GIB), ()) == ("debian-12",)


def test_what_does_not_fit_is_refused_with_the_arithmetic() -> None:
    host = hypervisor(memory=memory(4 * GIB + 255 * MIB))
    with pytest.raises(HostError) as caught:
        plan_guest(SPEC, host, PLACE, "x", set())
    assert caught.value.code == "lab.no-memory"
    assert caught.value.message == (
        "l1 does not fit into l0: it needs 4.0 GiB and 256.0 MiB around it, l0 has 4.2 GiB free"
    )
    assert caught.value.where == "l0, while planning l1"
    assert caught.value.hint


@pytest.mark.parametrize("found", [memory(4 * GIB + 256 * MIB), None])
def test_what_just_fits_does_and_what_is_unknown_is_no_refusal(found: Any) -> None:
    assert plan_guest(SPEC, hypervisor(memory=found), PLACE, "x", set()).memory == 4 * GIB


@dataclass(frozen=True)
class _Link:
    """A level of a whole chain, planned."""

    path: str
    subnet: IPv4Network


def test_no_two_levels_share_a_subnet() -> None:
    taken: set[IPv4Network] = set()
    planned: list[_Link] = []
    path = "l0"
    for spec in links(chain_of(MAX_DEPTH)):
        found = hypervisor(path, memory=memory(64 * GIB))
        plan = plan_guest(spec, found, PLACE, "x", taken)
        taken.add(plan.network.subnet)
        path = plan.path
        planned.append(_Link(path, plan.network.subnet))
    assert [link.path for link in planned] == ["l1", "l1/l2", "l1/l2/l3", "l1/l2/l3/l4"]
    assert len({link.subnet for link in planned}) == MAX_DEPTH


def test_what_siblings_were_promised_is_gone() -> None:
    found = hypervisor(memory=memory(9 * GIB))
    plan_guest(SPEC, found, PLACE, "x", set(), promised=4 * GIB)
    with pytest.raises(HostError) as caught:
        plan_guest(SPEC, found, PLACE, "x", set(), promised=5 * GIB)
    assert caught.value.code == "lab.no-memory"
    assert "9.0 GiB free, of which its other guests get 5.0 GiB" in caught.value.message
