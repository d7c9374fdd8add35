"""Read a result file: refuse what is damaged or too new, migrate what is older."""

import contextlib
import gc
import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from pydantic import ValidationError

from nestlab.errors import StoredDataError
from nestlab.harmless import plain
from nestlab.result.models import Result

FILE_NAME = "result.json"
MAJOR = 1

Document = dict[str, object]
Migration = Callable[[Document], Document]
MIGRATIONS: Mapping[int, Migration] = {}
"""From a major version to the next, each a pure function. None yet: 1 is the first."""

_SCHEMA = re.compile(r"nestlab\.result/(\d{1,9})", re.ASCII)


def load(path: Path) -> Result:
    """The result in a file, or in the run folder that holds it.

    Raises StoredDataError: `result.missing`, `result.unreadable` (permission and the like),
    `result.damaged` (with the position or the key), `result.too-new`.
    """
    file = path / FILE_NAME if path.is_dir() else path
    return parse(_read(file), name=str(file))


def parse(data: bytes, *, name: str) -> Result:
    """The result in a file's bytes; `name` is the file in messages. Raises as `load` does."""
    try:
        # In one go, for a large file's sake; only what is refused is looked at more closely.
        with _no_collection():
            return Result.model_validate_json(data)
    except ValidationError:
        document = _document(data, name)
    version = _version(document, name)
    if version > MAJOR:
        raise StoredDataError(
            "result.too-new",
            f"{name} is nestlab.result/{version}; this nestlab reads up to {MAJOR}",
            log=name,
            hint="read it with the nestlab that wrote it, or a newer one",
        )
    for step in range(version, MAJOR):
        if step not in MIGRATIONS:
            raise _damaged(name, "schema: there never was such a version")
        document = MIGRATIONS[step](document)
    # As JSON again, because strict models take a time from a string only when it is JSON.
    text = data if version == MAJOR else json.dumps(document).encode()
    try:
        return Result.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        key = ".".join(map(str, first["loc"])) or "the file as a whole"
        raise _damaged(name, f"{key}: {first['msg']}") from error


@contextlib.contextmanager
def _no_collection() -> Iterator[None]:
    """No search for cycles: a result has none, and it takes twice as long as all the reading."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError as error:
        raise StoredDataError(
            "result.missing",
            f"there is no result at {file}",
            log=str(file),
            hint="give the folder of a run, or its result.json",
        ) from error
    except OSError as error:
        raise StoredDataError(
            "result.unreadable", f"{file}: {error.strerror}", log=str(file)
        ) from error


def _document(data: bytes, name: str) -> Document:
    try:
        document = json.loads(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise _damaged(name, f"byte {error.start} is not UTF-8") from error
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise _damaged(name, f"{place}: {error.msg}") from error
    except (ValueError, RecursionError) as error:
        raise _damaged(name, f"not readable as JSON: {error}") from error
    if not isinstance(document, dict):
        raise _damaged(name, "the file as a whole: not a JSON object")
    return document


def _version(document: Document, name: str) -> int:
    said = document.get("schema")
    match = _SCHEMA.fullmatch(said) if isinstance(said, str) else None
    if match is None:
        raise _damaged(name, f"schema: must be nestlab.result/{MAJOR}, not {str(said)[:80]!r}")
    return int(match[1])


def _damaged(name: str, what: str) -> StoredDataError:
    # keys and values may come from a guest
    told = plain(what, longest=500)
    return StoredDataError(
        "result.damaged",
        f"{name} is not a result file: {told}",
        log=name,
        hint="the raw outputs are in the folder raw beside it",
    )
