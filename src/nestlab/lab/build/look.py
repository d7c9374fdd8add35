"""What a machine shows of the guests on it: their processes and their disks.

A guest whose disk is not there is made anew, so that only a proof counts as one: whatever could not
be seen is an error.
"""

import re
from collections.abc import Sequence

from nestlab.deadline import Deadline
from nestlab.errors import MachineError
from nestlab.hypervisor.carriers import CARRIERS
from nestlab.lab.build.decide import Seen
from nestlab.lab.record.state import GuestRecord
from nestlab.machine.failures import last_lines
from nestlab.machine.protocol import Completed, Machine
from nestlab.machine.shell import check

# `test -f` alone would also say no of a disk with I/O errors: ENOENT is the one proof of absence.
_LOOK = (
    CARRIERS
    + """
fail() { echo "$1" >&2; exit 1; }
for tool in grep cut head stat; do
    command -v "$tool" >/dev/null || fail "there is no $tool"
done
[ -r /proc/self/cmdline ] || fail "/proc is not there"
while [ $# -ge 2 ]; do
    pid=$(carriers "$1" | head -n 1)
    disk=1
    if [ ! -f "$2/root.qcow2" ]; then
        said=$(LC_ALL=C stat -L -- "$2/root.qcow2" 2>&1) && fail "$2/root.qcow2 is no file"
        case $said in
            *": No such file or directory") disk=0 ;;
            *) fail "$said" ;;
        esac
    fi
    echo "${pid:-0} $disk"
    shift 2
done
"""
)
_LINE = re.compile(r"([0-9]{1,10}) ([01])")


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
        machine,
        ("sh", "-c", _LOOK, "sh", *words),
        deadline=deadline,
        code="guest.not-seen",
        hint=_HINT,
    )
    found = [_LINE.fullmatch(line) for line in done.text.splitlines()]
    seen = [Seen(int(each[1]) or None, each[2] == "1") for each in found if each]
    if not len(seen) == len(found) == len(records):
        raise _unreadable(machine, done)
    return {record.path: each for record, each in zip(records, seen, strict=True)}


_HINT = "nothing was changed; the disks of that machine may have errors: `dmesg | tail` there"


def _unreadable(machine: Machine, done: Completed) -> MachineError:
    return MachineError(
        "guest.not-seen",
        f"{machine.path} did not say which guests and disks are there",
        where=f"{machine.path}, while looking at its guests",
        hint=_HINT,
        notes=last_lines(done.stdout),
    )
