"""The tree of a lab's guests, from what was made, and parts of it (pure)."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from nestlab.errors import StoredDataError, UsageError
from nestlab.lab.record.state import GuestRecord, LabState
from nestlab.lab.wanted.spec import GuestSpec
from nestlab.machine.path import is_above, parent_of


def tree_of(records: Iterable[GuestRecord], parent: str = "l0") -> tuple[GuestSpec, ...]:
    """The guests as they were made, each with those inside it."""
    known = tuple(records)
    return tuple(
        replace(each.spec, guests=tree_of(known, each.path))
        for each in known
        if each.spec is not None and parent_of(each.path) == parent
    )


def branch(state: LabState, path: str, *, stopped: bool = True) -> tuple[GuestSpec, ...]:
    """A guest with all that is inside it, in its ancestors, without their other guests.

    path     `l0` is the whole lab
    stopped  whether those below it that the user stopped are among them

    Raises StoredDataError `lab.no-such-machine`.
    """
    if path == "l0":
        return tree_of(each for each in state.guests if stopped or not each.stopped)
    must_be_known(state, path)
    below = (
        each
        for each in state.guests
        if is_above(path, each.path) and (stopped or not each.stopped or each.path == path)
    )
    above = (each for each in state.guests if is_above(each.path, path) and each.path != path)
    return tree_of((*above, *below))


def changed(
    guests: Sequence[GuestSpec], path: str, change: dict[str, object]
) -> tuple[GuestSpec, ...]:
    """The same tree, in which the guest at `path` has other values."""
    name, _, rest = path.partition("/")
    return tuple(
        each
        if each.name != name
        else replace(each, guests=changed(each.guests, rest, change))
        if rest
        else replace(each, **change)  # type: ignore[arg-type]  # (keys are those of GuestSpec)
        for each in guests
    )


def with_guest(
    state: LabState, parent: str, guest: GuestSpec, *, whole: bool = False
) -> tuple[GuestSpec, ...]:
    """The ancestors of a guest that is to be made, and that guest alone in the innermost.

    whole  with all other machines, but for those that the user stopped

    Raises StoredDataError `lab.no-such-machine`, UsageError `lab.machine-exists`.
    """
    path = guest.name if parent == "l0" else f"{parent}/{guest.name}"
    if state.guest(path):
        raise UsageError(
            "lab.machine-exists",
            f"lab {state.name or state.id} has a machine {path} already",
            hint=f"take another name, or remove it first: `nestlab remove {path}`",
        )
    if parent != "l0":
        must_be_known(state, parent)
    others = (
        each for each in state.guests if is_above(each.path, parent) or (whole and not each.stopped)
    )
    return _put_in(tree_of(others), "" if parent == "l0" else parent, guest)


def _put_in(guests: tuple[GuestSpec, ...], parent: str, guest: GuestSpec) -> tuple[GuestSpec, ...]:
    if not parent:
        return (*guests, guest)
    name, _, rest = parent.partition("/")
    return tuple(
        replace(each, guests=_put_in(each.guests, rest, guest)) if each.name == name else each
        for each in guests
    )


def every(guests: Iterable[GuestSpec]) -> Iterator[GuestSpec]:
    """All of them and all that are inside them."""
    for guest in guests:
        yield guest
        yield from every(guest.guests)


def paths_in(guests: Sequence[GuestSpec], parent: str = "") -> Iterator[str]:
    """Every path, parents before children."""
    for guest in guests:
        path = f"{parent}{guest.name}"
        yield path
        yield from paths_in(guest.guests, f"{path}/")


def must_have_networks(state: LabState, wanted: Iterable[str]) -> None:
    """Raises UsageError `lab.unknown-network`."""
    known = [each.name for each in state.networks]
    for name in wanted:
        if name not in known:
            raise UsageError(
                "lab.unknown-network",
                f"lab {state.name or state.id} has no network {name}",
                hint=f"its networks: {', '.join(known)}"
                if known
                else "it has none: write `networks` in its lab file, then `nestlab up`",
            )


def must_be_known(state: LabState, path: str) -> GuestRecord:
    """The record of a machine. Raises StoredDataError `lab.no-such-machine`."""
    if record := state.guest(path):
        return record
    known = ", ".join(guest.path for guest in state.guests) or "none"
    raise StoredDataError(
        "lab.no-such-machine",
        f"lab {state.name or state.id} has no machine {path}",
        hint=f"its machines: {known}",
    )
