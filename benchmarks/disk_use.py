"""Disk used by L1 and L2 before they write anything, beyond the base image.

    .venv/bin/python benchmarks/disk_use.py

Prints MiB at L0 (overlay, seed, logs of L1, which hold what L1 wrote for L2) and inside L1.
"""

import asyncio
import sys
import tempfile
from pathlib import Path

from nestlab.deadline import Deadline
from nestlab.events import discard
from nestlab.home import Home, make_folder
from nestlab.hypervisor.plan import base_image
from nestlab.hypervisor.promote import promote
from nestlab.image.build import ensure_image
from nestlab.image.recipe import debian_12
from nestlab.image.store import ImageStore
from nestlab.lab.build.chain import bring_up_new
from nestlab.lab.wanted.request import Request
from nestlab.lab.wanted.spec import chain_of
from nestlab.machine.local import LocalMachine
from nestlab.units import MIB


async def main() -> None:
    """Bring the chain up and look."""
    home, host_machine = Home.from_environment(), LocalMachine()
    image = await ensure_image(
        ImageStore(make_folder(home.images)), debian_12(), host_machine,
        report=lambda step: print(step, file=sys.stderr), deadline=Deadline.after(1800),
    )  # fmt: skip
    host = await promote(host_machine, "auto", ours=False, deadline=Deadline.after(60))
    with tempfile.TemporaryDirectory() as evidence:
        request = Request(chain_of(2), {"debian-12": base_image(image)}, boot_timeout=300)
        async with bring_up_new(request, home, host, evidence=Path(evidence), sink=discard) as lab:
            guest = lab.levels[2].guest
            assert guest is not None
            argv = ("du", "-sk", "--", guest.plan.folder)
            inside = await lab.levels[1].machine.run(argv, deadline=Deadline.after(60))
            used = sum(file.stat().st_blocks * 512 for file in lab.folder.rglob("*"))
            print(f"L1 and L2 together at L0: {used / MIB:.1f} MiB")
            print(f"L2 alone, inside L1: {int(inside.text.split()[0]) / 1024:.1f} MiB")


asyncio.run(main())
