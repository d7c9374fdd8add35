"""A workload that is chosen by name, with its options.

`fio: {rw: randread}` in a lab file, `fio:rw=randread` on a command line.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Annotated, Any

from pydantic import (
    BeforeValidator,
    InstanceOf,
    PlainSerializer,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import PydanticKnownError

from nestlab.errors import UsageError
from nestlab.spec.document import read
from nestlab.spec.entry import Options
from nestlab.spec.finding import nearest
from nestlab.spec.values import FROM_FILE, WORKLOAD_NAME, refusal
from nestlab.spec.workload_options import OPTIONS


@dataclass(frozen=True)
class Choice:
    """Without options, the name may be that of a workload of another package."""

    name: str
    options: Options = field(default_factory=Options)

    @property
    def label(self) -> str:
        """The options as they are told apart, such as `bs=64KiB`; empty when there are none."""
        data = self.options.model_dump(mode="json", include=set(self.options.given()))
        return " ".join(f"{key}={_short(value)}" for key, value in data.items())


def _short(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case list():
            return "+".join(map(_short, value))
        case dict():
            return ",".join(f"{key}={each}" for key, each in value.items())
        case _:
            return str(value)


@cache
def _adapter(name: str) -> TypeAdapter[dict[str, Options]]:
    """Of the whole mapping, so that errors have the name in their place."""
    kind: Any = OPTIONS.get(name, Options)
    return TypeAdapter(dict[str, kind])


def _read_choice(value: object, info: ValidationInfo) -> Choice:
    if isinstance(value, Choice):
        return value
    if not isinstance(value, dict):
        raise PydanticKnownError("dict_type")
    if len(value) != 1:
        kind, limit = ("too_long", "max_length") if value else ("too_short", "min_length")
        context = {"field_type": "Dictionary", limit: 1, "actual_length": len(value)}
        raise PydanticKnownError(kind, context)  # type: ignore[arg-type]
    (name,) = value
    if not isinstance(name, str) or not re.fullmatch(WORKLOAD_NAME, name):
        raise refusal("must have the name of a workload", hint=_known(str(name)))
    if name not in OPTIONS and value[name] != {}:
        raise refusal(f"gives options to {name!r}, which nestlab does not have", hint=_known(name))
    return Choice(name, _adapter(name).validate_python(value, context=info.context)[name])


def _known(name: str) -> str:
    return nearest(name, OPTIONS, "workloads")


class _Described:
    """The JSON Schema, made when it is asked for."""

    def __get_pydantic_json_schema__(self, core: Any, handler: Any) -> JsonSchemaValue:
        return {
            "type": "object",
            "properties": {name: kind.model_json_schema() for name, kind in OPTIONS.items()},
            "propertyNames": {"pattern": WORKLOAD_NAME},
            "additionalProperties": {"type": "object", "maxProperties": 0},
            "minProperties": 1,
            "maxProperties": 1,
        }


Chosen = Annotated[
    InstanceOf[Choice],
    BeforeValidator(_read_choice),
    PlainSerializer(
        lambda choice: {choice.name: choice.options.model_dump(mode="json", exclude_unset=True)},
        return_type=dict[str, Any],
    ),
    _Described(),
]
"""A workload that nestlab has, with its options."""


def parse_choice(text: str) -> Choice:
    """The choice in `fio`, `fio:rw=randread,size=1GiB` or `unixbench:copies=[1,vcpus]`.

    Values are those of a lab file. Raises UsageError with the code that a lab file's would have.
    """
    name, _, rest = text.partition(":")
    given: dict[str, object] = {}
    for part in _parts(rest) if rest else ():
        key, equals, value = (each.strip() for each in part.partition("="))
        if not key or not equals:
            raise _wrong(text, f"{part!r} is not KEY=VALUE")
        if key in given:
            raise _wrong(text, f"{key} is there twice")
        given[key] = read(value, f"--workload {text}").data
    try:
        return TypeAdapter(Chosen).validate_python({name: given}, context=FROM_FILE)
    except ValidationError as error:
        from nestlab.spec.explain import explain  # noqa: PLC0415 - it explains this module's errors

        # as the only entry of a lab file, which has the same words for it
        details = next(explain(error, ("bench", "workloads", 0))).error
        message = details.message.replace("bench.workloads[0]", f"--workload {name}", 1)
        raise replace(details, message=message.replace(f"{name}.{name}.", f"{name}: ")) from None


def _parts(text: str) -> Iterator[str]:
    """Between commas that are not in brackets."""
    depth, start = 0, 0
    for place, sign in enumerate(text):
        depth += (sign in "[{") - (sign in "]}")
        if sign == "," and depth == 0:
            yield text[start:place]
            start = place + 1
    yield text[start:]


def _wrong(text: str, why: str) -> UsageError:
    return UsageError(
        "lab-file.value",
        f"--workload {text[:100]}: {why}",
        hint="write NAME, or NAME:KEY=VALUE,KEY=VALUE such as fio:rw=randread,size=1GiB",
    )
