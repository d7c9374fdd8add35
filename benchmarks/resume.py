"""Time until an L1 can start guests: cold boot against resuming it from a snapshot.

    .venv/bin/python benchmarks/resume.py [PAIRS] [GIB]

Both in turns, on this machine, in one run, with the same image and the same options. "Can start
guests" is what `nestlab up` waits for: logged in and promoted. For a booted L1 that means that its
KVM module is loaded and the probe's guest has run; what was proved of the one that was saved is
not proved again.

The machine that was saved runs on while the other is resumed, as another lab.

Prints seconds for each, sizes, how far the resumed machine's clock is off, and the ratio resumed /
cold as median with its lowest and highest pair.
"""

import asyncio
import dataclasses
import multiprocessing
import statistics
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from ipaddress import IPv4Network
from pathlib import Path

from nestlab.deadline import Deadline
from nestlab.facts.model import Facts
from nestlab.home import Home, make_folder
from nestlab.hypervisor.plan import GuestPlan, base_image
from nestlab.hypervisor.promote import gather_ready, promote, promote_resumed
from nestlab.hypervisor.protocol import Guest, Hypervisor, Login, Order
from nestlab.hypervisor.qemu import process
from nestlab.hypervisor.qemu.manifest import load_manifest, resumed
from nestlab.hypervisor.qemu.readiness import log_in
from nestlab.hypervisor.qemu.snapshot import save
from nestlab.image.build import ensure_image
from nestlab.image.recipe import debian_12
from nestlab.image.seed import Seed
from nestlab.image.store import Image, ImageStore
from nestlab.lab.record.keys import FILE, make_key, store_key
from nestlab.machine.local import LocalMachine
from nestlab.net.subnet import GuestNetwork
from nestlab.units import GIB, MIB


def plan_of(host: Hypervisor, image: Image, folder: Path, memory: int, subnet: str) -> GuestPlan:
    """An L1 with its disks on virtio; its lab is the folder's name."""
    return GuestPlan(
        lab=folder.name, path="l1", arch=host.facts.arch or "x86_64", accelerator=host.accelerator,
        vcpus=2, memory=memory,
        image=base_image(image),
        network=GuestNetwork(IPv4Network(subnet)), folder=f"{folder}/l1", sockets=f"{folder}/l1",
        storage="virtio",
    )  # fmt: skip


def order_of(plan: GuestPlan, folder: Path) -> Order:
    """With keys, a host name and a machine id of its own."""
    client, own = make_key("client"), make_key("host")
    seed = Seed(
        plan.lab.replace("_", "-"), plan.lab.encode().hex().rjust(32, "0")[-32:],
        own.private, own.public, client.public, plan.network,
    )  # fmt: skip
    store_key(client, folder / FILE)
    login = Login("root", folder / FILE, own.public)
    return Order(plan, seed, login, folder / "log", lambda _: None, Deadline.after(300))


async def ready(guest: Guest, started: float, known: Facts | None = None) -> tuple[float, float]:
    """Seconds until it had a shell and until it could start guests."""
    shell, deadline = time.monotonic() - started, Deadline.after(120)
    if known:
        await promote_resumed(guest.machine, known, deadline=deadline)
    else:
        await promote(guest.machine, "kvm", ours=True, deadline=deadline)
    return shell, time.monotonic() - started


async def clock_error(guest: Guest) -> float:
    """Seconds that its clock is ahead, give or take half of what asking takes."""
    asked = time.time()
    done = await guest.machine.run(("date", "+%s.%N"), deadline=Deadline.after(10))
    return float(done.text) - (asked + time.time()) / 2


async def boot_cold(plan: GuestPlan, folder: Path) -> tuple[float, float, int, Login]:
    """Leaves the guest running; seconds, the port of its sshd, and how to log in."""
    host = await promote(LocalMachine(), "auto", ours=False, deadline=Deadline.after(60))
    order = dataclasses.replace(order_of(plan, folder), kept=lambda: True)
    started = time.monotonic()
    async with host.boot(order) as guest:
        return *await ready(guest, started), guest.ssh_port, order.login


def in_another_process(plan: GuestPlan, folder: Path) -> tuple[float, float, int, Login]:
    """As `nestlab up` does it: a monitor has one client, and who booted the guest is it."""
    return asyncio.run(boot_cold(plan, folder))


async def pair(host: Hypervisor, image: Image, memory: int, base: Path) -> tuple[float, float]:
    """Boot, save, resume; prints and returns seconds until each could start guests."""
    folders = [Path(tempfile.mkdtemp(prefix=name, dir=base)) for name in ("cold", "warm")]
    first = plan_of(host, image, folders[0], memory, "10.96.8.0/24")
    second = plan_of(host, image, folders[1], memory, "10.96.9.0/24")
    checksum = image.manifest.disk_sha256
    snapshot = folders[0] / "snapshot"
    try:
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
            cold = pool.submit(in_another_process, first, folders[0]).result()
        deadline = Deadline.after(120)
        guest = await log_in(host.machine, cold[2], first, cold[3], deadline=deadline)
        known = await gather_ready(guest, deadline=deadline)
        started = time.monotonic()
        await save(
            guest, host.machine, first, str(snapshot),
            facts=known, host_facts=host.facts, image=checksum, deadline=deadline,
        )  # fmt: skip
        saving = time.monotonic() - started
        await guest.close()
        order = order_of(second, folders[1])
        started = time.monotonic()
        manifest = await load_manifest(
            host.machine, str(snapshot), image=checksum, deadline=deadline
        )
        order = dataclasses.replace(order, plan=resumed(manifest, str(snapshot), second))
        async with host.boot(order) as other:
            warm = await ready(other, started, manifest.facts)
            error = await clock_error(other)
    finally:
        await process.end(host.machine, first.identity, patience=0, deadline=Deadline.after(30))
    state, disk = (size_of(snapshot / name) for name in ("state", "root.qcow2"))
    print(
        f"cold: shell {cold[0]:.1f} s, can start guests {cold[1]:.1f} s; saved in {saving:.1f} s,"
        f" state {state:.0f} MiB, disk {disk:.0f} MiB; resumed: shell"
        f" {warm[0]:.1f} s, can start guests {warm[1]:.1f} s; clock {error:+.2f} s",
        flush=True,
    )
    return cold[1], warm[1]


def size_of(file: Path) -> float:
    """MiB that it takes on the disk."""
    return file.stat().st_blocks * 512 / MIB


async def run(pairs: int, memory: int) -> list[tuple[float, float]]:
    """All pairs, one after the other."""
    machine, home = LocalMachine(), Home.from_environment()
    store = ImageStore(make_folder(home.images))
    image = await ensure_image(
        store, debian_12(), machine,
        report=lambda step: print(step, file=sys.stderr), deadline=Deadline.after(1800),
    )  # fmt: skip
    host = await promote(machine, "auto", ours=False, deadline=Deadline.after(60))
    with tempfile.TemporaryDirectory(prefix="nr-") as base:
        return [await pair(host, image, memory, Path(base)) for _ in range(pairs)]


def main() -> None:
    """Run the pairs and print the ratio."""
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    memory = int(float(sys.argv[2]) * GIB) if len(sys.argv) > 2 else 2 * GIB
    ratios = [warm / cold for cold, warm in asyncio.run(run(pairs, memory))]
    print(
        f"ratio resumed / cold, until guests can be started: {statistics.median(ratios):.2f}"
        f" ({min(ratios):.2f} to {max(ratios):.2f}, {pairs} pairs, {memory / GIB:g} GiB)"
    )


if __name__ == "__main__":
    main()
