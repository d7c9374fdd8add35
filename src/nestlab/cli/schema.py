"""`nestlab schema`: JSON Schemas of the files that nestlab reads and writes."""

from enum import StrEnum
from typing import Annotated

import typer


class Kind(StrEnum):
    """Files with a schema."""

    FACTS = "facts"
    LAB = "lab"
    RESULT = "result"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="schema", help="Print the JSON Schema of a file format.")(schema)


def schema(kind: Annotated[Kind, typer.Argument(help="Which file.")]) -> None:
    """Print a JSON Schema."""
    import json

    if kind is Kind.RESULT:
        from nestlab.result.schema import result_schema

        found = result_schema()
    elif kind is Kind.LAB:
        from nestlab.spec.schema import lab_schema

        found = lab_schema()
    else:
        from nestlab.facts.model import Facts

        found = Facts.model_json_schema(by_alias=True)
    typer.echo(json.dumps(found, indent=2))
