"""The folder of a run: the result file, written whole or not at all, and the raw outputs."""

import contextlib
import os
import re
import secrets
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from nestlab.errors import StoredDataError
from nestlab.machine.replacement import sync
from nestlab.result.models import Result
from nestlab.result.reading import FILE_NAME, load

RAW = "raw"
_UNSAFE = re.compile(r"[^A-Za-z0-9._+-]", re.ASCII)


@dataclass(frozen=True)
class RunFolder:
    """A folder with `result.json` and `raw/`; consoles and logs may stand beside them."""

    path: Path

    @classmethod
    def create(cls, parent: Path, *, now: datetime | None = None) -> "RunFolder":
        """A new folder below `parent`, named by the UTC time and a random id.

        Raises StoredDataError (`result.not-written`).
        """
        moment = (now or datetime.now(UTC)).astimezone(UTC)
        path = parent / f"{moment:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
        with _writing(path):
            path.mkdir(parents=True)
            (path / RAW).mkdir()
        return cls(path)

    @property
    def id(self) -> str:
        """The run's id: the name of the folder."""
        return self.path.name

    @property
    def result_file(self) -> Path:
        """Where the result is."""
        return self.path / FILE_NAME

    def save(self, result: Result) -> None:
        """Replace the result file at once; a crash leaves the old one or the new one.

        Raises StoredDataError (`result.not-written`), and then the old file is as it was.
        """
        text = result.model_dump_json(by_alias=True, indent=2) + "\n"
        _replace(self.result_file, text.encode())

    def save_raw(self, name: str, data: bytes) -> str:
        """Keep a tool's output and return the file's name relative to the folder.

        Characters that do not belong into a file name become `_`, and a slash `+`, so that
        `fio-randread.l1/l2.3.json` may be given. Raises StoredDataError (`result.not-written`).
        """
        safe = _UNSAFE.sub("_", name.replace("/", "+")).lstrip(".") or "_"
        _replace(self.path / RAW / safe, data)
        return f"{RAW}/{safe}"

    def save_file(self, name: str, data: bytes) -> None:
        """Keep a file beside the result. Raises StoredDataError (`result.not-written`)."""
        _replace(self.path / name, data)

    def load(self) -> Result:
        """The result as it was saved last. Raises as `reading.load` does."""
        return load(self.result_file)


def _replace(file: Path, data: bytes) -> None:
    with _writing(file):
        descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
        temporary = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            temporary.replace(file)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        sync(file.parent)


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoredDataError(
            "result.not-written",
            f"{path}: {error.strerror or error}",
            log=str(path),
            hint="make room or give a writable folder: NESTLAB_HOME moves all state of nestlab",
        ) from error
