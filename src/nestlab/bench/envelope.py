"""What each machine may use while it is measured: the same at every level (pure)."""

from collections.abc import Sequence
from dataclasses import dataclass

from nestlab.facts.model import Facts
from nestlab.workload.protocol import Device, Envelope, Peer
from nestlab.workload.queues import cpus_of_queues
from nestlab.workload.startable import Startable


@dataclass(frozen=True)
class Target:
    """A machine to be measured.

    folder  absolute path of a folder on the disk that counts
    device  name of the block device behind it (`nvme0n1`), or None when there is none of its own
    disks   whole disks that nobody else uses, which a workload may measure
    """

    path: str
    facts: Facts
    folder: str
    device: str | None
    disks: tuple[Device, ...] = ()


def envelope_of(
    target: Target, cpus: int, peer: Peer | None = None, guest: Startable | None = None
) -> Envelope:
    """The first `cpus` CPUs that the machine may use, or all where it has fewer."""
    usable = target.facts.cpu.usable if target.facts.cpu else (0,)
    return Envelope(usable[:cpus], target.folder, peer, target.disks, guest)


def queue_cpus(targets: Sequence[Target], cpus: int) -> int:
    """Fio's `numjobs`: CPUs in the queue map of the disk, as the seed document reads it.

    The document looks at the guest's `/sys/block/vda/mq/*/cpu_list`. The host's disk may serve
    more CPUs than the envelope has, so the smallest count of all levels is taken: the command has
    to be the same everywhere. A map that cannot be read counts as none, since it comes from a
    guest. Where no disk has a map, it is the number of vCPUs.
    """
    maps = ((target.facts.queues or {}).get(target.device or "") for target in targets)
    counts = (len(cpus_of_queues(texts) or ()) for texts in maps if texts)
    return min((cpus, *filter(None, counts)))
