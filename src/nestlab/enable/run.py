"""Enable and disable in one call, for those who need not show the plan first."""

from nestlab.deadline import Deadline
from nestlab.enable.apply import apply
from nestlab.enable.elevation import Elevation
from nestlab.enable.files import Paths
from nestlab.enable.plan import plan_enable
from nestlab.enable.present import look
from nestlab.enable.steps import Outcome
from nestlab.enable.undo import plan_disable
from nestlab.events import Sink, discard
from nestlab.facts.model import Facts
from nestlab.machine.protocol import Machine


async def enable(
    machine: Machine,
    facts: Facts,
    *,
    elevate: Elevation,
    deadline: Deadline,
    at_boot: bool = False,
    paths: Paths | None = None,
    tell: Sink = discard,
) -> Outcome:
    """Switch nesting on. Raises as `look`, `plan_enable` and `apply` do."""
    present = await look(
        machine, elevate, deadline=deadline, initramfs=facts.initramfs, paths=paths
    )
    plan = plan_enable(facts, present, elevate=elevate, at_boot=at_boot)
    return await apply(machine, plan, deadline=deadline, tell=tell)


async def disable(
    machine: Machine,
    facts: Facts,
    *,
    elevate: Elevation,
    deadline: Deadline,
    at_boot: bool = False,
    force: bool = False,
    paths: Paths | None = None,
    tell: Sink = discard,
) -> Outcome:
    """Put back what `enable` changed. Raises as `look`, `plan_disable` and `apply` do."""
    present = await look(machine, elevate, deadline=deadline, paths=paths)
    plan = plan_disable(facts, present, elevate=elevate, at_boot=at_boot, force=force)
    return await apply(machine, plan, deadline=deadline, tell=tell)


def proved(facts: Facts) -> bool:
    """Whether a guest that ran here was offered VMX or SVM; ask anew after `enable`."""
    return facts.kvm is not None and facts.kvm.passes_on
