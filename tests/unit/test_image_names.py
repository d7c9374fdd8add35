"""From names to images: manifests of both versions, the newest of a name, what is not here."""

import asyncio
import json
import struct
from dataclasses import replace
from pathlib import Path

import pytest

from image_examples import built, cloud
from nestlab.errors import HostError, StoredDataError, UsageError
from nestlab.hypervisor.plan import BaseImage, base_image
from nestlab.image.inventory import available, rows_of
from nestlab.image.manifest import Manifest
from nestlab.image.resolve import resolve
from nestlab.image.shelve import Label, shelve
from nestlab.image.store import ImageStore, verify_disk
from nestlab.machine.fake import FakeMachine

VERSION_1 = {
    "schema": "nestlab.image/1",
    "name": "debian-12",
    "recipe": "0123",
    "architecture": "amd64",
    "kernel": "6.1",
    "packages": {"fio": "3.33-3"},
    "disk_size": 4,
    "disk_sha256": "aa",
    "kernel_sha256": "bb",
}


def test_a_manifest_of_an_earlier_nestlab_is_read() -> None:
    manifest = Manifest.model_validate_json(json.dumps(VERSION_1))
    assert (manifest.schema_, manifest.kind, manifest.format) == ("nestlab.image/2", "built", "raw")
    assert manifest.architecture == "x86_64"
    assert manifest.created is None
    again = Manifest.model_validate_json(manifest.model_dump_json(by_alias=True))
    assert again == manifest


@pytest.mark.parametrize(
    "change",
    [{"schema": "nestlab.image/3"}, {"kernel": None}, {"recipe": None}, {"name": "../x"},
     {"format": "vmdk"}, {"more": 1}],
)  # fmt: skip
def test_a_manifest_that_says_something_else_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"validation error"):
        Manifest.model_validate({**VERSION_1, **change})


def test_a_machine_without_qemu_img(tmp_path: Path) -> None:
    file = tmp_path / "disk.qcow2"
    header = struct.pack(
        ">4sIQIIQIIQQIIQQQQII", b"QFI\xfb", 3, 0, 0, 16, 1 << 20, *[0] * 10, 4, 104
    )
    file.write_bytes(header + bytes(1000))
    label = Label("mine", "x86_64", "root", "file:disk", None)
    with pytest.raises(HostError) as caught:
        asyncio.run(
            shelve(ImageStore(tmp_path / "s"), file, label, FakeMachine(programs={}), print)
        )
    assert caught.value.code == "image.no-qemu-img"
    assert "install qemu-utils" in (caught.value.hint or "")
    assert file.exists()


def test_a_cloud_image_has_no_kernel(tmp_path: Path) -> None:
    image = cloud(ImageStore(tmp_path))
    assert base_image(image) == BaseImage(str(image.folder / "disk.qcow2"), None, "qcow2")
    verify_disk(image)
    image.disk.chmod(0o600)
    image.disk.write_bytes(b"duolc")
    with pytest.raises(StoredDataError) as caught:
        verify_disk(image)
    assert caught.value.code == "image.damaged"


def test_a_built_image_has_one(tmp_path: Path) -> None:
    image = built(ImageStore(tmp_path))
    assert base_image(image) == BaseImage(
        str(image.folder / "disk.img"), str(image.folder / "vmlinuz")
    )


@pytest.mark.parametrize(
    ("release", "in_order"),
    [
        ("6.1.0-57-cloud-amd64", True),
        ("6.11.10-amd64", True),
        ("5.14.0", True),
        ("6.12.118+deb13-cloud-amd64", False),
        ("7.0.1", False),
        ("something", False),
    ],
)
def test_a_new_kernel_numbers_namespaces_as_it_finds_them(
    release: str, in_order: bool, tmp_path: Path
) -> None:
    image = built(ImageStore(tmp_path))
    manifest = image.manifest.model_copy(update={"kernel": release})
    assert base_image(replace(image, manifest=manifest)).numbers_in_order is in_order


def test_a_name_means_the_newest(tmp_path: Path) -> None:
    store = ImageStore(tmp_path)
    cloud(store, days=9)
    new = cloud(store, days=1)
    cloud(store, days=5)
    arm = cloud(store, days=3, architecture="aarch64")
    assert resolve(store, "ubuntu-24.04", "x86_64") == new
    assert resolve(store, "ubuntu-24.04", "aarch64") == arm


def test_a_debian_means_the_recipe_of_this_nestlab(tmp_path: Path) -> None:
    store = ImageStore(tmp_path)
    built(store, old=True)
    with pytest.raises(UsageError) as caught:
        resolve(store, "debian-12", "x86_64")
    assert caught.value.hint == "`nestlab image build debian-12`"
    new = built(store)
    assert resolve(store, "debian-12", "x86_64") == new


@pytest.mark.parametrize(
    ("name", "architecture", "command"),
    [
        ("debian-13", "aarch64", "nestlab image build debian-13 --arch aarch64"),
        ("fedora-44", "x86_64", "nestlab image pull fedora-44"),
        ("fedora-44", "aarch64", "nestlab image pull fedora-44 --arch aarch64"),
        ("mine", "x86_64", "nestlab image import FILE --name mine"),
    ],
)
def test_what_is_not_here_names_its_command(
    tmp_path: Path, name: str, architecture: str, command: str
) -> None:
    with pytest.raises(UsageError) as caught:
        resolve(ImageStore(tmp_path), name, architecture)
    assert (caught.value.code, caught.value.exit_status) == ("image.unknown", 2)
    assert f"`{command}`" in (caught.value.hint or "")


def test_one_damaged_image_hides_no_other(tmp_path: Path) -> None:
    store = ImageStore(tmp_path)
    good, bad = cloud(store), cloud(store, "mine")
    (bad.folder / "image.json").write_text("{}")
    assert store.list() == (good,)
    (problem,) = store.damaged()
    assert (problem.code, problem.log) == ("image.damaged", str(bad.folder))


def test_rows_say_what_is_current_and_who_uses_it(tmp_path: Path) -> None:
    store = ImageStore(tmp_path)
    old, new = cloud(store, days=2), cloud(store, days=1)
    rows = {row["folder"]: row for row in rows_of(store, {old.folder: "abc"})}
    assert rows[str(old.folder)]["lab"] == "abc"
    assert [rows[str(image.folder)]["current"] for image in (old, new)] == [False, True]
    assert rows[str(new.folder)]["size"] > 0


def test_everything_that_can_be_had_has_a_command() -> None:
    offers = available()
    assert {"debian-12", "debian-13", "ubuntu-24.04", "fedora-44"} <= {
        offer["name"] for offer in offers
    }
    assert all(offer["command"].startswith("nestlab image ") for offer in offers)
