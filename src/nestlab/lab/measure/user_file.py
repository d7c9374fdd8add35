"""A file that the user names on L0."""

from pathlib import Path

from nestlab.errors import UsageError


def read_user_file(path: Path, most: int, *, code: str, hint: str) -> bytes:
    """What is in it, at most one byte more than `most`, which tells that it is too large.

    Raises UsageError with that code when it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return file.read(most + 1)
    except OSError as problem:
        raise UsageError(code, f"cannot read {path}: {problem.strerror}", hint=hint) from problem
