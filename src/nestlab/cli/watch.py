"""`nestlab report --watch`: a run's table, drawn again whenever its result file changes."""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from nestlab.cli.interrupt import run_interruptible
from nestlab.harmless import plain
from nestlab.report.rows import rows
from nestlab.report.standing import standing
from nestlab.report.table import encodable, table
from nestlab.result.models import Result
from nestlab.result.reading import FILE_NAME, load
from nestlab.units import format_duration

Pause = Callable[[], Awaitable[None]]
_PERIOD = 1.0
"""Seconds between two looks at the file."""


def watch(run: Path) -> None:
    """Show the run until it says that it is over; a signal ends it before, with its status.

    Raises what `nestlab.result.reading.load` raises.
    """
    console = Console(file=sys.stdout)
    run_interruptible(follow(run, console, _pause), lambda _: None)


async def follow(run: Path, console: Console, pause: Pause) -> None:
    """Draw the run on that console; `pause` is awaited before each further look at the file.

    A folder may be without its result file for a while: nothing is measured in it yet. On a
    terminal the table is replaced in place, elsewhere each change is a line; both end with the
    whole table, also when it is interrupted. Raises what `load` raises.
    """
    view = _View(run.name, console)
    try:
        await _follow(run, view, console, pause)
    finally:
        if view.has_result:
            console.print(view.table())


async def _follow(run: Path, view: "_View", console: Console, pause: Pause) -> None:
    seen: tuple[int, ...] | None = None
    with Live(
        console=console,
        get_renderable=view.draw,
        auto_refresh=console.is_terminal,
        refresh_per_second=1,
        transient=True,
    ) as live:
        while not view.is_over:
            if (now := _mark(run)) != seen:
                seen = now
                view.take(load(run))
                live.refresh()
            if not view.is_over:
                await pause()


class _View:
    """What is on the screen: how far the run is, on top since a long table is cut, then it."""

    def __init__(self, name: str, console: Console) -> None:
        self._name, self._console = name, console
        self._result: Result | None = None
        self._drawn: RenderableType = Text("nothing is measured yet")
        self._since = time.monotonic()

    @property
    def has_result(self) -> bool:
        return self._result is not None

    @property
    def is_over(self) -> bool:
        return self._result is not None and standing(self._result).is_over

    def take(self, result: Result) -> None:
        """A new state of the file."""
        self._result, self._since = result, time.monotonic()
        self._drawn = table(rows(result), self._console)
        if not self._console.is_terminal:
            self._console.print(self._line(str(standing(result))), soft_wrap=True)

    def draw(self) -> RenderableType:
        """The screen as it is now; nothing where lines have been printed already."""
        if not self._console.is_terminal:
            return ""
        told = str(standing(self._result)) if self._result else "waiting"
        age = format_duration(time.monotonic() - self._since)
        return Group(
            self._line(told),
            Text(f"last change {age} ago; Ctrl-C ends the watching, not the run", style="dim"),
            self._drawn,
        )

    def table(self) -> RenderableType:
        """What stays at the end."""
        return self._drawn

    def _line(self, told: str) -> Text:
        return Text(encodable(f"{plain(self._name)}: {told}", self._console), style="bold")


def _mark(run: Path) -> tuple[int, ...] | None:
    """What changes with the file; None while a folder has none yet."""
    file = run / FILE_NAME if run.is_dir() else run
    try:
        found = file.stat()
    except FileNotFoundError:
        return None if run.is_dir() else ()
    return (found.st_ino, found.st_mtime_ns, found.st_size)


async def _pause() -> None:
    await asyncio.sleep(_PERIOD)
