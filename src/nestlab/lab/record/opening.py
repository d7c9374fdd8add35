"""A lab for one who changes it: alone, with its state as it is now."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from pathlib import Path

from nestlab.errors import StoredDataError
from nestlab.home import Home
from nestlab.lab.record.folder import new_lab, remove_lab
from nestlab.lab.record.lock import hold
from nestlab.lab.record.running import Lab
from nestlab.lab.record.state import LabState, load_state
from nestlab.teardown import on_exit


@asynccontextmanager
async def made(
    home: Home, *, name: str | None = None, host: str | None = None, stays: bool = False
) -> AsyncIterator[Lab]:
    """A new lab; leaving the context removes it unless it was told to keep it.

    host   the machine at its root as `ssh` takes it; None: this one
    stays  whether the next nestlab can go on with it should this one be killed; else that one
           takes it down

    Raises what `new_lab` raises; CleanupError `lab.not-removed`.
    """
    async with AsyncExitStack() as stack:
        folder, state = stack.enter_context(new_lab(home, name=name, host=host, kept=stays))
        lab = Lab(folder, state)
        on_exit(stack, lambda: _remove(lab))
        yield lab


async def _remove(lab: Lab) -> None:
    if not lab.kept:
        await asyncio.to_thread(remove_lab, lab.folder, lab.state)


@contextmanager
def held(folder: Path, state: LabState) -> Iterator[Lab]:
    """A lab that is there, as its state says now that nobody else is at work on it.

    Raises UsageError `lab.busy`; StoredDataError `lab.damaged`, `lab.too-new`.
    """
    with ExitStack() as stack:
        try:
            stack.enter_context(hold(folder, state.name or state.id))
        except FileNotFoundError as problem:
            raise StoredDataError(
                "lab.unknown", f"lab {state.name or state.id} was taken down meanwhile"
            ) from problem
        yield Lab(folder, load_state(folder))
