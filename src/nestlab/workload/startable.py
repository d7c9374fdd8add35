"""A small guest that a machine's parent can start: what `boot` measures."""

from dataclasses import dataclass

from nestlab.units import MIB

VCPUS = 1
MEMORY = 512 * MIB
"""The size of it, the same at every level; Debian is up with half of that."""


@dataclass(frozen=True)
class Startable:
    """A twin of a machine of the lab, in folders of its own; nothing of it is there yet.

    overlay  argv that makes its disk
    argv     QEMU in the foreground, which powers it on at once; it has a port of the loopback,
             chosen by the kernel, that leads to its SSH, and the monitor knows which
    folder   of its files; the one above it is there
    sockets  folder of its sockets; may be the same
    seed     the machine's own seed disk, which the twin reads by that name in its folder
    console  file of all that it prints
    monitor  the QMP socket
    """

    overlay: tuple[str, ...]
    argv: tuple[str, ...]
    folder: str
    sockets: str
    seed: str
    console: str
    monitor: str
