"""Copying files and folders between this machine and one of a lab: what is copied where.

`upload.py` and `download.py` do it.
"""

import posixpath
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from nestlab.errors import MachineError, UsageError
from nestlab.events import Notice, Progress, Sink, State
from nestlab.lab.record.naming import Name, parse_place
from nestlab.units import format_size

_HINT = "nestlab cp FILE… l1/l2:/root/, or nestlab cp l1/l2:/etc/hosts ."


@dataclass(frozen=True)
class Copy:
    """What the words of `nestlab cp` ask for.

    inward  whether the sources are here and the target on the machine
    """

    machine: Name
    inward: bool
    sources: tuple[str, ...]
    target: str


def plan_copy(words: Sequence[str], labs: Iterable[str]) -> Copy:
    """Read `SRC… DST`; `labs` are ids and names. Raises UsageError `cp.usage`."""
    known = tuple(labs)
    if len(words) < 2:
        raise UsageError("cp.usage", "a source and a target are needed", hint=_HINT)
    *sources, target = (parse_place(word, known) for word in words)
    here = [place.machine for place in sources]
    inward = target.machine is not None
    machines = {target.machine} if inward else set(here)
    if inward and any(here):
        raise UsageError(
            "cp.usage",
            "both the source and the target are on a machine of a lab",
            hint="copy it here first; a name of yours with a colon is written ./NAME",
        )
    if len(machines) != 1:
        raise UsageError("cp.usage", "the sources are not all on one machine", hint=_HINT)
    machine = machines.pop()
    if machine is None:
        raise UsageError(
            "cp.usage", "neither the source nor the target is on a machine of a lab", hint=_HINT
        )
    if any(not place.file and place.machine is None for place in (*sources, target)):
        raise UsageError("cp.usage", "a file's name is empty", hint=_HINT)
    files = tuple(place.file or "." for place in sources)
    return Copy(machine, inward, files, target.file or ".")


def targets(copy: Copy, *, into: bool) -> list[tuple[str, str]]:
    """Source -> target, as `cp -r` has it; `into`: the target is a folder that is there.

    Raises UsageError `cp.not-a-folder`.
    """
    if len(copy.sources) > 1 and not into:
        raise UsageError(
            "cp.not-a-folder",
            f"{copy.target} is not a folder, and there are {len(copy.sources)} sources",
            hint="make the folder first, or copy one by one",
        )
    return [(source, _target(source, copy.target, into=into)) for source in copy.sources]


def _target(source: str, target: str, *, into: bool) -> str:
    name = posixpath.basename(source.rstrip("/"))
    if not into or name in {"", ".", ".."}:
        return target  # the content of `/` or `.` goes into the target itself
    return posixpath.join(target, name)


def no_such_file(path: str, file: str) -> MachineError:
    """`cp.no-such-file`; `path` is the machine's."""
    return MachineError(
        "cp.no-such-file", f"there is no {file} on {path}", where=f"{path}, while copying"
    )


def no_such_folder(target: str) -> UsageError:
    """`cp.not-a-folder` for a file that goes to `new/`."""
    return UsageError(
        "cp.not-a-folder",
        f"{target} is not a folder that is there",
        hint="make it first, or leave out the slash at its end",
    )


@dataclass
class Tally:
    """What was copied so far, told to the user.

    subject  what the line of progress begins with
    """

    subject: str
    sink: Sink
    files: int = 0
    size: int = 0
    _last: int = field(default=0, repr=False)

    def watch(self, name: str) -> Callable[[bytes, bytes, int, int], None]:
        """For one file, while it is copied."""
        self._last = 0

        def told(_source: bytes, _target: bytes, done: int, whole: int) -> None:
            self.size += done - self._last
            self._last = done
            step = f"{name}  {format_size(done)} of {format_size(whole)}"
            self.sink(Progress(self.subject, step))

        return told

    def copied(self) -> None:
        """One more is complete."""
        self.files += 1

    def skip(self, name: str) -> None:
        """Neither a file nor a folder nor a link."""
        self.sink(Notice(f"left out: {name} is a device, a pipe or a socket"))

    def close(self) -> None:
        """All is done."""
        what = "1 file" if self.files == 1 else f"{self.files} files"
        self.sink(Progress(self.subject, f"{what}, {format_size(self.size)}", State.DONE))
