"""Runs that come with nestlab, by name: what others published, as they published it."""

from importlib import resources

from nestlab.result.models import Result
from nestlab.result.reading import parse

NAMES = ("seed-2018",)


def reference(name: str) -> Result:
    """The run of one of `NAMES`, read and validated as any other. Raises KeyError."""
    if name not in NAMES:
        raise KeyError(name)
    file = f"{name}.json"
    return parse((resources.files(__package__) / file).read_bytes(), name=file)
