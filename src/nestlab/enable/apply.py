"""Carry a plan out: write down what will be changed, change it, write down that it is done."""

import shlex
from dataclasses import dataclass, field
from datetime import UTC, datetime

from nestlab.deadline import Deadline
from nestlab.enable.elevation import COMMAND, as_root
from nestlab.enable.failures import (
    initramfs_failed,
    reload_failed,
)
from nestlab.enable.files import RootFiles
from nestlab.enable.journal import Journal, JournalStore
from nestlab.enable.reload import How, Reloaded, reload_module
from nestlab.enable.steps import (
    Outcome,
    Plan,
    RefreshInitramfs,
    Reload,
    RemoveFile,
    Step,
    WriteFile,
)
from nestlab.enable.undo import restoring
from nestlab.errors import NestlabError
from nestlab.events import Progress, Sink, discard
from nestlab.machine.protocol import Machine


async def apply(
    machine: Machine, plan: Plan, *, deadline: Deadline, tell: Sink = discard
) -> Outcome:
    """Do what the plan says, of `enable` and of `disable`.

    A run that ends in the middle, however it ends, is found by its journal: `enable` again
    completes it, `disable` undoes it. Raises HostError, with `enable` or `disable` in front:
    `.changed`, `.not-written`, `.reload-failed`, `.no-effect`, `.initramfs-failed`; and whatever
    `Machine.run` raises.
    """
    if plan.journal is None:
        return Outcome(next_boot=plan.next_boot, held_by=plan.held_by, warnings=plan.warnings)
    files = RootFiles(machine, plan.elevate, deadline, plan.purpose)
    store = JournalStore(files, plan.paths, plan.seen)
    work = _Work(machine, plan, deadline, tell, files, store, plan.journal)
    await work.run()
    return Outcome(
        changed=tuple(work.changed),
        reloaded=work.reloaded,
        next_boot=work.next_boot or plan.next_boot,
        held_by=plan.held_by,
        warnings=(*plan.warnings, *work.warnings),
    )


@dataclass
class _Work:
    """One run of one plan; the journal is always as far as the machine is."""

    machine: Machine
    plan: Plan
    deadline: Deadline
    tell: Sink
    files: RootFiles
    store: JournalStore
    journal: Journal
    changed: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    reloaded: bool = False
    next_boot: bool = False

    async def run(self) -> None:
        self._say(f"writing {self.plan.paths.journal}")
        await self._record()
        for step in self.plan.steps:
            await self._take(step)
        self._say("finishing the journal")
        if self.plan.purpose == "enable":
            await self._record(state="done")
        else:
            await self.store.remove()

    async def _record(self, **changes: object) -> None:
        self.journal = self.journal.stating(**changes, when=datetime.now(UTC))
        await self.store.save(self.journal)

    async def _take(self, step: Step) -> None:
        if isinstance(step, Reload):
            await self._reload(step)
        elif isinstance(step, RefreshInitramfs):
            await self._refresh(step.argv)
            await self._record(initramfs_done=self.plan.purpose == "enable")
        else:
            await self._change(step)

    async def _change(self, step: WriteFile | RemoveFile) -> None:
        if isinstance(step, RemoveFile):
            self._say(f"removing {step.path}")
            await self.files.remove(step.path, before=step.before.content)
            self.changed.append(f"removed {step.path}")
            return
        self._say(f"writing {step.path}")
        before = step.before.content if step.before else None
        await self.files.write(
            step.path, step.content, before=before, mode=step.mode, owner=step.owner
        )
        self.changed.append(f"wrote {step.path}")

    async def _refresh(self, argv: tuple[str, ...]) -> None:
        self._say("refreshing the initramfs")
        done = await as_root(
            self.machine, self.plan.elevate, COMMAND, *argv, deadline=self.deadline
        )
        if not done.ok:
            raise initramfs_failed(self.machine.path, self.plan.purpose, done)
        self.changed.append(f"ran {shlex.join(argv)}")

    async def _reload(self, step: Reload) -> None:
        self._say(f"loading {step.module} with nested={step.nested}")
        end = await reload_module(
            self.machine, self.plan.elevate, step, self.plan.paths, deadline=self.deadline
        )
        if end.how is How.LOADED:
            self.reloaded = True
            self.changed.append(f"loaded {step.module} with nested={step.nested}")
            await self._record(reloaded=self.plan.purpose == "enable")
        elif end.how is How.IN_USE:
            self.next_boot = True
            words = f": {end.notes[-1]}" if end.notes else ""
            self.warnings.append(
                f"{step.module} could not be unloaded, so it was left for the next boot{words}"
            )
        else:
            raise await self._failed(step, end)

    async def _failed(self, step: Reload, end: Reloaded) -> NestlabError:
        """The error to raise, after `enable` has put its file back."""
        problem = reload_failed(self.machine.path, self.plan.purpose, step, end)
        if self.plan.purpose == "disable":
            return problem
        try:
            await self._put_back()
        except NestlabError as second:
            problem.notes = (*problem.notes, f"and its file could not be put back: {second}")
            problem.hint = f"{problem.hint}; then run `nestlab disable`"
        return problem

    async def _put_back(self) -> None:
        """Undo the file, so that the next boot does not try what just failed."""
        await self._record(state="undoing")
        if change := self.journal.file:
            there = await self.files.read(change.path)
            if (there.content if there else None) in change.contents:
                before = change.before.file if change.before else None
                for step in restoring(change.path, there, before):
                    await self._take(step)
        if self.journal.initramfs_done:
            await self._refresh(self.journal.initramfs)
        await self.store.remove()

    def _say(self, step: str) -> None:
        self.tell(Progress(self.machine.path, step))
