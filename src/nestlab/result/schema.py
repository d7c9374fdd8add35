"""The JSON Schema of the result file, for `nestlab schema result` and for other programs.

A copy is committed beside this file (`result.schema.json`); a test keeps it true. Rewrite it with
`python -m nestlab.result.schema > src/nestlab/result/result.schema.json`.
"""

import json
import sys

from nestlab.result.models import SCHEMA, Result

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def result_schema() -> dict[str, object]:
    """The schema as data. What no schema can say (parents, unique series) the model checks."""
    schema = Result.model_json_schema(by_alias=True)
    return {
        "$schema": DIALECT,
        **schema,
        "title": SCHEMA,
        "required": ["schema", "run", "machines"],
    }


def schema_text() -> str:
    """The schema as the text of a file."""
    return json.dumps(result_schema(), indent=2, sort_keys=True) + "\n"


if __name__ == "__main__":
    sys.stdout.write(schema_text())
