"""The change that lets a domain's guest be a hypervisor. Pure: a domain in, a domain out."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from nestlab.domain.command_line import find_override
from nestlab.domain.cpu import EXTENSIONS, Cpu, Extension, Offer, read_cpu
from nestlab.domain.document import Edit, start_tag
from nestlab.domain.domain import Domain, of_document
from nestlab.domain.element import cpu_edit
from nestlab.errors import UsageError

X86: Final = frozenset({"x86_64", "i686"})


class Mode(StrEnum):
    """How a guest gets the host's extensions.

    PASSTHROUGH  the host's whole CPU
    HOST_MODEL   the nearest model, and the extension required by name: it starts on no host without
    """

    PASSTHROUGH = "passthrough"
    HOST_MODEL = "host-model+require"


@dataclass(frozen=True)
class Wish:
    """What the user asked for.

    mode       None: passthrough, and a domain that offers the extension in another way stays
    extension  of the host; None: not known
    """

    mode: Mode | None = None
    extension: Extension | None = None


@dataclass(frozen=True)
class Target:
    """What <cpu> shall say: a mode, and the feature that is required by name, if any."""

    mode: str
    require: Extension | None


@dataclass(frozen=True, eq=False)
class Change:
    """A domain before and after; the same object when there is nothing to change."""

    before: Domain
    after: Domain
    cpu_before: Cpu
    cpu_after: Cpu

    @property
    def nothing_to_do(self) -> bool:
        """Whether the domain was right already."""
        return self.after is self.before


def expose(domain: Domain, wish: Wish) -> Change:
    """Let the guest of this domain have the host's extensions.

    Only <cpu>, or the word after `-cpu` where `qemu:commandline` has one, changes.
    Raises UsageError: `domain.wrong`; `expose.not-qemu`, `expose.architecture`,
    `expose.not-emulated` (vmx with TCG), `expose.which-extension` (not known, and needed).
    """
    _check(domain)
    cpu = read_cpu(domain)
    target = target_of(domain, wish)
    if _is_right(cpu, wish, target):
        return Change(domain, domain, cpu, cpu)
    found = find_override(domain)
    edits = (
        _override_edits(domain, target)
        if found
        else [cpu_edit(domain, target.mode, target.require)]
    )
    after = of_document(domain.document.edited(edits))
    return Change(domain, after, cpu, read_cpu(after))


def target_of(domain: Domain, wish: Wish) -> Target:
    """What the wish means for this domain. Raises as `expose` does."""
    if domain.emulated:
        if wish.extension == "vmx":
            raise UsageError(
                "expose.not-emulated",
                f"{domain.name} is emulated (type qemu), and QEMU emulates svm, not vmx",
                hint="leave --feature out, or make it a domain of type kvm",
            )
        return Target("host-model" if wish.mode is Mode.HOST_MODEL else "maximum", "svm")
    if wish.mode is not Mode.HOST_MODEL:
        return Target("host-passthrough", None)
    if wish.extension is None:
        raise UsageError(
            "expose.which-extension",
            "which extension to require is not known",
            where=domain.document.name,
            hint="say --feature vmx for hosts of Intel, --feature svm for those of AMD",
        )
    return Target("host-model", wish.extension)


def _check(domain: Domain) -> None:
    if domain.type not in {"kvm", "qemu"}:
        raise UsageError(
            "expose.not-qemu",
            f"{domain.name} is of type {domain.type}; only guests of QEMU are known here",
            where=domain.document.name,
            hint="domains of type kvm or qemu can be changed",
        )
    if domain.arch is not None and domain.arch not in X86:
        raise UsageError(
            "expose.architecture",
            f"{domain.name} is an {domain.arch} guest; only x86 has svm and vmx",
            where=domain.document.name,
            hint="see `nestlab doctor` for what nesting needs on other architectures",
        )


def _is_right(cpu: Cpu, wish: Wish, target: Target) -> bool:
    if cpu.offer(wish.extension) is not Offer.YES:
        return False
    if wish.mode is None or cpu.override:
        return True
    required = target.require is None or cpu.policy(target.require) == "require"
    return cpu.mode == target.mode and required


def _override_edits(domain: Domain, target: Target) -> list[Edit]:
    found = find_override(domain)
    if found is None:
        return []
    element, now = found
    keeps = target.require is not None and not domain.emulated
    model = now.model if keeps else "max" if domain.emulated else "host"
    value = now.giving(model, target.require, drop=EXTENSIONS)
    span = domain.document.span(element)
    tag = start_tag(domain.document, element, value=str(value))
    return [Edit(span.start, span.content, tag)]
