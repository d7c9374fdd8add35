"""Which networks a machine's QEMU can give to guests."""

from nestlab.deadline import Deadline
from nestlab.errors import HostError
from nestlab.hypervisor.plan import Nat
from nestlab.machine.protocol import Machine
from nestlab.machine.shell import check


async def choose_nat(machine: Machine, program: str, *, lans: bool, deadline: Deadline) -> Nat:
    """QEMU's own NAT where it was built with it, else passt.

    program  `qemu-system-x86_64`
    lans     whether guests shall be plugged into switches of this machine

    Raises HostError `net.no-user-network`, `net.no-stream`; MachineError `net.unknown-netdevs`.
    """
    argv = (program, "-netdev", "help")
    done = await check(machine, argv, deadline=deadline, code="net.unknown-netdevs", limit=1 << 16)
    offered, where = set(done.text.split()), f"{machine.path}, while planning networks"
    if lans and "stream" not in offered:
        raise HostError(
            "net.no-stream",
            f"QEMU of {machine.path} cannot be plugged into a switch (`-netdev stream`)",
            where=where,
            hint="install QEMU 7.2 or later, or take `networks` out of the lab file",
        )
    if "user" in offered:
        return "slirp"
    look = ("sh", "-c", "command -v passt")
    if "stream" in offered and (await machine.run(look, deadline=deadline)).ok:
        return "passt"
    raise HostError(
        "net.no-user-network",
        f"QEMU of {machine.path} was built without its user-mode network (`-netdev user`),"
        " and there is no passt that it could use",
        where=where,
        hint="install passt (with QEMU 7.2 or later): `sudo apt-get install passt` (Debian,"
        " Ubuntu), `sudo dnf install passt` (Fedora)",
    )
