"""Entropy: without it keys and logins of a fresh guest wait."""

from nestlab.check.hypervisors import recognise
from nestlab.check.rule import Rule, Seen, rule
from nestlab.facts.model import Facts

_SOURCE = "random(7); minikube issue 6716; QEMU documentation: virtio-rng-pci"
# since Linux 5.18 the pool shows 256 once it is filled, and never more: random(7)
_FULL = 256


@rule(
    "entropy.low",
    meaning="The kernel's entropy pool is not full.",
    why="Before it is, ssh's host keys and logins of a fresh guest wait for minutes.",
    remedy="Give the guest virtio-rng, or install rng-tools on bare metal.",
    source=_SOURCE,
)
def low(facts: Facts) -> Seen | None:
    """In bits."""
    if facts.entropy is None:
        return None
    bits = facts.entropy.available
    if bits >= _FULL:
        return Seen("ok", f"{bits} bits of entropy are available")
    return Seen("warning", f"only {bits} bits of entropy are available", _advice(facts))


@rule(
    "entropy.no-generator",
    meaning="This guest has no hardware random generator.",
    why="At boot it then has to wait for entropy from elsewhere: ssh comes up late.",
    remedy="Give it virtio-rng: `-device virtio-rng-pci`.",
    source=_SOURCE,
)
def no_generator(facts: Facts) -> Seen | None:
    """Guests only: bare metal has interrupts enough."""
    if facts.entropy is None or facts.entropy.rng or recognise(facts) is None:
        return None
    return Seen("info", "this guest has no hardware random generator", _advice(facts))


def _advice(facts: Facts) -> str:
    if recognise(facts):
        return "on its host: `-device virtio-rng-pci`, libvirt `<rng model='virtio'>`"
    return "install rng-tools or haveged"


RULES: tuple[Rule, ...] = (low, no_generator)
