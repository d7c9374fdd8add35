"""Measure every level of a lab that is up and proved."""

from collections.abc import Sequence

from nestlab.bench.disk import disk_of, make_folder
from nestlab.bench.envelope import Target
from nestlab.bench.launch import launch_seconds
from nestlab.bench.ledger import Ledger
from nestlab.bench.measure import Subject, jobs_of, measure
from nestlab.bench.record import record_machine
from nestlab.bench.scratch import scratch_disks
from nestlab.deadline import Deadline
from nestlab.events import Sink
from nestlab.hypervisor.qemu.disks import serials_of
from nestlab.lab.proof import Proof
from nestlab.lab.running import Lab, Level
from nestlab.result import names
from nestlab.result.models import FactValue, MachineRecord
from nestlab.result.store import RunFolder
from nestlab.workload.protocol import Workload

_ASK = 60.0
_IN_GUEST = "/var/lib/nestlab/bench"


async def measure_lab(
    lab: Lab,
    proofs: Sequence[Proof],
    workloads: Sequence[Workload],
    ledger: Ledger,
    folder: RunFolder,
    *,
    rounds: int,
    sink: Sink,
) -> None:
    """Run the workloads in the same envelope at every level, L0 included."""
    cpus = min(level.guest.plan.vcpus for level in lab.levels if level.guest)
    subjects = [await _subject(proof.level, lab) for proof in proofs]
    records = [
        await _record(proof, subject, lab, cpus)
        for proof, subject in zip(proofs, subjects, strict=True)
    ]
    ledger.begin(tuple(records))
    await measure(
        subjects,
        jobs_of(workloads, [subject.target for subject in subjects], cpus=cpus),
        ledger,
        cpus=cpus,
        rounds=rounds,
        save_raw=folder.save_raw,
        sink=sink,
    )


async def _subject(level: Level, lab: Lab) -> Subject:
    """On L0 a folder of the lab, which is on the disk that holds L1's overlay."""
    machine, deadline = level.machine, Deadline.after(_ASK)
    folder = _IN_GUEST if level.guest else str(lab.folder / "bench")
    await make_folder(machine, folder, deadline=deadline)
    device = await disk_of(machine, folder, deadline=deadline)
    serials = serials_of(level.guest.plan) if level.guest else {}
    disks = await scratch_disks(machine, serials, deadline=deadline)
    return Subject(machine, Target(machine.path, level.facts, folder, device, disks))


async def _record(proof: Proof, subject: Subject, lab: Lab, cpus: int) -> MachineRecord:
    level, guest = proof.level, proof.level.guest
    usable = level.facts.cpu.usable if level.facts.cpu else (0,)
    extra: dict[str, FactValue] = {
        names.ENVELOPE_CPUS: min(cpus, len(usable)),
        names.LAUNCH_SECONDS: await launch_seconds(level.machine, deadline=Deadline.after(_ASK)),
    }
    if subject.target.device:
        extra["disk"] = subject.target.device
    if guest:
        extra["qemu_version"] = guest.qemu_version
        extra["boot_seconds"] = round(level.seconds, 3)
    return record_machine(
        level.machine.path,
        level.facts,
        proof.lscpu,
        accelerator=guest.plan.accelerator.name if guest else None,
        emulated=lab.emulated(level.machine.path),
        kvm_enabled=guest.kvm_enabled if guest else None,
        extra=extra,
    )
