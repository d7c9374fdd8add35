"""Measuring a lab that is up: what is asked of every level and what is written down of it."""

import asyncio
from pathlib import Path

from bench_players import BenchMachine
from facts_examples import cpu, facts
from nestlab.bench.course import Course
from nestlab.bench.ledger import Ledger
from nestlab.events import discard
from nestlab.hypervisor.protocol import Guest
from nestlab.lab.build.proof import Proof
from nestlab.lab.measure.measurement import measure_lab
from nestlab.lab.record.running import Lab, Level
from nestlab.lab.record.state import LabState
from nestlab.result import names
from nestlab.result.models import Result
from nestlab.result.store import RunFolder
from nestlab.units import MIB
from nestlab.verify.level import Verdict
from nestlab.verify.lscpu import Lscpu
from nestlab.workload.fio import Fio
from plan_examples import L1, L2
from result_examples import result as example

HOST_CPUS = (0, 1, 2, 3)


def measured(base: Path, log: list[str]) -> Result:
    """An emulated L1 and a KVM L2 below `base`."""
    machines = [BenchMachine(path, log) for path in ("l0", "l1", "l1/l2")]
    outer = Guest(L1, machines[1], 4711, 34567, kvm_enabled=False, qemu_version="7.2.22")
    inner = Guest(L2, machines[2], 815, 45678, kvm_enabled=True, qemu_version="7.2.22")
    state = LabState(id="x", place="/tmp/p", sockets=str(base))
    lab = Lab(base / "lab", state)
    lab.levels = [
        Level(machines[0], facts(cpu=cpu(usable=HOST_CPUS), queues={"vda": ["0-3"]})),
        Level(machines[1], facts(), outer, 12.3456),
        Level(machines[2], facts(), inner, 7.0),
    ]
    lscpu = Lscpu("AMD-V", "KVM", "full")
    proofs = [Proof(level, lscpu, Verdict(level.machine.path, "", None)) for level in lab.levels]
    folder = RunFolder.create(base / "runs")
    ledger = Ledger(run=example().run, save=folder.save)
    workloads = [Fio(size=16 * MIB, runtime=3)]
    asyncio.run(measure_lab(lab, proofs, workloads, ledger, folder, course=Course(1), sink=discard))
    assert folder.load() == ledger.result
    return ledger.result


def test_every_level_is_recorded_with_its_envelope(tmp_path: Path) -> None:
    found = measured(tmp_path, [])
    host, outer, inner = found.machines
    assert [machine.path for machine in found.machines] == ["l0", "l1", "l1/l2"]
    assert (host.accelerator, host.emulated, host.verified.kvm_enabled) == (None, False, None)
    assert (outer.accelerator, outer.emulated, outer.verified.kvm_enabled) == ("tcg", True, False)
    # a KVM guest of an emulated one: its figures are emulation too
    assert (inner.accelerator, inner.emulated, inner.verified.kvm_enabled) == ("kvm", True, True)
    assert {m.facts.conditions[names.ENVELOPE_CPUS] for m in found.machines} == {2}
    assert {m.facts.conditions[names.CLOCKSOURCE] for m in found.machines} == {"tsc"}
    assert {m.facts.conditions["disk"] for m in found.machines} == {"vda"}
    assert all(names.LAUNCH_SECONDS in machine.facts.conditions for machine in found.machines)
    assert outer.facts.conditions["boot_seconds"] == 12.346
    assert outer.facts.conditions["qemu_version"] == "7.2.22"
    assert "qemu_version" not in host.facts.conditions


def test_the_same_jobs_run_everywhere(tmp_path: Path) -> None:
    log: list[str] = []
    found = measured(tmp_path, log)
    assert {series.status for series in found.series} == {"ok"}
    assert {dict(series.params)["numjobs"] for series in found.series} == {2}
    assert {series.machine for series in found.series} == {"l0", "l1", "l1/l2"}
    assert log[:3] == ["l0: mkdir", "l1: mkdir", "l1/l2: mkdir"]
