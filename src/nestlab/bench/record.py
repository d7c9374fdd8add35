"""A machine's entry in the result file, from what was found out about it (pure)."""

from typing import Literal

from nestlab.facts.model import Facts
from nestlab.machine.path import level_of, parent_of
from nestlab.result import names
from nestlab.result.models import Facts as RecordedFacts
from nestlab.result.models import FactValue, MachineRecord, Verified
from nestlab.verify.lscpu import Lscpu


def record_machine(
    path: str,
    facts: Facts,
    lscpu: Lscpu,
    *,
    accelerator: Literal["kvm", "tcg"] | None,
    emulated: bool,
    kvm_enabled: bool | None,
    extra: dict[str, FactValue],
) -> MachineRecord:
    """The entry; `extra` are further conditions (QEMU's version, the envelope, …)."""
    level = level_of(path)
    parent = None if level == 0 else parent_of(path)
    return MachineRecord(
        path=path,
        level=level,
        parent=parent,
        accelerator=accelerator,
        emulated=emulated,
        facts=RecordedFacts(
            identity=_identity(facts),
            conditions={**_conditions(facts), **extra},
            unknown=facts.unknown,
        ),
        verified=Verified(
            kvm_device=_opens(facts),
            guest_ran=facts.kvm.guest_ran if facts.kvm else None,
            virtualization=lscpu.virtualization,
            hypervisor_vendor=lscpu.hypervisor_vendor,
            nested=facts.nested_on,
            kvm_enabled=kvm_enabled,
        ),
    )


def _opens(facts: Facts) -> bool | None:
    if facts.kvm is None or facts.kvm.device is None:
        return None
    return facts.kvm.device == "char" and bool(facts.kvm.open)


def _identity(facts: Facts) -> dict[str, FactValue]:
    cpu, release = facts.cpu, facts.os_release
    found: dict[str, FactValue | None] = {
        "arch": facts.arch,
        "kernel": facts.kernel,
        "cpu_model": cpu.model if cpu else None,
        "cpus": cpu.online if cpu else None,
        "os": f"{release.id} {release.version_id}".strip() if release else None,
        "memory": facts.memory.total if facts.memory else None,
    }
    return {key: value for key, value in found.items() if value is not None}


def _conditions(facts: Facts) -> dict[str, FactValue]:
    found: dict[str, FactValue] = {}
    if facts.clocksource:
        found[names.CLOCKSOURCE] = facts.clocksource.current
    if facts.load:
        found["load_1min"] = facts.load[0]
    if facts.memory:
        found["memory_available"] = facts.memory.available
    return found
