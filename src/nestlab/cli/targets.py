"""Words of the command line that name machines."""

from typing import TYPE_CHECKING

from nestlab.home import Home

if TYPE_CHECKING:
    from nestlab.survey.target import Target


def parse_target(word: str | None, home: Home) -> "Target":
    """One target; None is this machine. Raises UsageError `target.unreadable`."""
    from nestlab.survey.target import Here, parse

    return Here() if word is None else parse(word, _labs([word], home))


def parse_targets(words: list[str], home: Home) -> "list[Target]":
    """Several. Raises UsageError `target.unreadable`."""
    from nestlab.survey.target import parse

    labs = _labs(words, home)
    return [parse(word, labs) for word in words]


def _labs(words: list[str], home: Home) -> list[str]:
    """Ids and names of the labs, which are read only where a word may name one."""
    if not any(":" in word for word in words):
        return []
    from nestlab.lab.record.known import words_of

    return words_of(home)
