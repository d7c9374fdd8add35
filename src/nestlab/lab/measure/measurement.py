"""Measure every level of a lab that is up and proved."""

from collections.abc import Collection, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace

from nestlab.bench.course import Course
from nestlab.bench.disk import disk_of, make_folder
from nestlab.bench.envelope import Target
from nestlab.bench.fence import Fence, fence
from nestlab.bench.jobs import Subject, jobs_of
from nestlab.bench.launch import launch_seconds
from nestlab.bench.ledger import Ledger
from nestlab.bench.measure import measure
from nestlab.bench.record import record_machine
from nestlab.bench.resume import must_be_the_same
from nestlab.bench.scratch import scratch_disks
from nestlab.deadline import Deadline
from nestlab.events import Sink
from nestlab.hypervisor.qemu.disks import serials_of
from nestlab.lab.build.proof import Proof
from nestlab.lab.measure.neighbours import neighbours
from nestlab.lab.measure.origins import origin
from nestlab.lab.record.running import Lab, Level
from nestlab.result import names
from nestlab.result.models import FactValue, MachineRecord
from nestlab.result.store import RunFolder
from nestlab.workload.protocol import Workload

_ASK = 60.0
_IN_GUEST = "/var/lib/nestlab/bench"

_ALIKE = 1.02
"""Memory of machines of one size differs by what their kernels keep for themselves."""


async def measure_lab(
    lab: Lab,
    proofs: Sequence[Proof],
    workloads: Sequence[Workload],
    ledger: Ledger,
    folder: RunFolder,
    *,
    course: Course,
    sink: Sink,
    paths: Collection[str] = (),
) -> None:
    """Run the workloads in the same envelope at every level, L0 included.

    paths  of the machines to be measured; none: all

    Raises UsageError `bench.resume-differs` when the ledger is that of another lab.
    """
    async with AsyncExitStack() as stack:
        cpus = min(level.guest.plan.vcpus for level in lab.levels if level.guest)
        subjects = await _subjects([proof.level for proof in proofs], lab, stack)
        records = [
            await _record(proof, subject, lab, cpus)
            for proof, subject in zip(proofs, subjects, strict=True)
        ]
        jobs = jobs_of(workloads, [subject.target for subject in subjects], cpus=cpus)
        if ledger.machines:
            must_be_the_same(ledger.result, records, jobs)
        chosen = [each for each in subjects if not paths or each.machine.path in paths]
        ledger.begin(tuple(records), turns=course.planned * len(chosen) * len(jobs))
        await measure(
            chosen,
            jobs,
            ledger,
            machines=[each.machine for each in subjects],
            cpus=cpus,
            course=course,
            ours=[level.guest.pid for level in lab.levels if level.guest],
            save_raw=folder.save_raw,
            sink=sink,
        )


async def _subjects(levels: Sequence[Level], lab: Lab, stack: AsyncExitStack) -> list[Subject]:
    """Each with a folder on the disk that counts, and with no more memory than the smallest has."""
    sizes = [level.facts.memory.total for level in levels if level.facts.memory]
    machines = {level.machine.path: level.machine for level in levels}
    bound = min(sizes, default=0)
    subjects = {level.machine.path: await _subject(level, lab, bound, stack) for level in levels}
    return [
        replace(
            subjects[level.machine.path],
            peers=neighbours(level.machine.path, lab.state, machines),
            origin=origin(level, subjects),
        )
        for level in levels
    ]


async def _subject(level: Level, lab: Lab, bound: int, stack: AsyncExitStack) -> Subject:
    """On L0 a folder of the lab, which is on the disk that holds L1's overlay."""
    machine, deadline = level.machine, Deadline.after(_ASK)
    folder = _IN_GUEST if level.guest else f"{lab.state.place}/bench"
    await make_folder(machine, folder, deadline=deadline)
    device = await disk_of(machine, folder, deadline=deadline)
    serials = serials_of(level.guest.plan) if level.guest else {}
    disks = await scratch_disks(machine, serials, deadline=deadline)
    larger = level.facts.memory is not None and level.facts.memory.total > bound * _ALIKE
    return Subject(
        machine,
        Target(machine.path, level.facts, folder, device, disks),
        await launch_seconds(machine, deadline=Deadline.after(_ASK)),
        await fence(machine, lab.state.id, bound, stack) if larger else Fence(None),
    )


async def _record(proof: Proof, subject: Subject, lab: Lab, cpus: int) -> MachineRecord:
    level, guest = proof.level, proof.level.guest
    usable = level.facts.cpu.usable if level.facts.cpu else (0,)
    extra: dict[str, FactValue] = {
        names.ENVELOPE_CPUS: min(cpus, len(usable)),
        **_envelope(subject, enough=len(usable) >= cpus),
    }
    if subject.launch is not None:
        extra[names.LAUNCH_SECONDS] = subject.launch
    if subject.target.device:
        extra["disk"] = subject.target.device
    if guest:
        extra["qemu_version"] = guest.qemu_version
        if level.seconds:  # else it was up before
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


def _envelope(subject: Subject, *, enough: bool) -> dict[str, FactValue]:
    """Whether the machine has what all others have, no less and no more."""
    if not enough:
        return {names.ENVELOPE: "unequal", names.ENVELOPE_WHY: "it has fewer CPUs"}
    if subject.fence.why:
        why = f"its memory cannot be bounded: {subject.fence.why}"
        return {names.ENVELOPE: "unequal", names.ENVELOPE_WHY: why}
    bounded = {names.ENVELOPE_MEMORY: subject.fence.memory} if subject.fence.memory else {}
    return {names.ENVELOPE: "equal", **bounded}
