"""Images in a store, without anything that could boot."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

from nestlab.image.digest import plain_sha256, sha256_of
from nestlab.image.manifest import Manifest
from nestlab.image.recipe import debian
from nestlab.image.store import Image, ImageStore

TODAY = datetime(2026, 11, 24, tzinfo=UTC)


def cloud(
    store: ImageStore,
    name: str = "ubuntu-24.04",
    *,
    days: float = 0,
    architecture: str = "x86_64",
    data: bytes = b"cloud",
) -> Image:
    """Stored so many days ago."""

    def manifest(disk: Path) -> Manifest:
        return Manifest(
            kind="cloud",
            name=name,
            architecture=architecture,
            format="qcow2",
            disk_size=disk.stat().st_size,
            disk_sha256=plain_sha256(disk),
            created=TODAY - timedelta(days=days),
            user="ubuntu",
            source="https://example.org/disk.qcow2",
            checksum="sha256:0123",
        )

    async def publish() -> Image:
        async with store.building(lambda: None) as staging:
            whole = staging / "whole"
            whole.mkdir()
            (whole / "disk.qcow2").write_bytes(data)
            slug = f"{name}-{architecture}-{days}"
            return store.publish(whole, slug, manifest(whole / "disk.qcow2"))

    return asyncio.run(publish())


def built(store: ImageStore, name: str = "debian-12", *, old: bool = False) -> Image:
    """Of the recipe of today, or of one before."""
    recipe = debian(name, "x86_64")

    async def publish() -> Image:
        async with store.building(lambda: None) as staging:
            whole = staging / "whole"
            whole.mkdir()
            (whole / "disk.img").write_bytes(b"disk")
            (whole / "vmlinuz").write_bytes(b"kernel")
            manifest = Manifest(
                name=name,
                recipe="0123" if old else recipe.digest,
                architecture="x86_64",
                kernel="6.1",
                disk_size=4,
                disk_sha256=sha256_of(whole / "disk.img"),
                kernel_sha256=sha256_of(whole / "vmlinuz"),
                created=TODAY,
            )
            return store.publish(whole, f"{name}-0123" if old else recipe.slug, manifest)

    return asyncio.run(publish())
