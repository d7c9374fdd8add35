"""The JSON Schema of the lab file, for `nestlab schema lab` and for editors."""

from nestlab.spec.models import LabSpec

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def lab_schema() -> dict[str, object]:
    """The schema as data. What no schema can say (equal names, networks) the loader checks."""
    schema = LabSpec.model_json_schema()
    # a file without a name is called like the file
    required = [key for key in schema["required"] if key != "name"]
    return {"$schema": DIALECT, **schema, "title": "nestlab lab file", "required": required}
