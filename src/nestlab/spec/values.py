"""Kinds of values in a lab file: sizes, names, paths, commands.

Everything here may reach an argv, a file name or a kernel command line later. So each kind says
which characters it has; nothing else gets past the lab file.
"""

import re
from typing import Annotated

from pydantic import (
    AfterValidator,
    BeforeValidator,
    PlainSerializer,
    StringConstraints,
    ValidationInfo,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from nestlab.errors import UsageError
from nestlab.units import GIB, KIB, MIB, TIB, format_size, parse_size

FROM_FILE = "from a file"
"""Validation context of text that a person wrote: there a number needs a unit."""

LAB_NAME = r"^[a-z](?:[a-z0-9-]{0,30}[a-z0-9])?$"
WORKLOAD_NAME = LAB_NAME
GUEST_NAME = r"^[a-z](?:[a-z0-9-]{0,29}[a-z0-9])?$"
SIZE = r"^\d{1,18}(?:\.\d{1,18})?\s*(?:[Bb]|[KkMmGgTt](?:[Ii]?[Bb])?)$"
_PRINTABLE = r"[^\x00-\x1f\x7f-\x9f]"
_UNITS = (("TiB", TIB), ("GiB", GIB), ("MiB", MIB), ("KiB", KIB))


def refusal(problem: str, **context: object) -> PydanticCustomError:
    """What a validator raises: `problem` continues the sentence that the key path begins."""
    return PydanticCustomError("lab_value", problem.replace("{", "(").replace("}", ")"), context)


def size_text(size: int) -> str:
    """A size in bytes as the lab file writes it, without loss: ``1536MiB``, ``123B``."""
    for unit, factor in _UNITS:
        if size % factor == 0:
            return f"{size // factor}{unit}"
    return f"{size}B"


def _read_size(value: object, info: ValidationInfo) -> object:
    if isinstance(value, str):
        if not re.fullmatch(SIZE, value.strip(), re.ASCII):
            raise refusal("is not a size")
        try:
            return parse_size(value)
        except UsageError as error:
            raise refusal("is not a size") from error
    if isinstance(value, bool) or not isinstance(value, int):
        raise refusal("must be a size")
    if info.context == FROM_FILE:
        raise refusal("needs a unit", hint=f"write {value}MiB or {value}GiB")
    return value


def _size_limits(low: int, high: int) -> AfterValidator:
    def check(size: int) -> int:
        if size < low:
            raise refusal(f"must be at least {format_size(low)}")
        if size > high:
            raise refusal(f"must be at most {format_size(high)}")
        return size

    return AfterValidator(check)


_Size = Annotated[
    int,
    BeforeValidator(_read_size),
    PlainSerializer(size_text, return_type=str),
    WithJsonSchema({"type": "string", "pattern": SIZE, "examples": ["4GiB", "512MiB"]}),
]
Memory = Annotated[_Size, _size_limits(64 * MIB, 64 * TIB)]
DiskSize = Annotated[_Size, _size_limits(MIB, 1024 * TIB)]


def _whole_sectors(size: int) -> int:
    if size % 512:
        raise refusal("must be a multiple of 512 bytes")
    return size


BlockSize = Annotated[_Size, _size_limits(512, 64 * MIB), AfterValidator(_whole_sectors)]


def _read_mode(value: object, info: ValidationInfo) -> object:
    if isinstance(value, str) and re.fullmatch(r"0?[0-7]{3}|[1-7][0-7]{3}", value, re.ASCII):
        return int(value, 8)
    if type(value) is int and info.context != FROM_FILE and 0 <= value <= 0o7777:
        return value
    # 644 without quotes is a decimal number to YAML: guessing what was meant could open a key file
    raise refusal("is not a mode", hint='write octal digits in quotes, such as "0644"')


Mode = Annotated[
    int,
    BeforeValidator(_read_mode),
    PlainSerializer(lambda mode: f"{mode:04o}", return_type=str),
    WithJsonSchema({"type": "string", "pattern": "^(?:0?[0-7]{3}|[1-7][0-7]{3})$"}),
]


def _not_the_host(name: str) -> str:
    if name == "l0":
        raise refusal("must not be l0, which is the host")
    return name


def _no_way_up(path: str) -> str:
    if ".." in path.split("/"):
        raise refusal("must not contain `..`")
    return path


LabName = Annotated[str, StringConstraints(pattern=LAB_NAME)]
GuestName = Annotated[str, StringConstraints(pattern=GUEST_NAME), AfterValidator(_not_the_host)]
NetworkName = Annotated[str, StringConstraints(pattern=GUEST_NAME)]
DiskName = Annotated[str, StringConstraints(pattern=r"^[a-z](?:[a-z0-9-]{0,18}[a-z0-9])?$")]
ImageName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.+_-]{0,63}$")]
ProfileName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,31}$")]
PackageName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9+.-]{1,127}$")]
CpuModel = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.,+=-]{0,511}$")]
KernelWord = Annotated[
    # blanks only inside double quotes, as the kernel itself reads its command line
    str, StringConstraints(pattern=r'^(?:[!#-~]|"[ !#-~]*")+$', max_length=512)
]
LocalPath = Annotated[str, StringConstraints(pattern=rf"^{_PRINTABLE}+$", max_length=4095)]
AbsolutePath = Annotated[
    str,
    StringConstraints(pattern=rf"^/{_PRINTABLE}+$", max_length=4095),
    AfterValidator(_no_way_up),
]

_COMMAND_LIMIT = 64 * KIB


def _read_command(value: object) -> str | tuple[str, ...]:
    words = [value] if isinstance(value, str) else value
    if not isinstance(words, list | tuple):
        raise refusal("must be a line of shell or a list of words")
    for word in words:
        if not isinstance(word, str):
            raise refusal("must have only text", hint="put numbers and true/false in quotes")
        if "\0" in word:
            raise refusal("must not have a NUL")
    if not words or not words[0].strip():
        raise refusal("must not be empty")
    if sum(map(len, words)) > _COMMAND_LIMIT:
        raise refusal(f"must be shorter than {_COMMAND_LIMIT} characters", hint="use `files`")
    return value if isinstance(value, str) else tuple(words)


Command = Annotated[
    str | tuple[str, ...],
    BeforeValidator(_read_command),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "minLength": 1},
                {"type": "array", "items": {"type": "string"}, "minItems": 1},
            ]
        }
    ),
]
"""Text is a line for the guest's shell; a list of words is an argv that no shell sees."""


def _only_words(value: str | tuple[str, ...]) -> tuple[str, ...]:
    if isinstance(value, str):
        raise refusal("must be a list of words", hint="for a line of shell: [sh, -c, 'line']")
    return value


Words = Annotated[
    tuple[str, ...],
    BeforeValidator(lambda value: _only_words(_read_command(value))),
    WithJsonSchema({"type": "array", "items": {"type": "string"}, "minItems": 1}),
]
"""An argv that no shell sees."""
