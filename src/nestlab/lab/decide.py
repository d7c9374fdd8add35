"""What has to happen to a guest so that it is as it shall be (pure)."""

from dataclasses import dataclass, fields
from enum import Enum

from nestlab.errors import UsageError
from nestlab.lab.spec import GuestSpec
from nestlab.lab.state import GuestRecord
from nestlab.units import format_size

_CONTENT = frozenset({"image", "files", "run", "packages", "storage", "hypervisor"})
"""What is only in a disk that was made with it, or by which its guests' disks find their images;
everything else takes a new start."""


class Step(Enum):
    """What is done to a guest."""

    KEEP = "keep"
    START = "start"
    RESTART = "restart"
    BUILD = "build"
    REBUILD = "rebuild"


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


def decide(spec: GuestSpec, record: GuestRecord | None, seen: Seen) -> Decision:
    """Compare what a guest shall be with what it was made as and with what is there.

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
        return Decision(Step.RESTART, ", ".join(said for _, said in changed))
    if seen.pid is None:
        return Decision(Step.START, "it does not run")
    return Decision(Step.KEEP, "it runs")


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
