"""The switch of a lab network as a process of L0: start it, end it.

Through the machine's shell, as everything: so it works where L0 is another host.
"""

from importlib.resources import files

from nestlab.deadline import Deadline
from nestlab.errors import CleanupError, MachineError
from nestlab.hypervisor.carriers import CARRIERS
from nestlab.hypervisor.qemu.process import end
from nestlab.machine.protocol import Machine
from nestlab.machine.shell import check

_AROUND = 22
"""Bytes of a frame around its packet: 14 of Ethernet, and two VLAN tags of 4."""


_RUNS = CARRIERS + 'carriers "$1"'


def switch_identity(lab: str, lan: str) -> str:
    """What its process carries as `guest=…`; no guest's identity has a colon."""
    return f"nestlab-{lab}-net:{lan}"


async def start_switch(
    machine: Machine, identity: str, socket: str, *, mtu: int, deadline: Deadline
) -> int:
    """Start a switch that listens at `socket`, in a folder that is there; its process id.

    mtu  bytes; longer packets are not passed on

    QEMU gives up on a socket that does not listen yet, in silence: so this returns when it does.
    Raises MachineError `net.switch-failed` with its own words.
    """
    program = files("nestlab.net").joinpath("switch.py").read_bytes()
    argv = ("python3", "-I", "-", f"guest={identity}", socket, str(mtu + _AROUND))
    done = await check(
        machine,
        argv,
        deadline=deadline,
        stdin=program,
        code="net.switch-failed",
        hint="the lines above are its own words; it needs Python 3.6 or later",
    )
    pid = done.text.strip()
    if not (pid.isascii() and pid.isdecimal()):
        raise MachineError(
            "net.switch-failed",
            f"the switch of {identity} told no process id: {pid[:40]!r}",
            where=f"{machine.path}, while starting a network",
            hint="look whether `python3 -V` there says 3.6 or later",
        )
    return int(pid)


async def find_switch(machine: Machine, identity: str, *, deadline: Deadline) -> bool:
    """Whether a switch runs. Raises MachineError `net.switch-not-seen`."""
    argv = ("sh", "-c", _RUNS, "sh", identity)
    done = await check(machine, argv, deadline=deadline, code="net.switch-not-seen")
    return bool(done.text.strip())


async def end_switch(machine: Machine, identity: str, *, deadline: Deadline) -> None:
    """See a switch off, whether it runs or not. Raises CleanupError `net.switch-still-running`."""
    try:
        await end(machine, identity, patience=0, deadline=deadline)
    except CleanupError as problem:
        raise CleanupError(
            "net.switch-still-running",
            f"the switch {identity} does not end",
            where=f"{machine.path}, while taking a network down",
            hint=problem.hint,
        ) from problem
