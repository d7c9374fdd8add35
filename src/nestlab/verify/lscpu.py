"""What `lscpu -J` says about virtualization (pure; util-linux lscpu(1))."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

from nestlab.errors import MachineError


@dataclass(frozen=True)
class Lscpu:
    """None: lscpu has no such line, as on bare metal or without the extension.

    virtualization     the extension that this machine could pass on: `VT-x`, `AMD-V`
    hypervisor_vendor  who runs this machine: `KVM`
    type               `full`, `para`, `container`
    """

    virtualization: str | None
    hypervisor_vendor: str | None
    type: str | None


def parse_lscpu(text: str, *, path: str) -> Lscpu:
    """Read the JSON of the machine `path`. Raises MachineError `verify.lscpu-unreadable`."""
    try:
        fields = dict(_fields(json.loads(text)["lscpu"]))
    except (ValueError, KeyError, TypeError, RecursionError) as problem:
        raise MachineError(
            "verify.lscpu-unreadable",
            f"`lscpu -J` printed something unknown: {text[:80]!r}",
            where=f"{path}, while verifying it",
            hint="please report what `lscpu -J` prints there",
        ) from problem
    return Lscpu(
        fields.get("Virtualization"), fields.get("Hypervisor vendor"),
        fields.get("Virtualization type"),
    )  # fmt: skip


def _fields(entries: object) -> Iterator[tuple[str, str]]:
    """Newer versions nest entries under `children`, older ones are flat."""
    if not isinstance(entries, list):
        raise TypeError
    for entry in entries:
        field, data = entry["field"], entry["data"]
        if data is not None:
            yield str(field).rstrip(":"), str(data)[:200]
        yield from _fields(entry.get("children", []))
