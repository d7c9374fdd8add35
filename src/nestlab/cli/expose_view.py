"""How `nestlab expose` shows what it saw."""

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from nestlab.harmless import plain

if TYPE_CHECKING:
    from nestlab.expose.prove import Proof
    from nestlab.expose.survey import Row

_SEEN = {
    "inside": "seen inside the guest",
    "console": "seen inside the guest, on its console",
    "agent": "seen inside the guest, by its agent",
    "qemu": "its QEMU says",
}


def proof_lines(proof: "Proof") -> Iterator[str]:
    """What was seen of a running guest, for people."""
    for note in proof.notes:
        yield f"not asked: {note}"
    if proof.how == "none":
        yield "not proved: nobody could be asked"
        return
    have = " and ".join(proof.extensions)
    yield f"{_SEEN[proof.how]}: its CPU has {have or 'neither svm nor vmx'}"
    if proof.device is not None:
        yield f"/dev/kvm is {'' if proof.device else 'not '}there"
    if proof.emulated:
        yield "emulated: QEMU runs it without KVM"


def show_rows(rows: "tuple[Row, ...]") -> None:
    """The table of a survey, on standard output."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table("domain", "state", "CPU", "nests now", "at next start", "could", "why", box=None)
    for row in rows:
        offers = (str(row.now or "-"), str(row.next or "-"))
        could = "yes" if row.could else "no"
        cells = (row.name, row.state, row.cpu or "-", *offers, could, row.why)
        table.add_row(*(Text(plain(cell)) for cell in cells))
    Console(file=sys.stdout).print(table)
