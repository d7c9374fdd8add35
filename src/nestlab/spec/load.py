"""Reading a lab file."""

import re
from pathlib import Path

from pydantic import ValidationError

from nestlab.errors import UsageError
from nestlab.spec.conflicts import conflicts
from nestlab.spec.document import Document, read
from nestlab.spec.explain import explain
from nestlab.spec.finding import Finding, all_in_one, shown
from nestlab.spec.models import LabSpec
from nestlab.spec.values import FROM_FILE, LAB_NAME
from nestlab.units import MIB

MAX_BYTES = MIB
"""A lab of 1000 machines, each written out, is a tenth of this."""


def load(path: Path | str) -> LabSpec:
    """The lab that a file describes.

    Raises UsageError `lab-file.unreadable` and what `parse` raises.
    """
    try:
        with Path(path).open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
        if len(raw) > MAX_BYTES:
            raise _too_large(str(path))
        text = raw.decode("utf-8-sig")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else None
        raise UsageError(
            "lab-file.unreadable",
            f"{path}: {reason or 'not a file of UTF-8 text'}",
            hint="give the path of a lab file, such as examples/seed.yaml",
        ) from error
    return parse(text, name=str(path))


def parse(text: str, *, name: str = "lab.yaml") -> LabSpec:
    """The lab that a text describes; `name` is the file that messages name.

    A lab without `name:` is called like the file, without its folder and suffix. Raises
    UsageError: `lab-file.unreadable` (too large), `lab-file.syntax`, or the code of the first
    problem of `lab-file.unknown-key`, `lab-file.value`, `lab-file.duplicate`,
    `lab-file.too-many`, `lab-file.unknown-network`, with all others in its notes.
    """
    if len(text) > MAX_BYTES:
        raise _too_large(name)
    document = read(text, name)
    data = {} if document.data is None else document.data
    if not isinstance(data, dict):
        raise UsageError(
            "lab-file.value",
            f"{name}:1:1: the file must be a mapping (key: value), not {shown(data)}",
            hint="begin with `guests:`",
        )
    return _validate(document, data, name)


def _too_large(file: str) -> UsageError:
    return UsageError(
        "lab-file.unreadable",
        f"{file}: larger than {MAX_BYTES // MIB} MiB",
        hint="use `count` for guests that are equal, and `files` for what they contain",
    )


def _validate(document: Document, data: dict[str, object], file: str) -> LabSpec:
    findings, lab = list(document.findings), None
    if "name" not in data:
        data["name"], unfit = _name_from(Path(file).stem)
        findings += unfit
    try:
        lab = LabSpec.model_validate(data, context=FROM_FILE)
    except ValidationError as error:
        findings += explain(error)
    findings += conflicts(data)
    if lab is None or findings:
        raise all_in_one(findings, document.place, file)
    return lab


def _name_from(stem: str) -> tuple[str, list[Finding]]:
    """The lab's name from the name of its file, and what is wrong with it."""
    if re.fullmatch(LAB_NAME, stem):
        return stem, []
    error = UsageError(
        "lab-file.value",
        f"name is missing, and the name of the file cannot be used for it: {shown(stem)}",
        hint=f"add a line such as `name: {_fit(stem)}`",
    )
    return "lab", [Finding(("name",), error)]


def _fit(stem: str) -> str:
    words = re.findall(r"[a-z0-9]+", stem.lower())
    fit = "-".join(words).lstrip("-0123456789")[:32].rstrip("-")
    return fit or "lab"
