"""What each machine is, side by side; what differs from the machine above is marked."""

from collections.abc import Callable, Iterator, Mapping

from nestlab.analysis.comparable import TRANSIENT
from nestlab.report.html.exhibit import Cell, Line, Table
from nestlab.report.html.machines import EMULATED, Look
from nestlab.report.text import ABSENT, shown
from nestlab.result.models import FactValue, MachineRecord, Result
from nestlab.result.names import ENVELOPE_MEMORY
from nestlab.units import format_duration, format_size

DIFFERS = "differs"

_BYTES = frozenset({"memory", "memory_available", ENVELOPE_MEMORY})
_VERIFIED = {
    "kvm_device": "/dev/kvm opens",
    "guest_ran": "a guest ran with it",
    "virtualization": "virtualization",
    "hypervisor_vendor": "hypervisor vendor",
    "nested": "nested is on",
    "kvm_enabled": "runs under KVM",
}

Values = Mapping[str, FactValue | None]


def environment(result: Result, looked: Mapping[str, Look]) -> Table:
    """A column for each machine: how it runs, its identity, conditions, proofs, what is unknown."""
    machines = result.machines
    lines = [
        Line("accelerator", tuple(_accelerator(machine) for machine in machines)),
        *_lines(result, lambda machine: machine.facts.identity, "Identity"),
        *_lines(result, lambda machine: machine.facts.conditions, "Conditions"),
        *_lines(result, _proved, "Proved"),
        *_unknown(result),
    ]
    return Table(
        caption=f"Facts of each machine. “{DIFFERS}” marks what is not as on the machine above it; "
        "what changes by itself, such as load, is not marked.",
        head=("fact", *(look.label for look in looked.values())),
        lines=tuple(lines),
    )


def _accelerator(machine: MachineRecord) -> Cell:
    word = machine.accelerator or ("the host itself" if machine.parent is None else ABSENT)
    return Cell(word, EMULATED if machine.emulated else None)


def _lines(result: Result, values: Callable[[MachineRecord], Values], group: str) -> Iterator[Line]:
    """Every key that one of the machines has; what a parent has another value of is marked."""
    by_path = {machine.path: values(machine) for machine in result.machines}
    for key in dict.fromkeys(key for found in by_path.values() for key in found):
        cells = []
        for machine in result.machines:
            value = by_path[machine.path].get(key)
            above = by_path[machine.parent].get(key) if machine.parent else None
            differs = None not in {value, above} and value != above and key not in TRANSIENT
            cells.append(Cell(_text(key, value), mark=DIFFERS if differs else None))
        yield Line(shown(_VERIFIED.get(key, key), 80), tuple(cells), group)


def _proved(machine: MachineRecord) -> Values:
    return dict(machine.verified)


def _unknown(result: Result) -> Iterator[Line]:
    for key in dict.fromkeys(key for each in result.machines for key in each.facts.unknown):
        told = [each.facts.unknown.get(key) for each in result.machines]
        yield Line(shown(key, 80), tuple(Cell(shown(why or ABSENT)) for why in told), "Not known")


def _text(key: str, value: FactValue | None) -> str:
    """With the unit, where the key has one."""
    if value is None:
        return ABSENT
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return shown(value)
    if key in _BYTES and isinstance(value, int):
        return format_size(value)
    if key.endswith("_seconds"):
        return format_duration(value) if value >= 0.1 else f"{value * 1000:.1f} ms"
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
