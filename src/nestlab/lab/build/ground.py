"""What every lab stands on: its host as a hypervisor, and the images of its guests there."""

from collections.abc import Collection, Sequence

from nestlab.deadline import Deadline
from nestlab.errors import UsageError
from nestlab.events import Notice, Progress, Sink, State
from nestlab.home import Home, make_folder
from nestlab.hypervisor.accelerator import Wanted
from nestlab.hypervisor.plan import BackEnd, BaseImage, base_image
from nestlab.hypervisor.promote import promote
from nestlab.hypervisor.protocol import Hypervisor
from nestlab.image.build import ensure_image
from nestlab.image.inspect import look_at
from nestlab.image.recipe import SUITES, debian
from nestlab.image.resolve import resolve
from nestlab.image.store import Image, ImageStore
from nestlab.lab.build.ship import ship
from nestlab.lab.record.running import Lab
from nestlab.lab.wanted.spec import GuestSpec
from nestlab.lab.wanted.tree import every
from nestlab.machine.local import LocalMachine
from nestlab.machine.protocol import Machine
from nestlab.units import format_size

_BUILD, _ASK = 1800.0, 60.0


async def probe_host(
    machine: Machine, wanted: Wanted, sink: Sink, back_ends: Collection[BackEnd] = ()
) -> Hypervisor:
    """The user's own machine as a hypervisor; said aloud where its guests are emulated."""
    sink(Progress("l0", "probing the accelerator"))
    deadline = Deadline.after(_ASK)
    host = await promote(machine, wanted, ours=False, deadline=deadline, back_ends=back_ends)
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


async def images_on(
    host: Hypervisor, lab: Lab, guests: Sequence[GuestSpec], home: Home, sink: Sink
) -> dict[str, BaseImage]:
    """Name -> the image as the lab's host sees it; it is sent there if that is another machine.

    A lab keeps the images that it began with: its disks lie on them, and its guests were handed
    them, those of guests that are gone by now too.

    Raises UsageError `image.unknown`, `lab.disk-too-small`; and what building an image raises.
    """
    store, arch = ImageStore(make_folder(home.images)), host.facts.arch or "x86_64"
    found: dict[str, Image] = {}
    for spec in every(guests):
        if spec.image not in found:
            pinned = store.find(lab.state.images.get(spec.image, "none"))
            found[spec.image] = pinned or await find_image(store, spec.image, arch, sink)
        _must_fit(spec, found[spec.image])
    for name, folder in lab.state.images.items():
        if name not in found and (kept := store.find(folder)):
            found[name] = kept
    names = {name: image.folder.name for name, image in found.items()}
    lab.record(images={**lab.state.images, **names})
    if lab.state.host is None:
        return {name: base_image(image) for name, image in found.items()}
    return {
        name: await ship(image, host.machine, lambda step: sink(Progress("image", step)))
        for name, image in found.items()
    }


async def find_image(store: ImageStore, name: str, arch: str, sink: Sink) -> Image:
    """An image from the store; one that can be built is, when it is not there yet."""
    sink(Progress("image", f"looking for {name}"))
    if name not in SUITES:
        image = resolve(store, name, arch)
    else:
        image = await ensure_image(
            store,
            debian(name, arch),
            LocalMachine(),
            report=lambda step: sink(Progress("image", step)),
            deadline=Deadline.after(_BUILD),
        )
    sink(Progress("image", f"{image.manifest.name} is ready", State.DONE))
    return image


def _must_fit(spec: GuestSpec, image: Image) -> None:
    raw = image.manifest.format == "raw"
    size = image.manifest.disk_size if raw else look_at(image.disk).size
    if spec.disk is not None and spec.disk < size:
        shown = format_size(size)
        raise UsageError(
            "lab.disk-too-small",
            f"{spec.name}: a disk of {format_size(spec.disk)} is smaller than the {shown} of"
            f" {spec.image}",
            hint=f"write {shown.replace('.0 ', '')} or more; it takes only what is written to it",
        )
