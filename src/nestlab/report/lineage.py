"""A machine's ancestors, by the paths in the result file alone."""

from collections.abc import Iterator

from nestlab.result.models import MachineRecord, Result


def line(result: Result, machine: MachineRecord) -> Iterator[MachineRecord]:
    """The machine, its parent, and so on up to the host. It ends: the model checks the tree."""
    while True:
        yield machine
        if machine.parent is None:
            return
        machine = result.machine(machine.parent)


def root(result: Result, machine: MachineRecord) -> MachineRecord:
    """The host at the root of the machine's lab."""
    return list(line(result, machine))[-1]


def emulated(result: Result, machine: MachineRecord) -> bool:
    """Whether the machine's timings are emulation: its own or any ancestor's."""
    return any(each.emulated for each in line(result, machine))
