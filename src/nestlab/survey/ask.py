"""Asking one target for its facts, however it is reached."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nestlab.deadline import Deadline
from nestlab.errors import StoredDataError, UsageError
from nestlab.facts.gather import ProbeOptions, gather
from nestlab.home import Home
from nestlab.machine.begun import Begun
from nestlab.machine.eager import EagerMachine
from nestlab.machine.local import LocalMachine
from nestlab.machine.protocol import Machine
from nestlab.survey.target import FactsFile, Here, Member, Remote, Target, Tree

if TYPE_CHECKING:
    from nestlab.facts.model import Facts

_LIMIT = 16 << 20


@dataclass(frozen=True)
class Question:
    """How a target is asked.

    functional  whether /dev/kvm is used, or only looked at
    anonymous   whether the facts shall identify nobody
    seconds     that each target has
    begun       the probe of this machine, if it runs already
    """

    functional: bool = True
    anonymous: bool = False
    seconds: float = 30.0
    begun: Begun | None = None


async def ask(target: Target, question: Question, home: Home) -> "Facts":
    """The target's facts.

    Raises NestlabError: what `gather`, `open_remote` and `reach` raise, `facts.no-such-file`,
    `facts.file-unreadable` for a file that is not `nestlab.facts/1`, `target.no-such-folder`.
    """
    if isinstance(target, FactsFile):
        return _load(target.file)
    deadline = Deadline.after(question.seconds)
    root = None
    if isinstance(target, Tree):
        root = str(_folder(target.root))
    options = ProbeOptions(functional=question.functional, anonymous=question.anonymous, root=root)
    if isinstance(target, Here) and question.begun:
        eager = EagerMachine(question.begun)
        return await gather(eager, deadline=deadline, options=options)
    async with open_target(target, home, deadline=deadline) as machine:
        return await gather(machine, deadline=deadline, options=options)


@asynccontextmanager
async def open_target(target: Target, home: Home, *, deadline: Deadline) -> AsyncIterator[Machine]:
    """The machine that a target is; offline targets are read on this one."""
    if isinstance(target, Remote):
        from nestlab.machine.remote import open_remote  # noqa: PLC0415  (asyncssh costs time)

        remote = await open_remote(target.address, deadline=deadline)
        try:
            yield remote
        finally:
            await remote.close()
    elif isinstance(target, Member):
        from nestlab.lab.access.reach import reach  # noqa: PLC0415
        from nestlab.lab.record.known import find_lab  # noqa: PLC0415

        folder, state = find_lab(home, target.lab)
        async with reach(folder, state, target.path, deadline=deadline) as inside:
            yield inside
    else:
        yield LocalMachine()


def _load(file: Path) -> "Facts":
    from pydantic import ValidationError  # noqa: PLC0415  (see facts/gather.py)

    from nestlab.facts.model import Facts  # noqa: PLC0415

    try:
        with file.open("rb") as opened:
            text = opened.read(_LIMIT)
        return Facts.model_validate_json(text)
    except OSError as problem:
        raise StoredDataError(
            "facts.no-such-file",
            f"cannot read {file}: {problem.strerror}",
            hint="make one with `nestlab doctor --collect FILE`",
        ) from problem
    except ValidationError as problem:
        first = problem.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the whole"
        raise StoredDataError(
            "facts.file-unreadable",
            f"{file} is not nestlab.facts/1: {place}: {first['msg']}",
            log=str(file),
            hint="make it again with `nestlab doctor --collect FILE`",
        ) from problem


def _folder(root: Path) -> Path:
    if not root.is_dir():
        raise UsageError(
            "target.no-such-folder",
            f"{root} is not a folder",
            hint="give the folder that holds the copies of /proc, /sys and /etc",
        )
    return root.resolve()
