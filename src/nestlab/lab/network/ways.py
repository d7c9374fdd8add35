"""Proof of every way between the machines that are up, while it is still known who has which."""

from nestlab.deadline import Deadline
from nestlab.events import Progress, Sink, State
from nestlab.lab.network.wiring import Wiring
from nestlab.lab.record.running import Lab
from nestlab.verify.lan import check_way, lan_ways, nat_way

_SECONDS = 300.0


async def prove_ways(wiring: Wiring, lab: Lab, sink: Sink) -> None:
    """Ping over each network, and on each way out, in three sizes that must not be fragmented.

    passt does not answer pings to the gateway, so that its ways out are taken on trust.

    Raises MachineError `net.unreachable`, `net.mtu-broken`, `net.no-ping`.
    """
    machines = {level.machine.path: level.machine for level in lab.levels if level.guest}
    plans = [level.guest.plan for level in lab.levels if level.guest]
    outward = [
        nat_way(plan.path, plan.network, plan.mtu)
        for plan in plans
        if plan.mtu is not None and plan.nat == "slirp"
    ]
    between = [
        way for way in lan_ways(wiring.layout) if way.source in machines and way.target in machines
    ]
    for way in (*outward, *between):
        sink(Progress(way.source, f"pinging {way.target} over {way.over}"))
        await check_way(machines[way.source], way, deadline=Deadline.after(_SECONDS))
    for path in machines:
        sink(Progress(path, "reachable in three sizes", State.DONE))
