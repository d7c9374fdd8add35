"""The NAT of a guest where QEMU has no user-mode network: one passt process beside it.

It goes with its QEMU (`--one-off`), and until that is there it is ended as QEMU is: it carries the
same identity.
"""

from importlib.resources import files

from nestlab.deadline import Deadline
from nestlab.errors import MachineError
from nestlab.hypervisor.plan import GuestPlan
from nestlab.machine.protocol import Machine
from nestlab.machine.shell import check


def passt_socket(plan: GuestPlan) -> str:
    """Where QEMU finds its NAT."""
    return f"{plan.sockets}/passt"


async def start_passt(machine: Machine, plan: GuestPlan, *, deadline: Deadline) -> int:
    """Start it in the guest's folders; the port of that machine's loopback for the guest's sshd.

    Raises MachineError `net.passt-failed` with its own words.
    """
    program = files("nestlab.net").joinpath("passt.py").read_bytes()
    done = await check(
        machine,
        passt_argv(plan),
        deadline=deadline,
        stdin=program,
        code="net.passt-failed",
        hint="the lines above are its own words",
    )
    port = done.text.strip()
    if not (port.isascii() and port.isdecimal() and 0 < int(port) < 65536):
        raise MachineError(
            "net.passt-failed",
            f"passt of {plan.path} told no port: {port[:40]!r}",
            where=f"{machine.path}, while starting {plan.path}",
            hint="look whether `python3 -V` there says 3.6 or later",
        )
    return int(port)


def passt_argv(plan: GuestPlan) -> tuple[str, ...]:
    """The same addresses as with QEMU's own NAT: the gateway leads to the parent's loopback."""
    net = plan.network
    return (
        *("python3", "-I", "-", f"guest={plan.identity}"),
        *(plan.folder, passt_socket(plan)),
        *("--ipv4-only", "--address", str(net.guest.ip), "--netmask", str(net.subnet.prefixlen)),
        *("--gateway", str(net.gateway), "--dns-forward", str(net.resolver)),
        *(() if plan.mtu is None else ("--mtu", str(plan.mtu))),
    )
