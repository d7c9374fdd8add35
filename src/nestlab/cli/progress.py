"""Live progress on stderr: one line per machine on a terminal, plain lines elsewhere."""

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from nestlab.events import Event, Notice, Progress, State
from nestlab.harmless import plain
from nestlab.units import format_duration

_MARKS = {State.WORKING: "", State.DONE: "ok ", State.FAILED: "!! "}


class ProgressView:
    """A sink of events; use it as a context manager.

    On a terminal every machine has one line with what it does and for how long; elsewhere every
    event is a line with the seconds since the start.

    live  False where questions are asked meanwhile, which a moving line would overwrite
    """

    def __init__(self, console: Console, *, live: bool = True) -> None:
        self._console = console
        self._started = time.monotonic()
        self._steps: dict[str, tuple[Progress, float]] = {}
        self._live = (
            Live(console=console, get_renderable=self._draw, refresh_per_second=5, transient=False)
            if live and console.is_terminal
            else None
        )

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live:
            self._live.stop()

    def __call__(self, event: Event) -> None:
        """Take an event."""
        if isinstance(event, Notice):
            self.say(event.text)
            return
        self._steps[event.subject] = (event, time.monotonic())
        if not self._live:
            self.say(f"{event.subject}: {_MARKS[event.state]}{event.step}")

    def say(self, text: str) -> None:
        """A line that stays."""
        seconds = time.monotonic() - self._started
        stamp = "" if self._live else f"[{seconds:6.1f} s] "
        self._console.print(Text(stamp + plain(text)), soft_wrap=True)

    def _draw(self) -> Table:
        now = time.monotonic()
        grid = Table.grid(padding=(0, 2))
        for subject, (event, since) in self._steps.items():
            age = format_duration(now - since) if event.state is State.WORKING else ""
            style = {State.DONE: "green", State.FAILED: "red"}.get(event.state, "")
            step = Text(_MARKS[event.state] + plain(event.step), style=style)
            grid.add_row(Text(subject, style="bold"), step, Text(age, style="dim"))
        return grid
