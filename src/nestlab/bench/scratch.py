"""Whole disks of a machine that may be measured: those of its lab file, while nobody uses them."""

import json
from collections.abc import Iterator, Mapping

from nestlab.deadline import Deadline
from nestlab.errors import MachineError
from nestlab.machine.protocol import Machine
from nestlab.machine.shell import check
from nestlab.workload.protocol import Device

_LIMIT = 1 << 20
_LIST = """
for file in /sys/block/*/serial; do
    [ -r "$file" ] || continue
    read -r serial <"$file"
    name=${file#/sys/block/}
    echo "/dev/${name%/serial} $serial"
done
echo
exec lsblk -J -p -o NAME,TYPE,RO,FSTYPE,MOUNTPOINT
"""
"""Serial numbers by the kernel itself, up to an empty line: lsblk asks udev, whose rules give a
virtio disk another property than the one that it looks for."""


async def scratch_disks(
    machine: Machine, serials: Mapping[str, bool], *, deadline: Deadline
) -> tuple[Device, ...]:
    """The disks with these serial numbers, which the lab gave them.

    serials  -> whether it may be written

    One that is to be written and has a file system, partitions or another use is left out: a
    benchmark would destroy it. Raises MachineError `bench.disks-failed`.
    """
    if not serials:
        return ()
    argv = ("sh", "-c", _LIST)
    done = await check(machine, argv, deadline=deadline, code="bench.disks-failed", limit=_LIMIT)
    numbers, _, text = done.text.partition("\n\n") if done.text[:1] != "\n" else ("", "", done.text)
    try:
        listed = json.loads(text)
    except (ValueError, RecursionError) as problem:
        raise MachineError(
            "bench.disks-failed",
            f"the list of disks of {machine.path} is not JSON",
            where=f"{machine.path}, while looking for its scratch disks",
            hint="look at the output of lsblk -J there",
        ) from problem
    return tuple(_fit(listed, _numbered(numbers), serials))


def _numbered(text: str) -> Mapping[str, str]:
    """Device -> serial number."""
    lines = (line.partition(" ") for line in text.splitlines())
    return {device: serial.strip() for device, _, serial in lines}


def _fit(
    listed: object, numbers: Mapping[str, str], serials: Mapping[str, bool]
) -> Iterator[Device]:
    entries = listed.get("blockdevices") if isinstance(listed, dict) else None
    for entry in entries if isinstance(entries, list) else ():
        if not isinstance(entry, dict) or entry.get("type") != "disk":
            continue
        path = entry.get("name")
        if not isinstance(path, str) or not path.startswith("/dev/"):
            continue
        serial = numbers.get(path, "")
        if serial not in serials:
            continue
        writable = serials[serial] and entry.get("ro") in {False, "0"}
        used = any(entry.get(key) for key in ("fstype", "mountpoint", "children"))
        if not (used and serials[serial]):
            yield Device(serial, path, writable)
