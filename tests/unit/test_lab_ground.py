"""The images of a lab, as its host sees them."""

import asyncio
from pathlib import Path

from image_examples import built
from nestlab.home import Home, make_folder
from nestlab.image.store import ImageStore
from nestlab.lab.build.ground import images_on
from nestlab.lab.record.opening import made
from nestlab.lab.wanted.spec import GuestSpec
from nestlab.units import GIB
from test_lab_chain import MemoryHypervisor


def test_what_guests_were_handed_stays_known_when_nobody_runs_it_any_more(tmp_path: Path) -> None:
    """l1 was handed the image of an l2 that is removed; it is started again all the same."""
    home = Home(tmp_path / "cache", tmp_path / "state")
    store = ImageStore(make_folder(home.images))
    kept = built(store, old=True)
    current = built(store, "debian-13")
    specs = [GuestSpec("l1", 2, GIB, image="debian-13", disk=8 * GIB)]

    async def images() -> dict[str, str]:
        async with made(home) as lab:
            lab.record(images={"debian-12": kept.folder.name, "other": "removed by hand"})
            found = await images_on(MemoryHypervisor(), lab, specs, home, lambda _event: None)
            lab.kept = False
            return {name: image.disk for name, image in found.items()}

    assert asyncio.run(images()) == {
        "debian-13": str(current.disk),
        "debian-12": str(kept.disk),
    }
