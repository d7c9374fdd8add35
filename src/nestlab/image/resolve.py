"""From the name in a lab file to an image that is here."""

from nestlab.errors import UsageError
from nestlab.image.catalogue import load_catalogue
from nestlab.image.recipe import SUITES, debian
from nestlab.image.store import Image, ImageStore


def resolve(store: ImageStore, name: str, architecture: str) -> Image:
    """The image of that name, newest first.

    architecture  as `uname -m` says it

    Raises UsageError `image.unknown` with the command that gets it; StoredDataError
    `image.damaged`.
    """
    if name in SUITES:
        found = store.find(debian(name, architecture).slug)
    else:
        found = store.find_named(name, architecture)
    if found is None:
        raise UsageError(
            "image.unknown",
            f"there is no image {name} for {architecture} here",
            hint=how_to_get(name, architecture),
        )
    return found


def how_to_get(name: str, architecture: str = "x86_64") -> str:
    """The command."""
    arch = "" if architecture == "x86_64" else f" --arch {architecture}"
    if name in SUITES:
        return f"`nestlab image build {name}{arch}`"
    if name in load_catalogue().images:
        return f"`nestlab image pull {name}{arch}`"
    return (
        f"`nestlab image import FILE --name {name}`; `nestlab image ls --all` shows what can be"
        " built and pulled"
    )
