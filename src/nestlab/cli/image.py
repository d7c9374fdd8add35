"""`nestlab image`: the group, and how images get here: build, pull, import, install."""

import json
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from nestlab.cli import image_install, image_store
from nestlab.cli.image_store import Architecture, Json
from nestlab.home import Home

if TYPE_CHECKING:
    from nestlab.image.store import Image, ImageStore

T = TypeVar("T")

_BUILD = 1800.0

_EXAMPLES = {
    "build": """Examples:

  nestlab image build debian-13                  what `image: debian-13` in a lab file means
""",
    "pull": """Examples:

  nestlab image pull ubuntu-24.04                goes on where it was when it is run again

  nestlab image pull fedora-44 --require-signature --keyring fedora.gpg
""",
    "import": """Examples:

  nestlab image import disk.qcow2 --name mine    a file of this machine

  nestlab image import https://example.org/disk.qcow2 --sha256 DIGEST --user admin
""",
}


Arch = Annotated[Architecture, typer.Option("--arch", help="For which machines.")]
Stall = Annotated[
    float, typer.Option(min=1, help="Seconds without a byte after which a download has failed.")
]
Catalogue = Annotated[
    Path | None, typer.Option("--catalogue", help="A catalogue in place of nestlab's own.")
]


def register(app: typer.Typer) -> None:
    """Add the group."""
    group = typer.Typer(
        name="image", help="Base images of guests: build, pull, import, install, list, remove.",
        no_args_is_help=True, rich_markup_mode=None,
    )  # fmt: skip
    for name, help_, command in (
        ("build", "Build a Debian image from packages, once.", build),
        ("pull", "Download a cloud image; its published checksum is compared first.", pull),
        ("import", "Take a disk with cloud-init from a file or a URL.", take),
    ):
        group.command(name=name, help=help_, epilog=_EXAMPLES[name])(command)
    group.command(
        name="install",
        help="Install an image by its distribution's own installer, unattended.",
        epilog=image_install.EXAMPLES,
    )(image_install.install)
    image_store.register(group)
    app.add_typer(group)


def build(
    name: Annotated[str, typer.Argument(help="debian-12 or debian-13.")],
    arch: Arch = Architecture.X86_64,
    as_json: Json = False,
) -> None:
    """Build an image."""
    from nestlab.deadline import Deadline
    from nestlab.image.build import ensure_image
    from nestlab.image.recipe import debian
    from nestlab.machine.local import LocalMachine

    recipe = debian(name, arch.value)
    deadline = Deadline.after(_BUILD)
    tell(
        _working(
            lambda store, report: ensure_image(
                store, recipe, LocalMachine(), report=report, deadline=deadline
            )
        ),
        as_json=as_json,
    )


def pull(
    name: Annotated[str, typer.Argument(help="A name of `nestlab image ls --all`.")],
    arch: Arch = Architecture.X86_64,
    require_signature: Annotated[
        bool,
        typer.Option(
            "--require-signature", help="Fail when the checksums cannot be verified with a key."
        ),
    ] = False,
    keyring: Annotated[
        Path | None,
        typer.Option(help="The project's keys, if you have them elsewhere."),
    ] = None,
    stall: Stall = 60.0,
    catalogue: Catalogue = None,
    as_json: Json = False,
) -> None:
    """Pull an image."""
    from nestlab.image.catalogue import find_offer, load_catalogue, trusting
    from nestlab.image.pull import Terms
    from nestlab.image.pull import pull as bring
    from nestlab.machine.local import LocalMachine

    offer = find_offer(load_catalogue(catalogue).images, name, arch.value)
    if keyring is not None:
        offer = trusting(offer, keyring)
    terms = Terms(stall=stall, require_signature=require_signature)
    tell(
        _working(lambda store, report: bring(store, offer, LocalMachine(), report, terms)),
        as_json=as_json,
    )


def take(
    what: Annotated[str, typer.Argument(metavar="FILE|URL", help="qcow2, or a raw disk.")],
    sha256: Annotated[
        str | None, typer.Option("--sha256", help="What it must be; needed for a URL.")
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="What it is called; default: the file's name.")
    ] = None,
    user: Annotated[str, typer.Option(help="Who can log in besides root.")] = "root",
    arch: Arch = Architecture.X86_64,
    stall: Stall = 60.0,
    as_json: Json = False,
) -> None:
    """Import an image."""
    from nestlab.image.importing import is_url, label_for
    from nestlab.image.pull import Terms, bring
    from nestlab.image.pull import take as copy
    from nestlab.machine.local import LocalMachine

    label = label_for(what, sha256_text=sha256, name=name, user=user, architecture=arch.value)
    machine, terms = LocalMachine(), Terms(stall=stall)

    def work(store: "ImageStore", report: Callable[[str], None]) -> Coroutine[None, None, "Image"]:
        if is_url(what):
            return bring(store, label, machine, report, terms)
        return copy(store, Path(what), label, machine, report)

    tell(_working(work), as_json=as_json)


def _working(
    work: "Callable[[ImageStore, Callable[[str], None]], Coroutine[None, None, T]]",
) -> T:
    """Do it with progress; an interruption keeps what came so far."""
    from rich.console import Console

    from nestlab.cli.interrupt import run_interruptible
    from nestlab.cli.progress import ProgressView
    from nestlab.events import Progress
    from nestlab.home import make_folder
    from nestlab.image.store import ImageStore

    store = ImageStore(make_folder(Home.from_environment().images))
    with ProgressView(Console(stderr=True)) as view:

        def report(step: str) -> None:
            view(Progress("image", step))

        return run_interruptible(work(store, report), view.say, stopping="stopping …")


def tell(image: "Image", *, as_json: bool) -> None:
    """The image that is here now: its folder for a person, all about it for a program."""
    from nestlab.image.inventory import row_of

    if as_json:
        found = {"schema": "nestlab.images/1", "images": [row_of(image, lab=None, current=True)]}
        typer.echo(json.dumps(found, indent=1))
    else:
        typer.echo(f"{image.manifest.name} is ready: {image.folder}", err=True)
