"""What a lab file says about measuring: workloads that nestlab has, and one's own."""

import re
from typing import Annotated, Literal

from pydantic import (
    BeforeValidator,
    Discriminator,
    Field,
    PlainSerializer,
    StringConstraints,
    Tag,
    WithJsonSchema,
)

from nestlab.spec.choice import Choice, Chosen
from nestlab.spec.entry import Entry
from nestlab.spec.values import WORKLOAD_NAME, Words, refusal

_PATH = re.compile(r"[^.\s]+(?:\.[^.\s]+)*")
_LONGEST = 500


def _read_metric(value: object) -> tuple[str, str]:
    """`{regex: …}` or `{json: …}` as a pair."""
    pair = next(iter(value.items())) if isinstance(value, dict) and len(value) == 1 else value
    if not isinstance(pair, tuple) or len(pair) != 2 or pair[0] not in {"regex", "json"}:
        raise refusal("must have exactly one of `regex` and `json`")
    kind, expression = pair
    if not isinstance(expression, str) or not 0 < len(expression) <= _LONGEST:
        raise refusal(f"must have a text of 1 to {_LONGEST} characters")
    if kind == "json":
        if not _PATH.fullmatch(expression):
            raise refusal("is not a path of keys with dots between them")
        return kind, expression
    try:
        groups = re.compile(expression).groups
    except (re.error, OverflowError, RecursionError) as error:
        raise refusal(f"is not a regular expression ({error})") from error
    if groups != 1:
        raise refusal(f"must have one group, which is the figure, not {groups}")
    return kind, expression


Metric = Annotated[
    tuple[Literal["regex", "json"], str],
    BeforeValidator(_read_metric),
    PlainSerializer(lambda pair: {pair[0]: pair[1]}, return_type=dict[str, str]),
    WithJsonSchema(
        {
            "oneOf": [
                {
                    "type": "object",
                    "properties": {kind: {"type": "string", "minLength": 1, "maxLength": _LONGEST}},
                    "required": [kind],
                    "additionalProperties": False,
                }
                for kind in ("regex", "json")
            ]
        }
    ),
]
"""How a figure is found in what a command prints."""


class BenchWorkload(Entry):
    """A command to be measured on every machine, and where its figure is."""

    name: Annotated[str, StringConstraints(pattern=WORKLOAD_NAME)] = Field(
        description="at most 32 characters: a small letter, then small letters, digits and "
        "hyphens, not ending in a hyphen"
    )
    command: Words = Field(
        description="list of words that no shell sees; for a line of shell: [sh, -c, 'line']"
    )
    metric: Metric = Field(
        description="{regex: 'score: ([0-9.]+)'} with one group, or {json: 'jobs.0.iops'}"
    )
    unit: Annotated[str, StringConstraints(pattern=r"^[!-~](?:[ -~]{0,30}[!-~])?$")] = Field(
        description="unit of the figure, 1 to 32 printable ASCII characters, such as MB/s"
    )
    better: Literal["higher", "lower"] = Field(
        description="which figure is better: higher or lower"
    )
    seconds: int = Field(
        default=60,
        strict=True,
        ge=1,
        le=86400,
        description="seconds that it works when all is well, from 1 to 86400",
    )


TAGS = ("(own)", "(chosen)")
"""Of pydantic, in the places of its errors: no key of a file."""


def _tag(value: object) -> str:
    own = isinstance(value, BenchWorkload) or (isinstance(value, dict) and "command" in value)
    return TAGS[0] if own else TAGS[1]


class Bench(Entry):
    """What is measured on a lab."""

    rounds: int = Field(
        default=5,
        strict=True,
        ge=1,
        le=1000,
        description="how often everything is measured, from 1 to 1000",
    )
    workloads: tuple[
        Annotated[
            Annotated[BenchWorkload, Tag(TAGS[0])] | Annotated[Chosen, Tag(TAGS[1])],
            Discriminator(_tag),
        ],
        ...,
    ] = Field(
        default=(),
        max_length=32,
        description="at most 32 workloads: one that nestlab has, {fio: {rw: randread}}, or your "
        "own, {name: mine, command: [prog], metric: {json: a.b}, unit: MB/s, better: higher}",
    )

    @property
    def chosen(self) -> tuple[Choice, ...]:
        """Those that do not come from the lab file itself, in its order."""
        return tuple(each for each in self.workloads if isinstance(each, Choice))

    @property
    def own(self) -> tuple[BenchWorkload, ...]:
        """The workloads that the lab file itself brings."""
        return tuple(each for each in self.workloads if isinstance(each, BenchWorkload))
