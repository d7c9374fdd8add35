"""What libvirt itself keeps of a domain that is gone: its log."""

from nestlab.deadline import Deadline
from nestlab.machine.protocol import Machine
from nestlab.machine.shell import check

# libvirt writes a last line when it notices the end of a QEMU, so that is waited for. The folders
# are those of its docs/drvqemu, "Location of configuration files", for root and for a session.
_TIDY = """
if [ "$(id -u)" = 0 ]; then
    uri=qemu:///system logs=/var/log/libvirt/qemu
else
    uri=qemu:///session logs=${XDG_CACHE_HOME:-$HOME/.cache}/libvirt/qemu/log
fi
n=0
while virsh --quiet --connect "$uri" domstate "$1" >/dev/null 2>&1 && [ "$n" -lt 50 ]; do
    n=$((n + 1)); sleep 0.1
done
rm -f -- "$logs/$1.log"
"""


async def tidy(machine: Machine, identity: str, *, deadline: Deadline) -> None:
    """Remove the log of a domain whose QEMU has ended. Raises MachineError `libvirt.failed`."""
    argv = ("sh", "-c", _TIDY, "sh", identity)
    await check(machine, argv, deadline=deadline, code="libvirt.failed")
