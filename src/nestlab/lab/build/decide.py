"""What has to happen to a guest so that it is as it shall be (pure)."""

from dataclasses import dataclass, fields
from enum import Enum

from nestlab.errors import UsageError
from nestlab.lab.record.state import GuestRecord
from nestlab.lab.wanted.spec import GuestSpec
from nestlab.units import format_size

_CONTENT = frozenset({"image", "files", "run", "packages", "storage", "hypervisor"})
"""What is only in a disk that was made with it, or by which its guests' disks find their images;
everything else takes a new start."""


class Step(Enum):
    """What is done to a guest."""

    KEEP = "keep"
    GROW = "grow"
    START = "start"
    RESTART = "restart"
    BUILD = "build"
    REBUILD = "rebuild"


STAYS = frozenset({Step.KEEP, Step.GROW})
"""Steps by which a guest that runs goes on running."""


@dataclass(frozen=True)
class Seen:
    """What its parent shows of a guest: the process that carries its identity, and its disk."""

    pid: int | None = None
    disk: bool = False


@dataclass(frozen=True)
class Decision:
    """A step, and the reason in words for the user."""

    step: Step
    why: str


def decide(
    spec: GuestSpec, record: GuestRecord | None, seen: Seen, *, boots_itself: bool = False
) -> Decision:
    """Compare what a guest shall be with what it was made as and with what is there.

    boots_itself  whether its image has a boot loader of its own

    Raises UsageError `lab.disk-shrinks`.
    """
    if record is None:
        return Decision(Step.BUILD, "new")
    if reason := _unusable(record, seen):
        return Decision(Step.REBUILD, reason)
    changed = differences(record.spec or spec, spec)
    if content := [said for key, said in changed if key in _CONTENT]:
        return Decision(Step.REBUILD, ", ".join(content))
    _must_not_shrink(record, spec)
    if changed:
        why = ", ".join(said for _, said in changed)
        alone = [key for key, _ in changed] == ["disk"] and _grows_online(record, boots_itself)
        return Decision(Step.GROW if alone and seen.pid is not None else Step.RESTART, why)
    if seen.pid is None:
        return Decision(Step.START, "it does not run")
    return Decision(Step.KEEP, "it runs")


def _grows_online(record: GuestRecord, boots_itself: bool) -> bool:
    """Whether a larger disk shows while the guest runs, and is known to be larger.

    virtio-blk tells its driver of a new size; QEMU's NVMe device reads the size of a namespace when
    it is made, and never again (its hw/nvme/ns.c). A boot loader finds its disk on virtio.
    """
    was = record.spec
    if was is None or was.disk is None:
        return False
    return boots_itself or was.storage == "virtio" or was.hypervisor == "libvirt"


def _unusable(record: GuestRecord, seen: Seen) -> str | None:
    if record.spec is None or not record.ready:
        return "it was never finished"
    return None if seen.disk else "its disk is not there any more"


def differences(was: GuestSpec, shall: GuestSpec) -> list[tuple[str, str]]:
    """Keys that differ, each with words; name and inner guests are not compared."""
    found = []
    for field in fields(GuestSpec):
        before, after = getattr(was, field.name), getattr(shall, field.name)
        if before != after and field.name not in {"name", "guests"}:
            found.append((field.name, _said(field.name, before, after)))
    return found


def _said(key: str, before: object, after: object) -> str:
    if key in {"memory", "disk"}:
        before, after = (format_size(size) if isinstance(size, int) else "the image's"
                         for size in (before, after))  # fmt: skip
    if isinstance(before, tuple) or isinstance(after, tuple):
        return f"{key} changed"
    return f"{key} {before} → {after}"


def _must_not_shrink(record: GuestRecord, shall: GuestSpec) -> None:
    was = record.spec.disk if record.spec else None
    if was is not None and (shall.disk is None or shall.disk < was):
        size = format_size(was)
        raise UsageError(
            "lab.disk-shrinks",
            f"the disk of {record.path} cannot become smaller than its {size}",
            hint=f"write disk: {size.replace('.0 ', '')} or more, or make it again:"
            f" `nestlab remove {record.path}`, then `nestlab up`",
        )
