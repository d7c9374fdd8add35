"""Commands that change machines of a lab: which, with progress, and what is said in the end."""

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from nestlab.home import Home

if TYPE_CHECKING:
    from nestlab.events import Sink
    from nestlab.lab.build.reconcile import Terms
    from nestlab.lab.change.control import Found

T = TypeVar("T")


def find(word: str | None) -> "tuple[Found, str]":
    """The lab and the path that a word of the command line means; `l0` for a whole lab.

    Raises UsageError `target.unreadable`, StoredDataError `lab.unknown`.
    """
    from nestlab.lab.record.known import find_lab, words_of
    from nestlab.lab.record.naming import parse_whole

    home = Home.from_environment()
    name = parse_whole(word, words_of(home))
    return find_lab(home, name.lab), name.path


def run(
    work: "Callable[[Terms, Sink], Coroutine[None, None, T]]", boot_timeout: float = 300.0
) -> T:
    """Do it with progress on stderr; when it fails, the folder of consoles and logs is named."""
    from rich.console import Console

    from nestlab.cli.interrupt import run_interruptible
    from nestlab.cli.progress import ProgressView
    from nestlab.errors import NestlabError
    from nestlab.lab.build.reconcile import Terms

    folders: list[Path] = []
    with ProgressView(Console(stderr=True)) as view:
        terms = Terms(boot_timeout=boot_timeout, started=folders.append)
        try:
            return run_interruptible(work(terms, view), view.say, stopping="stopping …")
        except NestlabError:
            for folder in folders:
                view.say(f"consoles and logs: {folder}")
            raise
