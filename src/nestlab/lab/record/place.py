"""Where a lab's guests live on a host that is not this machine."""

from nestlab.deadline import Deadline
from nestlab.lab.record.state import LabState
from nestlab.machine.protocol import Machine
from nestlab.machine.shell import check

_SECONDS = 60.0

# XDG Base Directory Specification, as in home.py; sockets need a short path (unix(7))
_MAKE = """
umask 077
place=${XDG_STATE_HOME:-$HOME/.local/state}/nestlab/labs/$1
mkdir -p -- "$place" && mkdir -- "/tmp/nestlab-$1" && echo "$place"
"""


async def make_place(machine: Machine, lab: str) -> tuple[str, str]:
    """Private folders on a lab's host, for its guests and for their sockets.

    Raises MachineError `host.no-place`, `machine.*`.
    """
    argv = ("sh", "-c", _MAKE, "sh", lab)
    hint = "the login there needs a home and a /tmp that it can write to"
    deadline = Deadline.after(_SECONDS)
    done = await check(machine, argv, deadline=deadline, code="host.no-place", hint=hint)
    return done.text.strip(), f"/tmp/nestlab-{lab}"  # noqa: S108  (made by it alone, or refused)


# After a reboot /tmp is empty, and anybody may have made a folder of that name.
_SOCKETS = """
umask 077
mkdir -- "$1" 2>/dev/null || { [ -d "$1" ] && [ ! -L "$1" ] && [ -O "$1" ]; }
"""


async def ensure_sockets(machine: Machine, state: LabState) -> None:
    """The folder of the lab's sockets is there and ours. Raises MachineError `host.no-sockets`."""
    await check(
        machine,
        ("sh", "-c", _SOCKETS, "sh", state.sockets),
        deadline=Deadline.after(_SECONDS),
        code="host.no-sockets",
        hint=f"{state.sockets} is somebody else's, or cannot be made: see `ls -ld {state.sockets}`",
    )


async def remove_place(machine: Machine, state: LabState) -> None:
    """Remove them, if the lab is on another host. Raises MachineError `host.not-removed`."""
    if state.host is None:
        return
    argv = ("rm", "-rf", "--", state.place, state.sockets)
    deadline = Deadline.after(_SECONDS)
    await check(machine, argv, deadline=deadline, code="host.not-removed")
