"""How many of something: a number, or as many as the machines have vCPUs."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from nestlab.spec.values import refusal

Count = int | Literal["vcpus"]
_MOST = 4096
_SCHEMA = {"anyOf": [{"type": "integer", "minimum": 1, "maximum": _MOST}, {"const": "vcpus"}]}


def _read_count(value: object) -> Count:
    if value == "vcpus":
        return "vcpus"
    if type(value) is not int or not 1 <= value <= _MOST:
        raise refusal(f"must be a whole number from 1 to {_MOST}, or vcpus")
    return value


def _read_counts(value: object) -> tuple[Count, ...]:
    """One may stand alone."""
    each = value if isinstance(value, list | tuple) else (value,)
    found = tuple(dict.fromkeys(map(_read_count, each)))
    if not 0 < len(found) <= 16:
        raise refusal("must have from 1 to 16 entries")
    return found


def at(counts: tuple[Count, ...], vcpus: int) -> tuple[int, ...]:
    """The numbers themselves on machines of so many vCPUs, each once, the smallest first."""
    return tuple(sorted({vcpus if count == "vcpus" else count for count in counts}))


OneCount = Annotated[Count, BeforeValidator(_read_count), WithJsonSchema(_SCHEMA)]
Counts = Annotated[
    tuple[Annotated[Count, Field()], ...],
    BeforeValidator(_read_counts),
    WithJsonSchema(
        {"anyOf": [*_SCHEMA["anyOf"], {"type": "array", "items": _SCHEMA, "minItems": 1}]}
    ),
]
"""`2`, `vcpus`, or a list of both kinds."""
