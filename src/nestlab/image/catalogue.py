"""The cloud images that can be pulled by name: `catalogue.yaml`, or a file of the user's."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from nestlab.errors import UsageError
from nestlab.image.manifest import Name

Url = Annotated[str, StringConstraints(pattern=r"^https?://[!-~]+$")]
"""As written, with `{arch}` where the architecture goes."""


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Detached(_Entry):
    """A signature in a file of its own."""

    file: Url


class Checksums(_Entry):
    """Where a project publishes what its image must be; the fields are explained in the file."""

    url: Url
    one: bool = False
    signature: Detached | Literal["inline"] | None = None
    keyring: tuple[str, ...] = ()
    package: str | None = None


class Entry(_Entry):
    """One image for all its architectures."""

    title: str
    image: Url
    checksums: Checksums
    architectures: dict[str, str] = Field(min_length=1)
    user: str
    looked_up: date


class Catalogue(_Entry):
    """All of them by name."""

    images: dict[Name, Entry]


@dataclass(frozen=True)
class Offer:
    """An entry for one architecture, with every place filled in.

    detached  URL of the signature; None: inline, or none at all
    """

    name: str
    architecture: str
    image: str
    user: str
    checksums: str
    one: bool
    signed: bool
    detached: str | None
    keyring: tuple[Path, ...]
    package: str | None

    @property
    def file(self) -> str:
        """The image's file name, by which checksum files call it."""
        return self.image.rpartition("/")[2]


def load_catalogue(path: Path | None = None) -> Catalogue:
    """The catalogue in the package, or that of a file; raises UsageError `image.catalogue`."""
    try:
        text = (path or files("nestlab.image").joinpath("catalogue.yaml")).read_text("utf-8")
        return Catalogue.model_validate(yaml.safe_load(text))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, ValidationError) as problem:
        raise UsageError(
            "image.catalogue",
            f"{path} is no catalogue of images",
            hint="docs/how-to/get-images.md shows what one looks like",
            notes=tuple(str(problem).splitlines()[:6]),
        ) from problem


def trusting(offer: Offer, keyring: Path) -> Offer:
    """The same with keys of the user's choice; raises UsageError `image.file-missing`."""
    if not keyring.is_file():
        raise UsageError(
            "image.file-missing", f"{keyring} is no file", hint="give the path of a keyring"
        )
    return replace(offer, keyring=(keyring,))


def find_offer(images: Mapping[str, Entry], name: str, architecture: str) -> Offer:
    """The entry of that name for an architecture; raises UsageError `image.unknown`."""
    entry = images.get(name)
    if entry is None:
        raise UsageError(
            "image.unknown",
            f"there is no image {name} in the catalogue",
            hint=f"it has: {', '.join(images)}",
        )
    if architecture not in entry.architectures:
        raise UsageError(
            "image.unknown",
            f"{name} is not published for {architecture}",
            hint=f"it is for: {', '.join(entry.architectures)}",
        )

    def filled(text: str) -> str:
        return text.replace("{arch}", entry.architectures[architecture])

    published = entry.checksums
    detached = published.signature
    return Offer(
        name=name,
        architecture=architecture,
        image=filled(entry.image),
        user=entry.user,
        checksums=filled(published.url),
        one=published.one,
        signed=published.signature is not None,
        detached=filled(detached.file) if isinstance(detached, Detached) else None,
        keyring=tuple(Path(filled(each)) for each in published.keyring),
        package=published.package,
    )
