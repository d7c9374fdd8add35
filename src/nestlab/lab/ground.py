"""What every lab stands on: this machine as a hypervisor, and the base image."""

from nestlab.deadline import Deadline
from nestlab.events import Notice, Progress, Sink, State
from nestlab.home import Home, make_folder
from nestlab.hypervisor.accelerator import Wanted
from nestlab.hypervisor.plan import BaseImage
from nestlab.hypervisor.promote import promote
from nestlab.hypervisor.protocol import Hypervisor
from nestlab.image.build import ensure_image
from nestlab.image.recipe import debian_12
from nestlab.image.store import Image, ImageStore
from nestlab.lab.running import Lab
from nestlab.lab.ship import ship
from nestlab.machine.local import LocalMachine
from nestlab.machine.protocol import Machine

_BUILD, _ASK = 1800.0, 60.0


async def probe_host(machine: Machine, wanted: Wanted, sink: Sink) -> Hypervisor:
    """The user's own machine as a hypervisor; said aloud where its guests are emulated."""
    sink(Progress("l0", "probing the accelerator"))
    host = await promote(machine, wanted, ours=False, deadline=Deadline.after(_ASK))
    accelerator = host.accelerator
    sink(Progress("l0", f"its guests run with {accelerator.name.upper()}", State.DONE))
    if accelerator.emulated:
        sink(
            Notice(
                f"{accelerator.why}. So the guests of l0 run with TCG, which emulates SVM:"
                " every mechanism is real, every timing is emulation and labelled so."
            )
        )
    return host


async def image_on(machine: Machine, lab: Lab, home: Home, sink: Sink) -> BaseImage:
    """The base image on the lab's host, where it is sent if that is not this machine."""
    image = await find_image(home, sink)
    lab.record(images=(image.folder.name,))
    if lab.state.host is None:
        return here(image)
    return await ship(image, machine, lambda step: sink(Progress("image", step)))


def here(image: Image) -> BaseImage:
    """The image as this machine sees it."""
    return BaseImage(str(image.disk), str(image.kernel))


async def find_image(home: Home, sink: Sink) -> Image:
    """The base image, from the cache or built now."""
    sink(Progress("image", "looking in the cache"))
    image = await ensure_image(
        ImageStore(make_folder(home.images)),
        debian_12(),
        LocalMachine(),
        report=lambda step: sink(Progress("image", step)),
        deadline=Deadline.after(_BUILD),
    )
    sink(Progress("image", f"{image.manifest.name} is ready", State.DONE))
    return image
