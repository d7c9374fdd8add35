"""What the host of the guests has: the extension, whether nesting is on, what its libvirt knows."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from lxml import etree

from nestlab.domain.cpu import Extension
from nestlab.domain.document import parse_document
from nestlab.errors import HostError, MachineError
from nestlab.libvirt.version import Version, dotted, version_of
from nestlab.libvirt.virsh import Virsh
from nestlab.machine.shell import read_text
from nestlab.units import MIB

_VENDORS: Final[dict[str, Extension]] = {"Intel": "vmx", "AMD": "svm", "Hygon": "svm"}
_MODULES: Final[dict[Extension, str]] = {"vmx": "kvm_intel", "svm": "kvm_amd"}
_SINCE: Final = {"maximum": (7, 1, 0), "host-passthrough": (0, 9, 11), "host-model": (0, 9, 10)}
"""libvirt's news.rst and "Domain XML format": the version that first knew a mode."""


@dataclass(frozen=True)
class Host:
    """The machine that the guests run on.

    extension  of its CPU; None: it shows none, or this is not known
    nested     whether KVM gives it to guests; None: not known
    libvirt    the daemon's version, else the library's; None: not said
    modes      domain type -> CPU modes that libvirt supports there; a type is missing if not known
    """

    extension: Extension | None = None
    nested: bool | None = None
    libvirt: Version | None = None
    modes: dict[str, frozenset[str]] = field(default_factory=dict)

    def require_mode(self, mode: str, kind: str, where: str) -> None:
        """Raise HostError `expose.libvirt-too-old` or `expose.mode-not-supported`."""
        since = _SINCE.get(mode, (0, 0, 0))
        if self.libvirt is not None and self.libvirt < since:
            now, first = dotted(self.libvirt), dotted(since)
            raise HostError(
                "expose.libvirt-too-old",
                f"libvirt {now} does not know the CPU mode {mode}",
                where=where,
                hint=f"it came with libvirt {first}; --mode chooses another one",
            )
        if kind in self.modes and mode not in self.modes[kind]:
            raise HostError(
                "expose.mode-not-supported",
                f"libvirt says that guests of type {kind} cannot have the CPU mode {mode} here",
                where=where,
                hint="`virsh domcapabilities` lists the modes; --mode chooses another one",
            )


async def ask_host(virsh: Virsh, kinds: Iterable[str] = ()) -> Host:
    """What is known of the host; nothing of it is needed for sure.

    kinds  domain types whose modes are asked for; libvirt may take seconds for each
    Raises what `Virsh.said` raises for a libvirt that does not answer.
    """
    version = (await virsh.said("version", "--daemon")).decode("utf-8", "backslashreplace")
    extension = await _extension(virsh)
    kinds = {kind: await _modes(virsh, kind) for kind in kinds}
    return Host(
        extension=extension,
        nested=await _nested(virsh, extension),
        libvirt=version_of(version),
        modes={kind: modes for kind, modes in kinds.items() if modes is not None},
    )


async def _extension(virsh: Virsh) -> Extension | None:
    """By the flags of the CPU; from afar by its maker, since models contain svm unsaid."""
    if virsh.is_of_machine:
        flags = await _file(virsh, "/proc/cpuinfo")
        if flags is not None:
            words = set(re.findall(r"\b(svm|vmx)\b", flags))
            return "svm" if "svm" in words else "vmx" if "vmx" in words else None
    text = await virsh.said("capabilities")
    vendor = parse_document(text, "capabilities").root.findtext("host/cpu/vendor")
    return _VENDORS.get(vendor or "")


async def _nested(virsh: Virsh, extension: Extension | None) -> bool | None:
    if extension is None or not virsh.is_of_machine:
        return None
    value = await _file(virsh, f"/sys/module/{_MODULES[extension]}/parameters/nested")
    return None if value is None else value.strip() in {"Y", "y", "1"}


async def _modes(virsh: Virsh, kind: str) -> frozenset[str] | None:
    """None where there is no such domain type, or a driver without capabilities of domains."""
    done = await virsh.run("domcapabilities", "--virttype", kind, "--arch", "x86_64")
    if not done.ok:
        return None
    root = parse_document(done.stdout, "domcapabilities").root
    return frozenset(str(each.get("name")) for each in root.findall("cpu/mode") if _supported(each))


def _supported(mode: etree._Element) -> bool:
    return mode.get("supported") == "yes"


async def _file(virsh: Virsh, path: str) -> str | None:
    try:
        return await read_text(virsh.machine, path, deadline=virsh.deadline, limit=8 * MIB)
    except MachineError as problem:
        if problem.code != "machine.read-failed":
            raise
        return None
