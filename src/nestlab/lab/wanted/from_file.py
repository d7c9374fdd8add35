"""From a lab file to guests that can be built; what cannot be built yet is refused by name."""

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from nestlab.errors import UsageError
from nestlab.hypervisor.libvirt.offered import must_be_offered
from nestlab.image.recipe import BUILT_SIZE, SUITES
from nestlab.lab.wanted.spec import DiskSpec, FileSpec, GuestSpec, NetworkSpec
from nestlab.spec.models import File, Guest, LabSpec, Settings
from nestlab.spec.tree import Node, machines
from nestlab.units import format_size


def guests_of(lab: LabSpec, file: Path) -> tuple[GuestSpec, ...]:
    """The lab's guests, each with those inside it; paths of files are relative to the lab file.

    Raises UsageError `lab.not-yet`, `lab.cpu-not-emulated`, `lab.disk-too-small`,
    `lab.no-such-file`, `libvirt.not-offered`, `libvirt.cpu-option`.
    """
    nodes = machines(lab)
    children: dict[str, list[Node]] = {}
    for node in nodes:
        _must_be_buildable(node)
        children.setdefault(node.parent, []).append(node)
    return tuple(_guest(node, children, file.parent) for node in children["l0"])


def networks_of(lab: LabSpec) -> tuple[NetworkSpec, ...]:
    """The networks that the file describes."""
    return tuple(NetworkSpec(name, each.subnet, each.ipv6) for name, each in lab.networks.items())


def guest_of(guest: Guest, base: Path) -> GuestSpec:
    """One guest, with none inside it; paths of its files are relative to `base`.

    Raises as `guests_of` does.
    """
    node = Node(guest.name, "l0", 1, guest)
    _must_be_buildable(node)
    return _guest(node, {}, base)


def _guest(node: Node, children: Mapping[str, list[Node]], base: Path) -> GuestSpec:
    wish = node.guest
    return GuestSpec(
        name=node.name,
        vcpus=wish.vcpus,
        memory=wish.memory,
        hypervisor=wish.hypervisor,
        accel=wish.accel,
        disk=wish.disk,
        storage=wish.storage,
        cpu=wish.cpu,
        kernel=wish.kernel,
        disks=tuple(DiskSpec(each.size, each.name, each.iops) for each in wish.disks),
        devices=tuple(map(str, wish.devices)),
        networks=wish.networks,
        packages=wish.packages,
        image=wish.image,
        files=tuple(_file(base / each.source, each, node.path) for each in wish.files),
        run=tuple(_argv(command) for command in wish.run),
        guests=tuple(_guest(child, children, base) for child in children.get(node.path, ())),
    )


def _file(source: Path, wish: File, path: str) -> FileSpec:
    """Read now, so that one that is missing is said before anything is started."""
    try:
        with source.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as problem:
        raise UsageError(
            "lab.no-such-file",
            f"{path}: cannot read {source}: {problem.strerror}",
            hint="`source` is relative to the folder of the lab file",
        ) from problem
    return FileSpec(source.absolute(), wish.target, wish.mode, digest)


def _argv(command: str | tuple[str, ...]) -> tuple[str, ...]:
    """A line is for the guest's own shell; words are for no shell."""
    return ("sh", "-c", command) if isinstance(command, str) else command


def _must_be_buildable(node: Node) -> None:
    _must_be_known(node)
    _must_have_its_cpu(node)
    _must_hold_its_image(node)
    if node.guest.hypervisor == "libvirt":
        must_be_offered(node.path, cpu=node.guest.cpu, networks=bool(node.guest.networks))


def _must_be_known(node: Node) -> None:
    for key, said in _not_built(node.guest):
        raise UsageError(
            "lab.not-yet",
            f"{node.path}: `{key}: {said}` cannot be built yet",
            hint="leave it out; the lab file knows it, and a later version builds it",
        )


def _must_have_its_cpu(node: Node) -> None:
    """QEMU passes the host's own CPU through with KVM only."""
    wish = node.guest
    if wish.accel == "tcg" and wish.cpu and wish.cpu.partition(",")[0] == "host":
        raise UsageError(
            "lab.cpu-not-emulated",
            f"{node.path}: `cpu: {wish.cpu}` is the parent's own CPU, which `accel: tcg` cannot"
            " emulate",
            hint="leave cpu out, or write `cpu: max` with the features that it shall have",
        )


def _must_hold_its_image(node: Node) -> None:
    """Images that are built have a known size; others are looked at when they are there."""
    if node.guest.image in SUITES and node.guest.disk < BUILT_SIZE:
        size = format_size(BUILT_SIZE)
        raise UsageError(
            "lab.disk-too-small",
            f"{node.path}: a disk of {format_size(node.guest.disk)} is smaller than the image's"
            f" {size}",
            hint=f"write {size.replace('.0 ', '')} or more; it takes only what is written to it",
        )


def _not_built(wish: Settings) -> Iterator[tuple[str, object]]:
    if wish.profile != "default":
        yield "profile", wish.profile
