"""What guests are resumed from, once it was seen that they can be resumed on this host."""

from nestlab.deadline import Deadline
from nestlab.home import Home, make_folder
from nestlab.hypervisor.accelerator import guest_accelerator
from nestlab.hypervisor.protocol import Hypervisor
from nestlab.hypervisor.qemu.manifest import differs, load_manifest
from nestlab.image.store import ImageStore
from nestlab.lab.build.wish import Warm
from nestlab.lab.warm.saved import Snapshot

_SECONDS = 60.0


async def warm_guests(snapshot: Snapshot, host: Hypervisor, home: Home) -> dict[str, Warm]:
    """Path -> what that guest is resumed from.

    Raises StoredDataError `snapshot.damaged`, HostError `snapshot.version`, and as
    `guest_accelerator` does.
    """
    store, machine = ImageStore(make_folder(home.images)), host.machine
    found: dict[str, Warm] = {}
    for guest in snapshot.guests:
        image = store.find(snapshot.images[guest.spec.image])
        manifest = await load_manifest(
            machine,
            guest.folder,
            image=image.manifest.disk_sha256 if image else "removed",
            deadline=Deadline.after(_SECONDS),
        )
        then = manifest.plan.accelerator.name
        now = guest_accelerator(guest.spec.accel, host.accelerator, host.facts, path=machine.path)
        if then != now.name:
            raise differs(machine, guest.folder, "accelerator", then, now.name)
        found[guest.path] = Warm(snapshot.name, guest.folder, manifest, guest.handed)
    return found
