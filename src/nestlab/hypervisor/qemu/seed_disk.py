"""The seed as a disk of the guest."""

import tempfile
from pathlib import Path

from nestlab.hypervisor.protocol import Order
from nestlab.hypervisor.qemu.files import Files
from nestlab.image.nocloud import nocloud_iso
from nestlab.machine.protocol import Machine

_SIZE = 64 << 10
"""Bytes, or a multiple: a resumed kernel remembers the size of the disk that it knew, and reads the
new one to its end."""


async def put_seed(machine: Machine, order: Order) -> None:
    """Put it where the guest's QEMU finds it. Raises MachineError `machine.*`."""
    with tempfile.NamedTemporaryFile(prefix="nestlab-seed-") as file:
        file.write(_seed_disk(order))
        file.flush()
        await machine.put(Path(file.name), Files(order.plan).seed, mode=0o600)


def _seed_disk(order: Order) -> bytes:
    """What the image reads: its own init a tar, cloud-init an ISO."""
    if order.plan.image.kernel is not None:
        tar = order.seed.tar()
        return tar + bytes(-len(tar) % _SIZE)
    return nocloud_iso(order.seed, order.login.username)
