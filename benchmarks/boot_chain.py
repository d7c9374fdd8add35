"""Time from nothing to an L2 shell: nestlab against two QEMU command lines typed by hand.

    .venv/bin/python benchmarks/boot_chain.py [PAIRS]

Both boot the same image to SSH in L1 and in a KVM L2, in turns, on this machine, in one run. Two
sets of hand-written lines are timed: one with the very options that nestlab uses, so that the ratio
is what nestlab itself costs, and one with QEMU's defaults (SeaBIOS, no clock options).

Prints seconds for each, the ratio nestlab / by hand as median with its lowest and highest pair, and
the time from power-on of L1 to L2's shell.
"""

import asyncio
import dataclasses
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from ipaddress import IPv4Network
from pathlib import Path

from nestlab.deadline import Deadline
from nestlab.events import Event, Progress
from nestlab.facts.gather import gather
from nestlab.home import Home, make_folder
from nestlab.hypervisor.accelerator import Accelerator, choose_accelerator
from nestlab.hypervisor.plan import GuestPlan, base_image
from nestlab.hypervisor.promote import promote
from nestlab.hypervisor.qemu import process
from nestlab.hypervisor.qemu.argv import qemu_argv
from nestlab.hypervisor.qemu.disks import handed_down, overlay_argv
from nestlab.hypervisor.qemu.files import Files
from nestlab.image.build import ensure_image
from nestlab.image.recipe import debian_12
from nestlab.image.seed import Seed
from nestlab.image.store import Image, ImageStore
from nestlab.lab.build.chain import bring_up_new
from nestlab.lab.record.keys import FILE, KeyPair, make_key, store_key
from nestlab.lab.wanted.request import Request
from nestlab.lab.wanted.spec import chain_of
from nestlab.machine.local import LocalMachine
from nestlab.net.subnet import GuestNetwork

QBOOT = "/usr/share/qemu/qboot.rom"
FORWARDS = (22091, 22092)


async def by_nestlab(image: Image, home: Home) -> tuple[float, float]:
    """Seconds until the L2 shell has answered a command, from the start and from power-on."""
    steps: dict[tuple[str, str], float] = {}

    def watch(event: Event) -> None:
        if isinstance(event, Progress):
            steps[event.subject, event.step] = time.monotonic()

    started, deadline = time.monotonic(), Deadline.after(300)
    host = await promote(LocalMachine(), "auto", ours=False, deadline=deadline)
    with tempfile.TemporaryDirectory() as evidence:
        request = Request(chain_of(2), {"debian-12": base_image(image)}, boot_timeout=300)
        async with bring_up_new(request, home, host, evidence=Path(evidence), sink=watch) as lab:
            # its facts, which nestlab reads next, are not part of the race
            answer = await lab.levels[2].machine.run(("true",), deadline=deadline)
            shell = steps["l1/l2", "reading its facts"] + answer.elapsed
    return shell - started, shell - steps["l1", "starting QEMU"]


def by_hand(image: Image, accelerator: Accelerator, folder: Path, *, tuned: bool) -> float:
    """The same with two QEMU command lines and OpenSSH's client; seconds."""
    client, hosts = make_key("benchmark"), (make_key("l1"), make_key("l2"))
    key = folder / FILE
    store_key(client, key)
    plans = _plans(image, accelerator, folder)
    for plan, host in zip(plans, hosts, strict=True):
        (folder / f"{plan.hostname}.tar").write_bytes(_seed(plan, client, host))
    ssh = _ssh_config(folder, key, hosts)
    Path(plans[0].folder).mkdir()
    (folder / "l1.tar").rename(Files(plans[0]).seed)
    started = time.monotonic()
    try:
        subprocess.run(overlay_argv(plans[0]), check=True)
        subprocess.run(_line(plans[0], FORWARDS[0], tuned=tuned), check=True)
        _until_ssh(ssh, "l1")
        _start_l2(ssh, plans[1], folder, tuned=tuned)
        _until_ssh(ssh, "l2")
        return time.monotonic() - started
    finally:
        end = process.end(
            LocalMachine(), plans[0].identity, patience=0, deadline=Deadline.after(30)
        )
        asyncio.run(end)


def _plans(image: Image, accelerator: Accelerator, folder: Path) -> tuple[GuestPlan, GuestPlan]:
    first = GuestPlan(
        lab="byhand", path="l1", arch="x86_64", accelerator=accelerator, vcpus=2,
        memory=chain_of(2)[0].memory, image=base_image(image), handed=(base_image(image),),
        network=GuestNetwork(IPv4Network("10.96.0.0/24")),
        folder=str(folder / "l1"), sockets=str(folder / "l1"),
    )  # fmt: skip
    second = dataclasses.replace(
        first, path="l1/l2", accelerator=Accelerator("kvm", "by hand"),
        memory=chain_of(2)[0].guests[0].memory, image=handed_down(first)[0], handed=(),
        network=GuestNetwork(IPv4Network("10.96.1.0/24")), folder="/root/l2", sockets="/root/l2",
    )  # fmt: skip
    return first, second


def _seed(plan: GuestPlan, client: KeyPair, host: KeyPair) -> bytes:
    return Seed(
        hostname=plan.hostname, machine_id="0" * 31 + "1", host_key=host.private,
        host_key_public=host.public, authorized_key=client.public, network=plan.network,
    ).tar()  # fmt: skip


def _ssh_config(folder: Path, key: Path, hosts: tuple[KeyPair, KeyPair]) -> tuple[str, ...]:
    known = folder / "known_hosts"
    known.write_text("".join(f"l{n} {host.public}\n" for n, host in enumerate(hosts, start=1)))
    config = folder / "config"
    config.write_text(
        f"Host *\n User root\n IdentityFile {key}\n UserKnownHostsFile {known}\n"
        " HostName 127.0.0.1\n BatchMode yes\n LogLevel ERROR\n ConnectTimeout 5\n"
        f"Host l1\n Port {FORWARDS[0]}\n HostKeyAlias l1\n"
        f"Host l2\n Port {FORWARDS[1]}\n HostKeyAlias l2\n ProxyJump l1\n"
    )
    return ("ssh", "-F", str(config))


def _line(plan: GuestPlan, port: int, *, tuned: bool) -> tuple[str, ...]:
    """One hand-written line: fixed port, not paused; untuned: no firmware, no clock options."""
    words = [word for word in qemu_argv(plan, firmware=QBOOT if tuned else None) if word != "-S"]
    words = [word.replace("127.0.0.1:0-", f"127.0.0.1:{port}-") for word in words]
    if not tuned:
        clock = "clocksource=tsc tsc=reliable no_timer_check "
        words = [word.replace(clock, "") for word in words]
    return tuple(words)


def _start_l2(ssh: tuple[str, ...], plan: GuestPlan, folder: Path, *, tuned: bool) -> None:
    put = f"mkdir -p /root/l2 && cat >{Files(plan).seed}"
    seed = (folder / "l2.tar").read_bytes()
    subprocess.run([*ssh, "l1", put], input=seed, check=True)
    lines = ("modprobe kvm_amd || modprobe kvm_intel", shlex.join(overlay_argv(plan)),
             shlex.join(_line(plan, FORWARDS[1], tuned=tuned)))  # fmt: skip
    subprocess.run([*ssh, "l1", " && ".join(f"{{ {line}; }}" for line in lines)], check=True)


def _until_ssh(ssh: tuple[str, ...], host: str) -> None:
    deadline = Deadline.after(120)
    while not deadline.expired:
        with suppress(subprocess.TimeoutExpired):
            done = subprocess.run(
                [*ssh, host, "true"], check=False, timeout=30, stderr=subprocess.DEVNULL
            )
            if done.returncode == 0:
                return
        time.sleep(0.3)
    raise TimeoutError(host)


def _by_hand(image: Image, accelerator: Accelerator, *, tuned: bool) -> float:
    """Once more when emulation lost the guest, as nestlab does by itself."""
    while True:
        with tempfile.TemporaryDirectory(prefix="nb-") as folder:
            try:
                return by_hand(image, accelerator, Path(folder), tuned=tuned)
            except TimeoutError as lost:
                print(f"by hand: {lost} was lost; once more", file=sys.stderr)


def main() -> None:
    """Run the pairs and print the ratios."""
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    home = Home.from_environment()
    machine = LocalMachine()
    image = asyncio.run(
        ensure_image(
            ImageStore(make_folder(home.images)), debian_12(), machine,
            report=lambda step: print(step, file=sys.stderr), deadline=Deadline.after(1800),
        )
    )  # fmt: skip
    facts = asyncio.run(gather(machine, deadline=Deadline.after(60)))
    accelerator = choose_accelerator(facts, "auto", path="l0")
    ours: list[float] = []
    power_on: list[float] = []
    same: list[float] = []
    default: list[float] = []
    for number in range(pairs):
        seconds, since = asyncio.run(by_nestlab(image, home))
        ours.append(seconds)
        power_on.append(since)
        for times, tuned in ((same, True), (default, False)):
            times.append(_by_hand(image, accelerator, tuned=tuned))
        print(
            f"pair {number + 1}: nestlab {ours[-1]:.1f} s, by hand with the same options"
            f" {same[-1]:.1f} s, with QEMU's defaults {default[-1]:.1f} s"
        )
    print(f"L2 shell after power-on of L1: median {statistics.median(power_on):.1f} s")
    for name, times in (("the same options", same), ("QEMU's defaults", default)):
        ratios = [mine / theirs for mine, theirs in zip(ours, times, strict=True)]
        print(
            f"ratio nestlab / by hand with {name}: {statistics.median(ratios):.2f}"
            f" ({min(ratios):.2f} to {max(ratios):.2f}, {pairs} pairs)"
        )


if __name__ == "__main__":
    main()
