"""What is removed and what never is."""

import fcntl
import os
import time
from pathlib import Path

import pytest

from image_examples import built, cloud
from nestlab.errors import CleanupError, UsageError
from nestlab.home import Home
from nestlab.image.store import Image, ImageStore
from nestlab.image.sweep import find_waste, named, remove
from nestlab.lab.record.folder import new_lab
from nestlab.lab.record.images import in_use
from nestlab.lab.record.state import save_state

DAY = 86400.0


def aged(path: Path, days: float) -> Path:
    moment = time.time() - days * DAY
    os.utime(path, (moment, moment))
    return path


def unused(image: Image, days: float = 1) -> Image:
    aged(image.folder / "image.json", days)
    return image


def wasted(store: ImageStore, **how: object) -> dict[str, str]:
    found = find_waste(store, how.pop("in_use", {}), **how)  # type: ignore[arg-type]
    return {waste.path.name: waste.why for waste in found}


def test_what_a_name_does_not_mean_any_more_goes(tmp_path: Path) -> None:
    store = ImageStore(tmp_path)
    old, recipe = unused(cloud(store, days=2)), unused(built(store, old=True))
    for kept in (cloud(store, days=1), built(store), cloud(store, days=3, architecture="aarch64")):
        unused(kept, 1000)
    assert wasted(store) == {old.folder.name: "superseded", recipe.folder.name: "superseded"}


def test_nothing_that_a_lab_uses_goes(tmp_path: Path) -> None:
    store = ImageStore(tmp_path)
    old = unused(cloud(store, days=2), 1000)
    unused(cloud(store, days=1), 1000)
    used = {old.folder: "0a1b2c3d4e"}
    assert wasted(store, in_use=used) == {}
    with pytest.raises(UsageError) as caught:
        named(store, "ubuntu-24.04", None, used)
    assert (caught.value.code, caught.value.exit_status) == ("image.in-use", 2)
    assert "0a1b2c3d4e" in caught.value.message


def test_nor_anything_that_a_lab_asked_for_a_moment_ago(tmp_path: Path) -> None:
    store = ImageStore(tmp_path)
    old = unused(cloud(store, days=2))
    cloud(store, days=1)
    assert wasted(store)
    store.find(old.folder.name)
    assert wasted(store) == {}


def test_images_that_are_not_used_go_when_that_is_asked_for(tmp_path: Path) -> None:
    store = ImageStore(tmp_path)
    long, short = unused(cloud(store, "one"), 31), unused(cloud(store, "two"), 29)
    assert wasted(store) == {}
    assert wasted(store, keep=30 * DAY) == {long.folder.name: "unused"}
    assert set(wasted(store, keep=0)) == {long.folder.name, short.folder.name}


def test_leftovers_go_after_a_day(tmp_path: Path) -> None:
    store = ImageStore(tmp_path)
    store.downloads.mkdir()
    for name in ("old.part", "old.json", "new.part", "busy.part", "busy.lock"):
        (store.downloads / name).write_bytes(b"x")
    (tmp_path / ".staging-old").mkdir()
    (tmp_path / ".staging-new").mkdir()
    for path in (store.downloads / "old.part", store.downloads / "old.json",
                 store.downloads / "busy.part", tmp_path / ".staging-old"):  # fmt: skip
        aged(path, 1.1)
    with (store.downloads / "busy.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert wasted(store) == dict.fromkeys(("old.part", "old.json", ".staging-old"), "left over")
    assert "busy.part" in wasted(store)


def test_removing_leaves_nothing(tmp_path: Path) -> None:
    store = ImageStore(tmp_path)
    image = cloud(store)
    part = tmp_path / "x.part"
    part.write_bytes(b"x")
    for folder in named(store, "ubuntu-24.04", None, {}):
        remove(folder)
    remove(part)
    remove(part)
    assert not image.folder.exists()
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]


def test_what_cannot_be_removed_is_said(tmp_path: Path) -> None:
    with pytest.raises(CleanupError) as caught:
        remove(Path("/proc/self"))
    assert caught.value.code == "image.not-removed"


def test_one_architecture_or_one_folder_can_be_named(tmp_path: Path) -> None:
    store = ImageStore(tmp_path)
    x86, arm = cloud(store), cloud(store, architecture="aarch64")
    damaged = cloud(store, "broken")
    (damaged.folder / "image.json").unlink()
    assert set(named(store, "ubuntu-24.04", None, {})) == {x86.folder, arm.folder}
    assert named(store, "ubuntu-24.04", "aarch64", {}) == [arm.folder]
    assert named(store, damaged.folder.name, None, {}) == [damaged.folder]
    for name in ("ubuntu-22.04", "..", ".lock", "../images"):
        with pytest.raises(UsageError) as caught:
            named(store, name, None, {})
        assert caught.value.code == "image.unknown"


def test_labs_say_what_they_use(tmp_path: Path) -> None:
    home = Home(tmp_path / "cache", tmp_path / "state")
    store = ImageStore(home.images)
    one, two = cloud(store, "one"), cloud(store, "two")
    assert in_use(home) == {}
    with new_lab(home, host="far") as (folder, state):
        pass
    assert in_use(home) == {one.folder: state.id, two.folder: state.id}
    save_state(state.model_copy(update={"images": {"two": two.folder.name}}), folder)
    assert in_use(home) == {two.folder: state.id}
