"""Images as `nestlab image ls` shows them: `nestlab.images/1` (pure but for reading the store)."""

from collections.abc import Mapping
from pathlib import Path
from typing import TypedDict

from nestlab.image.catalogue import load_catalogue
from nestlab.image.manifest import DEBIAN_NAMES
from nestlab.image.recipe import SUITES
from nestlab.image.resolve import how_to_get
from nestlab.image.store import Image, ImageStore
from nestlab.image.sweep import size_of, superseded


class Row(TypedDict):
    """An image. size: bytes on the disk; current: its name means it; lab: an id that uses it."""

    name: str
    architecture: str
    kind: str
    format: str
    user: str
    size: int
    created: str | None
    source: str | None
    checksum: str | None
    current: bool
    lab: str | None
    folder: str


class Offered(TypedDict):
    """An image that can be had, and the command."""

    name: str
    title: str
    architectures: list[str]
    command: str


def rows_of(store: ImageStore, in_use: Mapping[Path, str]) -> list[Row]:
    """All images of the store."""
    images = store.list()
    return [
        row_of(image, lab=in_use.get(image.folder), current=not superseded(image, images))
        for image in images
    ]


def row_of(image: Image, *, lab: str | None, current: bool) -> Row:
    """One image."""
    said = image.manifest
    return Row(
        name=said.name,
        architecture=said.architecture,
        kind=said.kind,
        format=said.format,
        user=said.user,
        size=size_of(image.folder),
        created=said.created.isoformat() if said.created else None,
        source=said.source,
        checksum=said.checksum,
        current=current,
        lab=lab,
        folder=str(image.folder),
    )


def available() -> list[Offered]:
    """What can be built and pulled."""
    built = [
        Offered(
            name=name,
            title=f"Debian {suite}, built here",
            architectures=list(DEBIAN_NAMES),
            command=how_to_get(name).strip("`"),
        )
        for name, suite in SUITES.items()
    ]
    pulled = [
        Offered(
            name=name,
            title=entry.title,
            architectures=list(entry.architectures),
            command=how_to_get(name).strip("`"),
        )
        for name, entry in load_catalogue().images.items()
    ]
    return built + pulled
