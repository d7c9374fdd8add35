"""The manual page `nestlab(1)`, from the command line itself (groff_man(7))."""

import re
from collections.abc import Iterator

import typer
from typer.core import TyperCommand, TyperGroup

from nestlab import __version__

_STATUSES = (
    ("0", "done, or the answer is yes"),
    ("1", "the answer is no: not ready"),
    ("2", "the command line or the lab file is wrong"),
    ("3", "the host lacks something; the message has the command that mends it"),
    ("4", "a machine failed: launch, boot, shell or monitor"),
    ("5", "a workload could not be set up"),
    ("6", "stored data is damaged, missing or too new"),
    ("7", "only the clean-up failed"),
    ("70", "a bug in nestlab"),
    ("129, 130, 143", "interrupted, after a clean teardown"),
)
_FILES = (
    ("~/.cache/nestlab", "images"),
    ("~/.local/state/nestlab", "labs that are there, runs with their consoles and results"),
)


def man_page(group: TyperGroup) -> str:
    """The whole page, one section for each command."""
    return "\n".join(_lines(group)) + "\n"


def _lines(group: TyperGroup) -> Iterator[str]:
    yield f'.TH NESTLAB 1 "" "nestlab {__version__}" "User Commands"'
    yield from (".SH NAME", f"nestlab \\- {_text('nested KVM you can trust')}")
    yield from (".SH SYNOPSIS", ".B nestlab", ".I COMMAND", "[ARGS]", ".SH DESCRIPTION")
    yield _text(group.help or "")
    yield ".SH COMMANDS"
    for name, command in group.commands.items():
        if not command.hidden:
            yield from _command(name, command)
    for title, rows in (("EXIT STATUS", _STATUSES), ("FILES", _FILES)):
        yield f".SH {title}"
        for term, meaning in rows:
            yield from _item(term, meaning)
    yield from (".SH ENVIRONMENT", ".TP", "\\fBNESTLAB_HOME\\fR")
    yield "moves all files into one folder"


def _command(name: str, command: object) -> Iterator[str]:
    if isinstance(command, TyperGroup):
        for inner, each in command.commands.items():
            yield from _command(f"{name} {inner}", each)
        return
    if not isinstance(command, TyperCommand):
        raise TypeError(f"{name} is no command")
    context = typer.Context(command, info_name=name)
    usage = " ".join(command.collect_usage_pieces(context))
    yield f".SS {_text(f'nestlab {name} {usage}')}"
    yield _text(command.help or "")
    for parameter in command.get_params(context):
        record = getattr(parameter, "get_help_record", lambda _: None)(context)
        if record:
            yield from _item(*record)
    if command.epilog:
        yield from (".PP", ".nf")
        yield from (_raw(line) for line in command.epilog.splitlines() if line)
        yield ".fi"


def _item(term: str, meaning: str) -> Iterator[str]:
    yield from (".TP", f"\\fB{_text(term)}\\fR", _text(meaning))


def _text(text: str) -> str:
    return _raw(" ".join(text.split()))


def _raw(line: str) -> str:
    """Nothing in it is a request or an escape."""
    line = line.replace("\\", "\\e").replace("-", "\\-").replace("…", "...")
    return re.sub(r"^([.'])", r"\\&\1", line)
