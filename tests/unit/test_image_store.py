"""The store of images: whole or not there, one builder at a time, damage is seen."""

import asyncio
import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from nestlab.errors import CleanupError, HostError, MachineError, StoredDataError
from nestlab.image.digest import sha256_of
from nestlab.image.manifest import Manifest
from nestlab.image.store import Image, ImageStore, verify_disk

SLUG = "debian-12-0123456789abcdef"


def publish(store: ImageStore) -> Image:
    async def build() -> Image:
        async with store.building(lambda: None) as staging:
            whole = staging / "whole"
            whole.mkdir()
            (whole / "disk.img").write_bytes(b"disk" * 1000)
            (whole / "vmlinuz").write_bytes(b"kernel")
            (whole / "initrd").write_bytes(b"initrd")
            manifest = Manifest(
                name="debian-12",
                recipe="0123",
                architecture="amd64",
                kernel="6.1",
                packages={"fio": "3.33-3"},
                disk_size=4000,
                disk_sha256=sha256_of(whole / "disk.img"),
                kernel_sha256=sha256_of(whole / "vmlinuz"),
                initrd_sha256=sha256_of(whole / "initrd"),
            )
            return store.publish(whole, SLUG, manifest)

    return asyncio.run(build())


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_published_image_is_found(tmp_path: Path) -> None:
    store = ImageStore(tmp_path)
    assert store.find(SLUG) is None
    image = publish(store)
    assert store.find(SLUG) == image
    assert names(tmp_path) == [".lock", SLUG]
    assert names(image.folder) == ["disk.img", "image.json", "initrd", "vmlinuz"]
    verify_disk(image)


def test_a_builder_that_fails_leaves_nothing(tmp_path: Path) -> None:
    store = ImageStore(tmp_path)

    async def build() -> None:
        async with store.building(lambda: None) as staging:
            (staging / "tree.tar").write_bytes(b"half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        asyncio.run(build())
    assert names(tmp_path) == [".lock"]
    assert store.find(SLUG) is None


def test_a_builder_that_is_cancelled_leaves_nothing(tmp_path: Path) -> None:
    async def build(at_work: asyncio.Event) -> None:
        async with ImageStore(tmp_path).building(lambda: None) as staging:
            (staging / "tree").mkdir()
            (staging / "tree" / "file").write_bytes(b"half")
            at_work.set()
            await asyncio.sleep(60)

    async def interrupt() -> None:
        at_work = asyncio.Event()
        task = asyncio.create_task(build(at_work))
        await at_work.wait()
        assert len(names(tmp_path)) == 2
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(interrupt())
    assert names(tmp_path) == [".lock"]


def test_a_staging_folder_that_cannot_be_removed_hides_nothing(tmp_path: Path) -> None:
    async def build(first: Exception | None) -> None:
        async with ImageStore(tmp_path).building(lambda: None) as staging:
            staging.rmdir()  # as if somebody else had removed it
            if first:
                raise first

    first = MachineError("image.build-failed", "a hook failed")
    with pytest.raises(MachineError) as caught:
        asyncio.run(build(first))
    assert caught.value is first
    assert any("image.not-removed" in note for note in first.__notes__)
    with pytest.raises(CleanupError) as alone:
        asyncio.run(build(None))
    assert alone.value.code == "image.not-removed"
    assert "rm -rf" in (alone.value.hint or "")


def test_a_leftover_that_cannot_be_removed_is_said(tmp_path: Path) -> None:
    (tmp_path / ".staging-file").touch()
    with pytest.raises(CleanupError) as caught:
        publish(ImageStore(tmp_path))
    assert caught.value.code == "image.not-removed"


def test_what_a_killed_builder_left_is_removed_by_the_next(tmp_path: Path) -> None:
    left = tmp_path / ".staging-killed"
    (left / "tree" / "etc").mkdir(parents=True)
    (left / "disk.img").write_bytes(b"half")
    publish(ImageStore(tmp_path))
    assert names(tmp_path) == [".lock", SLUG]


def test_a_second_builder_waits_and_is_told_once(tmp_path: Path) -> None:
    order: list[str] = []

    async def build(name: str, work: float) -> None:
        async with ImageStore(tmp_path).building(lambda: order.append(f"{name} waits")) as staging:
            assert names(tmp_path) == [".lock", staging.name]
            order.append(f"{name} builds")
            await asyncio.sleep(work)
            order.append(f"{name} is done")

    async def both() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(build("first", 0.1))
            await asyncio.sleep(0.05)
            group.create_task(build("second", 0))

    asyncio.run(both())
    assert order == [
        *("first builds", "second waits", "first is done"),
        *("second builds", "second is done"),
    ]


def cut(path: Path) -> None:
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[:-1])


def flip(path: Path) -> None:
    path.chmod(0o600)
    path.write_bytes(bytes(byte ^ 1 for byte in path.read_bytes()))


@pytest.mark.parametrize(
    ("file", "damage", "words"),
    [
        ("image.json", cut, "image.json"),
        ("image.json", flip, "image.json"),
        ("image.json", lambda path: path.write_bytes(b"\xff\xfe\x00"), "image.json"),
        ("image.json", lambda path: path.write_bytes(b""), "image.json"),
        ("image.json", lambda path: path.write_text('{"schema": "nestlab.image/1"}'), "image.json"),
        ("image.json", Path.unlink, "image.json: No such file"),
        ("disk.img", cut, "disk.img has 3999 bytes, not 4000"),
        ("disk.img", Path.unlink, "disk.img: No such file"),
        ("vmlinuz", flip, "checksum of vmlinuz"),
        ("vmlinuz", Path.unlink, "vmlinuz: No such file"),
        ("initrd", flip, "checksum of initrd"),
        ("initrd", Path.unlink, "initrd: No such file"),
    ],
)
def test_damage_is_seen(
    tmp_path: Path, file: str, damage: Callable[[Path], object], words: str
) -> None:
    store = ImageStore(tmp_path)
    image = publish(store)
    damage(image.folder / file)
    with pytest.raises(StoredDataError) as caught:
        store.find(SLUG)
    assert caught.value.code == "image.damaged"
    assert words in caught.value.message
    assert caught.value.hint == f"remove it, then build or pull it again: `rm -rf {image.folder}`"


def test_a_disk_of_the_right_size_needs_its_checksum(tmp_path: Path) -> None:
    store = ImageStore(tmp_path)
    image = publish(store)
    flip(image.disk)
    assert store.find(SLUG) == image
    with pytest.raises(StoredDataError) as caught:
        verify_disk(image)
    assert caught.value.code == "image.damaged"


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(HostError) as caught:
        publish(ImageStore(tmp_path / "file" / "images"))
    assert caught.value.code == "home.not-writable"
    assert "NESTLAB_HOME" in (caught.value.hint or "")


def test_the_checksum_is_not_that_of_another_file(tmp_path: Path) -> None:
    contents = (b"", b"\0", b"\0\0", b"a", b"a\0", b"\0a")
    seen = set()
    for content in contents:
        (tmp_path / "file").write_bytes(content)
        seen.add(sha256_of(tmp_path / "file"))
    assert len(seen) == len(contents)
    assert all(len(digest) == hashlib.sha256().digest_size * 2 for digest in seen)
