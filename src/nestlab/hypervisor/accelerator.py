"""Which accelerator a guest gets, and why (pure)."""

from dataclasses import dataclass
from typing import Literal

from nestlab.check import chain
from nestlab.check.links import offers
from nestlab.errors import HostError
from nestlab.facts.model import Facts

Wanted = Literal["auto", "kvm", "tcg"]


@dataclass(frozen=True)
class Accelerator:
    """QEMU's name for it, and the reason in words for the user.

    wanted  what was asked for; with `auto` a guest that runs is not started anew for another one
    """

    name: Literal["kvm", "tcg"]
    why: str
    wanted: Wanted = "auto"

    @property
    def emulated(self) -> bool:
        """Whether figures taken with it are emulation."""
        return self.name == "tcg"


def choose_accelerator(facts: Facts, wanted: Wanted, *, path: str) -> Accelerator:
    """KVM only where a guest ran with it *and* it offers VMX or SVM; else TCG, with the reason.

    `kvm` never falls back: it raises HostError with the first broken link of the chain
    CPU flag → module → `nested` → /dev/kvm → a guest ran → VMX or SVM offered.
    """
    if wanted == "tcg":
        return Accelerator("tcg", "TCG was asked for", wanted)
    broken = broken_link(facts, path=path)
    if broken is None:
        extension = "SVM" if facts.kvm and facts.kvm.svm else "VMX"
        return Accelerator("kvm", f"a guest ran with KVM and is offered {extension}", wanted)
    if wanted == "kvm":
        raise broken
    return Accelerator("tcg", broken.message)


def guest_accelerator(
    wanted: Wanted, default: Accelerator, facts: Facts, *, path: str
) -> Accelerator:
    """What one guest gets: what it asks for itself, else what others of its hypervisor get.

    facts, path  of the hypervisor

    Raises as `choose_accelerator` does: a guest that asks for KVM gets nothing else.
    """
    return default if wanted == "auto" else choose_accelerator(facts, wanted, path=path)


def broken_link(facts: Facts, *, path: str) -> HostError | None:
    """The first reason why guests of this machine cannot nest under KVM, or None.

    The same rules as `nestlab doctor`: code, words and remedy are theirs.
    """
    if offers(facts):
        return None
    where, found = f"{path}, while promoting it", chain.broken_link(facts)
    if found is None:
        return HostError("kvm.unknown", f"on {path}, nobody tried what KVM offers", where=where)
    return HostError(found.code, f"on {path}, {found.what}", where=where, hint=found.remedy or None)
