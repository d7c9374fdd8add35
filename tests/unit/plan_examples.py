"""Plans of guests: an emulated L1 on the host, and a KVM L2 inside it."""

import dataclasses
from ipaddress import IPv4Network
from typing import Any

from lan_examples import laid_out
from nestlab.hypervisor.accelerator import Accelerator
from nestlab.hypervisor.plan import BaseImage, GuestPlan, Saved
from nestlab.net.subnet import GuestNetwork
from nestlab.units import GIB

TCG = Accelerator("tcg", "KVM of l0 runs guests but offers them neither VMX nor SVM")
KVM = Accelerator("kvm", "a guest ran with KVM and is offered SVM")

DEBIAN = BaseImage("/cache/debian-12-0123/disk.img", "/cache/debian-12-0123/vmlinuz")
UBUNTU = BaseImage("/cache/ubuntu-24.04-x86_64-0123/disk.qcow2", None, "qcow2")

L1 = GuestPlan(
    lab="0a1b2c3d4e",
    path="l1",
    arch="x86_64",
    accelerator=TCG,
    vcpus=2,
    memory=4 * GIB,
    image=DEBIAN,
    network=GuestNetwork(IPv4Network("10.96.0.0/24")),
    folder="/state/labs/0a1b2c3d4e/l1",
    sockets="/tmp/nestlab-0a1b2c3d4e/l1",
    handed=(DEBIAN,),
)
L2 = dataclasses.replace(
    L1,
    path="l1/l2",
    accelerator=KVM,
    memory=2 * GIB,
    image=BaseImage("/dev/nvme0n3", "/dev/nvme0n4"),
    network=GuestNetwork(IPv4Network("10.96.1.0/24")),
    folder="/var/lib/nestlab/0a1b2c3d4e/l2",
    sockets="/var/lib/nestlab/0a1b2c3d4e/l2",
    handed=(),
)
CLOUD = dataclasses.replace(L1, image=UBUNTU, handed=(DEBIAN, UBUNTU))
ARM = dataclasses.replace(
    L1,
    arch="aarch64",
    image=BaseImage("/cache/debian-13-0123/disk.img", "/cache/debian-13-0123/vmlinuz"),
    handed=(),
)
ARM_CLOUD = dataclasses.replace(
    ARM, image=BaseImage("/cache/debian-13-cloud-aarch64-0123/disk.qcow2", None, "qcow2")
)
L1_LANS = dataclasses.replace(L1, mtu=1450, ports=laid_out().ports["l1-0"])
"""On a network of its own and on one that it only carries, both plugged into switches."""
L2_LANS = dataclasses.replace(L2, mtu=1400, ports=laid_out().ports["l1-0/l2"])
"""On the same two, plugged into bridges of its parent."""

VIRTIO = dataclasses.replace(
    L1, storage="virtio", image=dataclasses.replace(L1.image, initrd="/cache/debian-12-0123/initrd")
)
SAVED = Saved("/snapshots/it's", "7.2.22", "pc-q35-7.2-machine", "", "a" * 64, "b" * 64)
RESUMED = dataclasses.replace(VIRTIO, saved=SAVED)


def plan(**changes: Any) -> GuestPlan:
    """L1 with changes."""
    return dataclasses.replace(L1, **changes)
