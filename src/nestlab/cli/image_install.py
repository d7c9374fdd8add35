"""`nestlab image install`: an image by its distribution's own installer, unattended."""

import re
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nestlab.cli.demo import Accel
from nestlab.cli.image_store import Json

if TYPE_CHECKING:
    from nestlab.image.store import Image
    from nestlab.install.wish import Wish


class FileSystem(StrEnum):
    """Of the root."""

    EXT4 = "ext4"
    XFS = "xfs"
    BTRFS = "btrfs"


EXAMPLES = """Examples:

  nestlab image install mine --os debian --location /usr/lib/debian-installer/images/12/amd64/text

  nestlab image install my-rocky --os rocky --location rocky-9-dvd.iso --filesystem xfs --disk 16GiB

  nestlab image install x --os fedora --location https://example.org/os/ --print-answers > ks.cfg

  nestlab image install x --os fedora --location https://example.org/os/ --answers ks.cfg
"""


def install(
    name: Annotated[str, typer.Argument(help="What the image is called, for `image:` in labs.")],
    location: Annotated[
        str, typer.Option(help="Its install tree: a folder, a URL, or an ISO file.")
    ],
    system: Annotated[
        str,
        typer.Option(
            "--os",
            help="debian, ubuntu, ubuntu-legacy, centos-stream, rhel, rocky, almalinux, fedora,"
            " opensuse or sles.",
        ),
    ],
    disk: Annotated[str, typer.Option(help="Size of its disk; labs can give more.")] = "8GiB",
    memory: Annotated[
        str | None, typer.Option(help="For the installer; default: what it needs.")
    ] = None,
    vcpus: Annotated[int, typer.Option(min=1, max=64, help="For the installer.")] = 2,
    user: Annotated[
        str, typer.Option(help="Who can become root with sudo; there is no password.")
    ] = "lab",
    ssh_key: Annotated[
        list[str] | None,
        typer.Option("--ssh-key", help="A public key, or the file that has it; may be repeated."),
    ] = None,
    filesystem: Annotated[
        FileSystem, typer.Option(help="Of the root, which is the last partition and grows.")
    ] = FileSystem.EXT4,
    swap: Annotated[
        str | None, typer.Option(help="Size of a swap partition; there is none by default.")
    ] = None,
    package: Annotated[
        list[str] | None, typer.Option("--package", help="Install this too; may be repeated.")
    ] = None,
    mirror: Annotated[
        str | None,
        typer.Option(help="URL of apt's packages; for Debian the default is the host's own."),
    ] = None,
    answers: Annotated[
        Path | None, typer.Option("--answers", help="An answer file of yours in place of ours.")
    ] = None,
    print_answers: Annotated[
        bool, typer.Option("--print-answers", help="Only print the answer file.")
    ] = False,
    extra_args: Annotated[
        str, typer.Option("--extra-args", help="More words for the installer's kernel.")
    ] = "",
    accel: Annotated[Accel, typer.Option(help="What runs the installer.")] = Accel.AUTO,
    timeout: Annotated[float, typer.Option(min=1, help="Seconds for all of it.")] = 7200,
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep the work folder when it fails.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Install an image."""
    from nestlab.cli.image import tell
    from nestlab.install.answers import Answers, read_keys
    from nestlab.install.wish import Wish
    from nestlab.units import parse_size

    keys = tuple(key for given in ssh_key or () for key in read_keys(_text_or_file(given)))
    model = Answers(
        hostname=_host_name(name),
        user=user,
        keys=keys,
        filesystem=filesystem.value,
        swap=parse_size(swap) if swap else 0,
        packages=tuple(package or ()),
    )
    wish = Wish(
        name=name,
        system=system,
        location=location,
        answers=model,
        disk=parse_size(disk),
        vcpus=vcpus,
        memory=parse_size(memory) if memory else None,
        own=None if answers is None else _read(answers),
        mirror=mirror,
        words=tuple(extra_args.split()),
        accel=accel.value,
        keep=keep,
    )
    if print_answers:
        _print(wish)
    else:
        tell(_install(wish, timeout), as_json=as_json)


def _host_name(name: str) -> str:
    """The image's name as a host name; each guest gets another one from its seed."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:63] or "nestlab"


def _text_or_file(given: str) -> str:
    """A key, or what is in the file of that name. Raises UsageError `install.unreadable`."""
    return given if given.partition(" ")[2] else _read(Path(given).expanduser())


def _read(path: Path) -> str:
    from nestlab.errors import UsageError

    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        why = problem.strerror if isinstance(problem, OSError) else "it is no UTF-8 text"
        raise UsageError(
            "install.unreadable", f"{path}: {why}", hint="give a text file that is there"
        ) from problem


def _print(wish: "Wish") -> None:
    """The answer file with URLs as this machine knows them; nothing is started or downloaded."""
    import asyncio

    from nestlab.install.wish import plan_for
    from nestlab.machine.local import LocalMachine

    plan = asyncio.run(plan_for(wish, LocalMachine()))
    typer.echo(plan.answer_file(None), nl=False)


def _install(wish: "Wish", timeout: float) -> "Image":
    from rich.console import Console

    from nestlab.cli.interrupt import run_interruptible
    from nestlab.cli.progress import ProgressView
    from nestlab.deadline import Deadline
    from nestlab.home import Home, make_folder
    from nestlab.image.store import ImageStore
    from nestlab.install.run import install
    from nestlab.machine.local import LocalMachine

    store = ImageStore(make_folder(Home.from_environment().images))
    with ProgressView(Console(stderr=True)) as view:
        work = install(store, wish, LocalMachine(), view, deadline=Deadline.after(timeout))
        return run_interruptible(work, view.say)
