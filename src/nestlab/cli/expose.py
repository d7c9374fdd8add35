"""`nestlab expose`: give an existing guest of libvirt the host's virtualization extensions."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nestlab.cli.complete import machine_paths
from nestlab.errors import UsageError

if TYPE_CHECKING:
    from nestlab.domain.change import Wish

_EXAMPLES = """Examples:

  nestlab expose centos7 --dry-run             the change to its XML, as a diff

  nestlab expose centos7 --restart             do it, shut the guest down, start it, look inside

  nestlab expose centos7 --undo                the XML as it was

  nestlab expose --all --dry-run               which guests can nest now, and which could

  nestlab expose centos7 --on root@host        a guest of another host, or of a machine of a lab

  nestlab expose --xml guest.xml > new.xml     a file; no libvirt is needed

  nestlab expose --xml *.xml --output-dir new
"""


class How(StrEnum):
    """`--mode`."""

    PASSTHROUGH = "passthrough"
    HOST_MODEL = "host-model+require"


class Feature(StrEnum):
    """`--feature`."""

    SVM = "svm"
    VMX = "vmx"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        name="expose",
        help="Give an existing guest of libvirt the host's virtualization extensions, so that it"
        " can be a hypervisor. Exit status 0: it has them, or will at its next start; 1: it runs"
        " with the new definition and still has not.",
        epilog=_EXAMPLES,
    )(expose)


def expose(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="DOMAIN|FILE…", help="A domain; with --xml, files."),
    ] = None,
    mode: Annotated[
        How | None,
        typer.Option(
            help="The host's whole CPU, or its nearest model with the extension required."
        ),
    ] = None,
    feature: Annotated[
        Feature | None, typer.Option(help="The extension; the host's own if left out.")
    ] = None,
    restart: Annotated[
        bool, typer.Option("--restart", help="Shut the guest down, start it, and prove it.")
    ] = False,
    force_off: Annotated[
        bool, typer.Option("--force-off", help="Pull its plug if it does not shut down.")
    ] = False,
    undo: Annotated[bool, typer.Option("--undo", help="Put the XML back as it was.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="With --undo: also when somebody changed it since.")
    ] = False,
    every: Annotated[
        bool, typer.Option("--all", help="With --dry-run: every domain of the host.")
    ] = False,
    xml: Annotated[
        bool, typer.Option("--xml", help="The names are files (- reads stdin).")
    ] = False,
    output_dir: Annotated[
        Path | None, typer.Option(help="With --xml: write the new files into this folder.")
    ] = None,
    in_place: Annotated[
        bool,
        typer.Option("--in-place", help="With --xml: change the files; --undo puts them back."),
    ] = False,
    on: Annotated[
        str | None,
        typer.Option(
            autocompletion=machine_paths, help="user@host, l1 or LAB:l1 with the libvirt."
        ),
    ] = None,
    connect: Annotated[str, typer.Option(help="Its URI.")] = "qemu:///system",
    guest: Annotated[
        str | None,
        typer.Option(
            help="How to look inside: user@host, or `console`, where a shell waits on its serial"
            " console."
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what would change.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print nestlab.expose/1.")] = False,
    timeout: Annotated[float, typer.Option(min=1, help="Seconds for everything.")] = 300,
) -> None:
    """Give a guest the extensions."""
    words = names or []
    wish = _wish(mode, feature)
    if xml:
        from nestlab.cli import expose_files

        given = expose_files.Given(words, output_dir, in_place, undo, force, dry_run, as_json)
        raise typer.Exit(expose_files.run(given, wish))
    _check(words, every=every, dry_run=dry_run, files=output_dir is not None or in_place)
    from nestlab.cli import expose_domain
    from nestlab.cli.expose_report import Given

    place = expose_domain.Place(on, connect, timeout)
    if every:
        expose_domain.show_all(place, wish, as_json=as_json)
        return
    given_ = Given(words[0], undo, force, restart, force_off, guest, dry_run, yes, as_json)
    raise typer.Exit(expose_domain.run(place, given_, wish))


def _wish(mode: How | None, feature: Feature | None) -> "Wish":
    from nestlab.domain.change import Mode, Wish

    return Wish(Mode(mode.value) if mode else None, feature.value if feature else None)


def _check(words: list[str], *, every: bool, dry_run: bool, files: bool) -> None:
    """Raise UsageError `expose.options` for what does not go together."""
    if files:
        raise _options("--output-dir and --in-place are about files", "add --xml")
    if every and (words or not dry_run):
        raise _options(
            "--all only looks, at every domain",
            "`nestlab expose --all --dry-run`; change domains one by one",
        )
    if not every and len(words) != 1:
        raise _options(
            f"one domain is needed, {len(words)} are given",
            "`nestlab expose --all --dry-run` lists them",
        )


def _options(message: str, hint: str) -> UsageError:
    return UsageError("expose.options", message, hint=hint)
