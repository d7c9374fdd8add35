"""What a machine shows of the guests on it: their processes and their disks."""

from collections.abc import Sequence

from nestlab.deadline import Deadline
from nestlab.hypervisor.carriers import CARRIERS
from nestlab.lab.decide import Seen
from nestlab.lab.state import GuestRecord
from nestlab.machine.protocol import Machine
from nestlab.machine.shell import check

_LOOK = (
    CARRIERS
    + """
while [ $# -ge 2 ]; do
    pid=$(carriers "$1" | head -n 1)
    disk=0; [ -f "$2/root.qcow2" ] && disk=1
    echo "${pid:-0} $disk"
    shift 2
done
"""
)


async def look(
    machine: Machine, records: Sequence[GuestRecord], *, deadline: Deadline
) -> dict[str, Seen]:
    """Path -> what is there; only processes that carry the lab's id count.

    Raises MachineError `guest.not-seen`, `machine.*`.
    """
    if not records:
        return {}
    words = [word for record in records for word in (record.identity, record.folder)]
    done = await check(
        machine, ("sh", "-c", _LOOK, "sh", *words), deadline=deadline, code="guest.not-seen"
    )
    lines = done.text.splitlines()
    return {record.path: _seen(line) for record, line in zip(records, lines, strict=False)}


def _seen(line: str) -> Seen:
    pid, _, disk = line.partition(" ")
    known = int(pid) if pid.isascii() and pid.isdecimal() else 0
    return Seen(known or None, disk == "1")
