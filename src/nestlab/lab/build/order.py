"""One guest's boot in full: the order to its hypervisor, and the record in the lab's state."""

import hashlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from nestlab.deadline import Deadline
from nestlab.events import Progress, Sink
from nestlab.hypervisor.plan import GuestPlan
from nestlab.hypervisor.protocol import Guest, Login, Order
from nestlab.image.seed import Seed
from nestlab.lab.build.wish import Wish
from nestlab.lab.network.wiring import Wiring, cards
from nestlab.lab.record.keys import host_key, lab_key
from nestlab.lab.record.running import Lab
from nestlab.lab.record.state import GuestRecord


@dataclass(frozen=True)
class Desk:
    """Where orders of one lab are written."""

    lab: Lab
    wiring: Wiring
    sink: Sink

    def order(self, plan: GuestPlan, evidence: Path, *, fresh: bool, deadline: Deadline) -> Order:
        """Everything that one boot needs; its keys are made where there are none yet."""
        folder, sink, path = self.lab.folder, self.sink, plan.path
        client, client_file = lab_key(folder, f"nestlab {self.lab.state.id}")
        key = host_key(folder, plan.identity)
        return Order(
            plan=plan,
            seed=Seed(
                hostname=plan.hostname,
                machine_id=hashlib.sha256(plan.identity.encode()).hexdigest()[:32],
                host_key=key.private,
                host_key_public=key.public,
                authorized_key=client.public,
                network=plan.network,
                mtu=plan.mtu,
                ports=plan.ports,
                hosts=self.wiring.hosts(path) if fresh else None,
            ),
            login=Login("root", client_file, key.public),
            evidence=evidence,
            stage=lambda step: sink(Progress(path, step)),
            deadline=deadline,
            fresh=fresh,
            kept=lambda: self.lab.kept,
        )

    def begin(self, order: Order, wish: Wish) -> None:
        """Noted before anything is started, so that another nestlab can end what it finds."""
        plan, was = order.plan, self.lab.state.guest(order.plan.path)
        self.lab.note(
            GuestRecord(
                path=plan.path,
                identity=plan.identity,
                spec=replace(wish.spec, guests=()),
                ready=not order.fresh and was is not None and was.ready,
                folder=plan.folder,
                sockets=plan.sockets,
                host_key=order.login.host_key,
                subnet=str(plan.network.subnet),
                address=str(plan.network.guest.ip),
                addresses={port.lan.name: str(port.address) for port in plan.ports if port.address},
                cards=cards(plan.ports),
                # a seed that cloud-init reads says nothing of networks of the lab
                told="" if plan.image.kernel else None,
                mtu=plan.mtu,
                handed=wish.handed,
                resumed=wish.warm.name if wish.warm else was.resumed if was else None,
                vcpus=plan.vcpus,
                memory=plan.memory,
                accelerator=plan.accelerator.name,
                emulated=plan.accelerator.emulated or self.lab.emulated(plan.path),
                started=datetime.now(UTC),
            )
        )

    def arrived(self, guest: Guest) -> None:
        """It has a shell."""
        self.lab.change(guest.plan.path, pid=guest.pid, ssh_port=guest.ssh_port)

    def ready(self, path: str) -> None:
        """Everything that its spec asks for is in it."""
        self.lab.change(path, ready=True)

    def gone(self, order: Order) -> None:
        """It was taken down again: a new one with its disk, an old one keeps that."""
        path = order.plan.path
        if order.fresh:
            self.lab.forget(path)
        else:
            self.lab.change(path, pid=None, ssh_port=None)


def evidence_of(folder: Path, path: str, attempt: int) -> Path:
    """Where a guest's consoles go; each attempt keeps its own."""
    name = path.replace("/", ".")
    return folder / (name if attempt == 1 else f"{name}-attempt-{attempt}")
