"""The run that a word on the command line means."""

from pathlib import Path
from typing import TYPE_CHECKING

from nestlab.home import Home

if TYPE_CHECKING:
    from nestlab.result.models import Result

HELP = "A run's id, folder or result file, or seed-2018, the published figures."


def open_run(word: str) -> "Result":
    """The result of a reference run, of a run of ours, or of a folder or file.

    A file that has a reference run's name is meant by `./seed-2018`. Raises what
    `nestlab.result.reading.load` raises.
    """
    from nestlab.result.reading import load
    from nestlab.result.reference import reference

    return reference(word) if is_reference(word) else load(find_run(word))


def find_run(word: str) -> Path:
    """The folder of a run of ours, or whatever folder or file the word names."""
    known = Home.from_environment().runs / word
    return known if known.exists() else Path(word)


def is_reference(word: str) -> bool:
    """Whether the word names a run that comes with nestlab."""
    from nestlab.result.reference import NAMES

    return word in NAMES
