"""What pydantic found wrong, in the words of the lab file."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from nestlab.errors import UsageError
from nestlab.spec.bench import TAGS, Bench, BenchWorkload
from nestlab.spec.entry import Entry
from nestlab.spec.finding import Finding, Loc, key_path, nearest, shown
from nestlab.spec.models import Disk, File, Guest, LabSpec, Network, Settings
from nestlab.spec.workload_options import OPTIONS

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_INSIDE: dict[str, type[Entry]] = {
    "guests": Guest, "defaults": Settings, "disks": Disk, "files": File,
}  # fmt: skip
_WORDS = {
    "string_type": "must be text",
    "int_type": "must be a whole number",
    "bool_type": "must be true or false",
    "tuple_type": "must be a list",
    "dict_type": "must be a mapping (key: value)",
    "model_type": "must be a mapping (key: value)",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "too_short": "must have at least {min_length} entry",
    "too_long": "must have at most {max_length} entries",
    "string_too_long": "must have at most {max_length} characters",
    "string_pattern_mismatch": "has characters that are not allowed, or is too long",
    "literal_error": "must be {expected}",
}


def explain(error: ValidationError, above: Loc = ()) -> Iterator[Finding]:
    """The findings of a failed validation of LabSpec, or of what is at `above` in it."""
    for details in error.errors(include_url=False):
        # entries that are wrong do not count for pydantic; they are there all the same
        if details["type"] != "too_short" or not details["input"]:
            yield _finding({**details, "loc": (*above, *details["loc"])})


def _finding(details: "ErrorDetails") -> Finding:
    kind, loc = details["type"], tuple(part for part in details["loc"] if part not in TAGS)
    if kind == "extra_forbidden":
        owner, _ = _field(loc)
        unknown = UsageError(
            "lab-file.unknown-key",
            f"{key_path(loc)} is not a known key",
            hint=nearest(str(loc[-1]), owner.model_fields, "known keys here"),
        )
        return Finding(loc, unknown)
    if loc[-1:] == ("[key]",):
        loc = loc[:-1]
    context: dict[str, Any] = details.get("ctx", {})
    path, hint = key_path(loc), context.get("hint") or _allowed(loc)
    if kind == "missing":
        return Finding(loc, UsageError("lab-file.value", f"{path} is missing", hint=hint))
    words = _WORDS.get(kind, details["msg"]).format_map(context)
    message = f"{path} {words}: {shown(details['input'])}"
    return Finding(loc, UsageError("lab-file.value", message, hint=hint))


def _field(loc: Loc) -> tuple[type[Entry], str]:
    """The model that a location is in, and its field there."""
    names = [part for part in loc if isinstance(part, str)]
    match names:
        case ["bench" | "networks" as key] | ["networks" as key, _]:
            return LabSpec, key
        case ["bench", *inner]:
            return _field_of_bench(inner)
        case ["networks", _, key, *_]:
            return Network, key
        case []:
            return LabSpec, ""
    owner: type[Entry] = LabSpec
    for name in names[:-1]:
        owner = _INSIDE.get(name, owner)
    return owner, names[-1]


def _field_of_bench(names: list[str]) -> tuple[type[Entry], str]:
    match names:
        case ["workloads", name, key, *_] if name in OPTIONS:
            return OPTIONS[name], key
        case ["workloads", key, *_] if key not in OPTIONS:
            return BenchWorkload, key
    return Bench, names[0]


def _allowed(loc: Loc) -> str:
    """What may be there: the description of the field."""
    owner, key = _field(loc)
    field = owner.model_fields.get(key)
    return (field.description if field else None) or "see the documentation of the lab file"
