"""What shall be up in a lab, and how patiently it is brought up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from nestlab.hypervisor.plan import BaseImage
from nestlab.lab.build.wish import Warm
from nestlab.lab.wanted.spec import GuestSpec

ATTEMPTS = 3
"""How often an emulated lab whose nested part is lost while it comes up is started in all."""


@dataclass(frozen=True)
class Request:
    """What shall be up on a host that is a hypervisor already.

    Inside a guest the accelerator is KVM: an emulated guest in a guest is not nested
    virtualization, and is there only where its `accel` asks for it.

    images        name -> as the host sees it
    boot_timeout  seconds that each guest has until its shell answers
    attempts      how often an emulated lab is started in all when its nested part is lost while
                  it comes up (docs/how-to/when-a-guest-stops.md); one under KVM, where it is not
    saved         path -> what a guest of the host that is new is resumed from
    """

    guests: Sequence[GuestSpec]
    images: Mapping[str, BaseImage]
    boot_timeout: float
    attempts: int = 1
    saved: Mapping[str, Warm] = field(default_factory=dict)
