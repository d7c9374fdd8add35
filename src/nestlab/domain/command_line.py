"""The word after `-cpu` in a QEMU command line, as libvirt's `qemu:commandline` hands it over.

QEMU obeys the last `-cpu`, and libvirt puts these words last: what stands in <cpu> has no effect
then (libvirt, "QEMU command-line passthrough"). `+name` and `-name` win over `name=on` and
`name=off` wherever they stand (QEMU, target/i386/cpu.c, x86_cpu_parse_featurestr).
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from lxml import etree

from nestlab.domain.domain import Domain

QEMU: Final = "http://libvirt.org/schemas/domain/qemu/1.0"
_ON = frozenset({"on", "yes", "true", "y"})


@dataclass(frozen=True)
class Override:
    """One `-cpu` word: `Haswell,+vmx,pmu=off`."""

    model: str
    words: tuple[str, ...]

    @classmethod
    def of(cls, value: str) -> "Override":
        """From the word as QEMU gets it."""
        model, *words = value.split(",")
        return cls(model, tuple(words))

    def __str__(self) -> str:
        return ",".join((self.model, *self.words))

    def switch(self, feature: str) -> bool | None:
        """What the words say about a feature; None: nothing."""
        if f"-{feature}" in self.words:
            return False
        if f"+{feature}" in self.words:
            return True
        said = [word for word in self.words if word.partition("=")[0] == feature]
        return None if not said else _is_on(said[-1])

    def giving(self, model: str, feature: str | None, *, drop: tuple[str, ...]) -> "Override":
        """The same with another model, without words about `drop`, and with `feature` on."""
        kept = [word for word in self.words if word.lstrip("+-").partition("=")[0] not in drop]
        return Override(model, (*kept, *((f"{feature}=on",) if feature else ())))


def find_override(domain: Domain) -> tuple[etree._Element, Override] | None:
    """The argument whose value decides, and that value; None where no `-cpu` is given."""
    found = None
    for line in domain.root.findall(f"{{{QEMU}}}commandline"):
        words = line.findall(f"{{{QEMU}}}arg")
        for word, following in pairwise(words):
            if word.get("value") in {"-cpu", "--cpu"}:
                found = (following, Override.of(following.get("value") or ""))
    return found


def _is_on(word: str) -> bool:
    _, equals, value = word.partition("=")
    return not equals or value in _ON
