"""Proof of the ways of machines that are up, while it is still known who has which."""

from nestlab.deadline import Deadline
from nestlab.events import Progress, Sink, State
from nestlab.hypervisor.plan import GuestPlan
from nestlab.lab.network.wiring import Wiring
from nestlab.lab.record.running import Lab
from nestlab.machine.protocol import Machine
from nestlab.verify.lan import Way, check_way, lan_ways, nat_way

_SECONDS = 300.0


async def prove_way_out(plan: GuestPlan, machine: Machine, sink: Sink) -> None:
    """Ping over a guest's way out, in three sizes that must not be fragmented.

    passt does not answer pings to the gateway, so that its ways out are taken on trust.

    Raises MachineError `net.unreachable`, `net.mtu-broken`, `net.no-ping`.
    """
    if plan.mtu is not None and plan.nat == "slirp":
        await _prove(nat_way(plan.path, plan.network, plan.mtu), machine, sink)


async def prove_networks(wiring: Wiring, lab: Lab, sink: Sink) -> None:
    """The same over each network of the lab; raises the same."""
    machines = {level.machine.path: level.machine for level in lab.levels if level.guest}
    for way in lan_ways(wiring.layout):
        if way.source in machines and way.target in machines:
            await _prove(way, machines[way.source], sink)
    for path in machines:
        sink(Progress(path, "reachable in three sizes", State.DONE))


async def _prove(way: Way, machine: Machine, sink: Sink) -> None:
    sink(Progress(way.source, f"pinging {way.target} over {way.over}"))
    await check_way(machine, way, deadline=Deadline.after(_SECONDS))
