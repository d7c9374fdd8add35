"""QEMU's monitor through libvirt, for what libvirt itself does not say."""

import asyncio
import json
import re

from nestlab.errors import MachineError
from nestlab.hypervisor.plan import GuestPlan
from nestlab.hypervisor.qemu.monitor import forwarded_port, version_in
from nestlab.libvirt.virsh import Virsh

_LOOK = 3.0
"""Seconds between two looks at whether the process is there."""

_ROOT = "vda"
"""The target name of a guest's own system (`disks.py`)."""

_CAPACITY = re.compile(r"^Capacity:\s+(\d{1,20})$", re.MULTILINE | re.ASCII)

_NETDEV = "hostnet0"
"""What libvirt calls the first network of a domain (its src/qemu/qemu_alias.c)."""


class VirshMonitor:
    """The monitor of one domain; what it tells is what `qemu.monitor.Monitor` tells."""

    def __init__(self, virsh: Virsh, plan: GuestPlan, pid: int) -> None:
        self._virsh = virsh
        self._plan = plan
        self._pid = pid

    async def resume(self) -> None:
        """Let the guest run."""
        await self._virsh.said("resume", self._plan.identity)

    async def ended(self) -> None:
        """Return when its QEMU has gone."""
        argv = ("sh", "-c", '[ -d "/proc/$1" ]', "sh", str(self._pid))
        while True:
            await asyncio.sleep(_LOOK)
            if not (await self._virsh.machine.run(argv, deadline=self._virsh.deadline)).ok:
                return

    async def kvm_enabled(self) -> bool:
        """`query-kvm`: whether QEMU really uses KVM."""
        answer = await self._ask("query-kvm")
        return isinstance(answer, dict) and answer.get("enabled") is True

    async def version(self) -> str:
        """QEMU's version: `7.2.22`."""
        return version_in(await self._ask("query-version"))

    async def ssh_port(self) -> int:
        """Forward a port of the machine's loopback to the guest's sshd, and say which.

        libvirt has port forwards with passt alone (docs/formatdomain, "Userspace connection").
        """
        guest = self._plan.network.guest.ip
        forward = f"hostfwd_add {_NETDEV} tcp:127.0.0.1:0-{guest}:22"
        if said := (await self._human(forward)).strip():
            raise MachineError(
                "libvirt.failed",
                f"QEMU forwards no port to {self._plan.path}: {said}",
                where=f"{self._virsh.machine.path}, while starting {self._plan.path}",
            )
        return forwarded_port(await self._human("info usernet"), self._plan.path)

    async def root_size(self) -> int:
        """Bytes of the root disk (virsh domblkinfo); raises MachineError `libvirt.failed`."""
        told = await self._virsh.said("domblkinfo", self._plan.identity, _ROOT)
        if found := _CAPACITY.search(told.decode("utf-8", "backslashreplace")):
            return int(found[1])
        raise MachineError(
            "libvirt.failed",
            f"libvirt names no size of the root disk of {self._plan.path}",
            where=f"{self._virsh.machine.path}, over libvirt",
        )

    async def resize_root(self, size: int) -> None:
        """Give it this many bytes (virsh blockresize)."""
        await self._virsh.said("blockresize", self._plan.identity, _ROOT, f"{size}B")

    async def _human(self, line: str) -> str:
        words = ("qemu-monitor-command", self._plan.identity, "--hmp", line)
        return (await self._virsh.said(*words)).decode("utf-8", "backslashreplace")

    async def _ask(self, command: str) -> object:
        question = json.dumps({"execute": command})
        words = ("qemu-monitor-command", self._plan.identity, question)
        answer = (await self._virsh.said(*words)).decode("utf-8", "backslashreplace")
        try:
            found = json.loads(answer)
        except ValueError:
            found = None
        if isinstance(found, dict) and "return" in found:
            return found["return"]
        raise MachineError(
            "libvirt.failed",
            f"QEMU of {self._plan.path} gave no answer to {command}",
            where=f"{self._virsh.machine.path}, over libvirt",
            notes=tuple(answer.splitlines()[:8]),
        )
