"""A run is shown as it happens, and until it is over."""

import asyncio
import io
import signal
import subprocess
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rich.console import Console

from cli_process import nestlab
from measured import RUN, machine, series
from nestlab.cli.watch import follow
from nestlab.errors import StoredDataError
from nestlab.report.standing import standing
from nestlab.result.models import Result
from nestlab.result.store import RunFolder

ENDED = datetime(2026, 11, 24, 1, tzinfo=UTC)


def state(*values: float, ended: bool = False) -> Result:
    """A run of which so many of four samples are there."""
    figures = (series("l0", "randread", "IOPS", *values),) if values else ()
    run = RUN.model_copy(update={"turns": 4, "ended": ENDED if ended else None})
    return Result(run=run, machines=(machine("l0"),), series=figures)


STATES = (state(5.0), state(5.0, 7.0), state(5.0, 7.0, 9.0, ended=True))


def followed(folder: RunFolder, states: Iterable[Result], *, terminal: bool = False) -> str:
    """What is shown while the file goes through the states, one at each pause."""
    out = io.StringIO()
    console = Console(file=out, force_terminal=terminal, width=100, color_system=None)
    coming = iter(states)

    async def pause() -> None:
        folder.save(next(coming))

    asyncio.run(follow(folder.path, console, pause))
    return out.getvalue()


def test_elsewhere_every_change_is_a_line_and_the_table_comes_last(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path)
    lines = followed(folder, STATES).splitlines()
    assert lines[:3] == [
        f"{folder.id}: running: 1 of 4 runs; last: fio randread on l0",
        f"{folder.id}: running: 2 of 4 runs; last: fio randread on l0",
        f"{folder.id}: over: 3 of 4 runs; last: fio randread on l0",
    ]
    (median,) = [line for line in lines if line.lstrip().startswith("L0")]
    assert median.split() == ["L0", "7.00"]


def test_on_a_terminal_the_table_is_replaced(tmp_path: Path) -> None:
    text = followed(RunFolder.create(tmp_path), STATES, terminal=True)
    assert "running: 2 of 4 runs" in text
    assert "\x1b[2K" in text  # lines are erased, not only added
    assert text.rstrip().rpartition("Ctrl-C")[2].count("7.00") == 2  # once live, once to stay


def test_a_file_that_did_not_change_is_not_drawn_again(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path)
    folder.save(STATES[0])
    pauses = 0

    async def pause() -> None:
        nonlocal pauses
        pauses += 1
        if pauses == 3:
            folder.save(STATES[2])

    out = io.StringIO()
    asyncio.run(follow(folder.path, Console(file=out, width=100), pause))
    assert [line for line in out.getvalue().splitlines() if "running:" in line] == [
        f"{folder.id}: running: 1 of 4 runs; last: fio randread on l0"
    ]


def test_a_run_that_is_over_is_shown_at_once(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path)
    folder.save(STATES[2])
    assert "over: 3 of 4 runs" in followed(folder, ())


def test_a_run_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StoredDataError, match=r"result\.missing"):
        followed(RunFolder(tmp_path / "gone"), ())


def test_words_of_a_guest_are_harmless_in_the_line() -> None:
    hostile = series("l0", "\x1b[2J" + "a" * 500, "IOPS", 1.0)
    told = str(standing(Result(run=RUN, machines=(machine("l0"),), series=(hostile,))))
    assert told.isprintable()
    assert len(told) < 300
    assert told.startswith("running: 1 runs; last: fio \\x1b[2Jaaa")


def test_a_run_without_samples_has_no_last() -> None:
    assert str(standing(state())) == "running: 0 of 4 runs"


@pytest.mark.parametrize("words", [("--format", "json"), ("--output", "x.html")])
def test_watching_is_for_the_terminal(tmp_path: Path, words: tuple[str, str]) -> None:
    ended = nestlab("report", "--watch", "run", *words, home=tmp_path)
    assert ended.status == 2
    assert ended.err.startswith("error[report.watch]: ")


def test_a_signal_ends_the_watching(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path)
    folder.save(STATES[0])
    argv = [sys.executable, "-m", "nestlab", "report", "--watch", str(folder.path)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout
        assert "running: 1 of 4 runs" in child.stdout.readline()
        child.send_signal(signal.SIGINT)
        rest, _ = child.communicate()
    assert child.returncode == 130
    assert "5.00" in rest  # what is measured so far stays
