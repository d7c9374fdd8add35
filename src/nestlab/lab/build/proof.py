"""Prove every level of a lab that is up."""

from dataclasses import dataclass

from nestlab.deadline import Deadline
from nestlab.events import Notice, Progress, Sink, State
from nestlab.lab.record.running import Lab, Level
from nestlab.machine.path import parent_of
from nestlab.verify.inspect import ask_lscpu
from nestlab.verify.level import Evidence, Verdict, judge
from nestlab.verify.lscpu import Lscpu

_ASK = 60.0


@dataclass(frozen=True)
class Proof:
    """A level with what it was asked and the verdict."""

    level: Level
    lscpu: Lscpu
    verdict: Verdict


async def prove(lab: Lab, sink: Sink) -> list[Proof]:
    """Ask every level, tell one line each, then raise the first broken link."""
    proofs = [await _prove(level, lab, sink) for level in lab.levels]
    for proof in proofs:
        if proof.verdict.broken:
            raise proof.verdict.broken
    return proofs


async def _prove(level: Level, lab: Lab, sink: Sink) -> Proof:
    path, guest = level.machine.path, level.guest
    sink(Progress(path, "verifying"))
    lscpu = await ask_lscpu(level.machine, deadline=Deadline.after(_ASK))
    evidence = Evidence(
        path=path,
        facts=level.facts,
        lscpu=lscpu,
        runs_on=guest.plan.accelerator if guest else None,
        kvm_enabled=guest.kvm_enabled if guest else None,
        hosts=_hosts_kvm(path, lab),
    )
    verdict = judge(evidence)
    sink(Notice(f"{path}: {verdict.line}"))
    state = State.FAILED if verdict.broken else State.DONE
    sink(Progress(path, "broken link" if verdict.broken else "verified", state))
    return Proof(level, lscpu, verdict)


def _hosts_kvm(path: str, lab: Lab) -> bool:
    return any(
        level.guest.plan.accelerator.name == "kvm"
        for level in lab.levels
        if level.guest and parent_of(level.machine.path) == path
    )
