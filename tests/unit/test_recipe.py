"""What an image is made of, and what makes a guest of it its own machine."""

import dataclasses
import io
import tarfile
from ipaddress import IPv4Network
from typing import Any

import pytest

from nestlab.errors import UsageError
from nestlab.image.recipe import SUITES, Recipe, debian, debian_12
from nestlab.image.seed import Seed
from nestlab.net.subnet import GuestNetwork

SEED = Seed(
    hostname="l2",
    machine_id="0123456789abcdef" * 2,
    host_key="-----BEGIN OPENSSH PRIVATE KEY-----\nsecret\n-----END OPENSSH PRIVATE KEY-----\n",
    host_key_public="ssh-ed25519 AAAAhost l2",
    authorized_key="ssh-ed25519 AAAAclient nestlab",
    network=GuestNetwork(IPv4Network("10.96.1.0/24")),
)


def unpacked(data: bytes) -> dict[str, tuple[int, str]]:
    """Path -> (mode, text) of a tar."""
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        found = {}
        for entry in tar:
            file = tar.extractfile(entry)
            found[entry.name] = (entry.mode, file.read().decode() if file else "")
            assert (entry.uid, entry.gid, entry.mtime) == (0, 0, 0)
    return found


def test_the_digest_does_not_change_by_itself() -> None:
    assert debian_12().digest == debian_12().digest
    small = Recipe("n", "s", "a", ("p",), 1, (("f", "t"),))
    # written down: an image of an earlier nestlab is found again by this
    assert small.digest == "5171ccbf901ed80d25dd2821ac9eb6a7c19cd89c7e707e81aea3d4f6b6d346ae"
    assert small.slug == f"n-{small.digest[:16]}"


@pytest.mark.parametrize(
    "change",
    [
        {"name": "debian-13"},
        {"suite": "trixie"},
        {"architecture": "arm64"},
        {"packages": (*debian_12().packages, "one-more")},
        {"packages": debian_12().packages[1:]},
        {"size": debian_12().size + 1},
        {"files": debian_12().files[1:]},
        {"files": (*debian_12().files[:-1], (debian_12().files[-1][0], "another text"))},
    ],
)
def test_the_digest_changes_with_everything_the_recipe_says(change: dict[str, Any]) -> None:
    assert {field.name for field in dataclasses.fields(Recipe)} == {
        *("name", "suite", "architecture", "packages", "size", "files"),
    }
    changed = dataclasses.replace(debian_12(), **change)
    assert changed.digest != debian_12().digest
    assert changed.slug != debian_12().slug


def test_every_debian_has_a_recipe_of_its_own() -> None:
    recipes = [debian(name, arch) for name in SUITES for arch in ("x86_64", "aarch64")]
    assert len({recipe.digest for recipe in recipes}) == 4
    assert debian("debian-12", "x86_64") == debian_12()
    arm = debian("debian-13", "aarch64")
    assert (arm.suite, arm.architecture) == ("trixie", "arm64")
    assert {"linux-image-cloud-arm64", "qemu-system-arm"} <= set(arm.packages)
    assert not any("amd64" in name or "x86" in name for name in arm.packages)
    assert len(arm.packages) == len(debian_12().packages)


@pytest.mark.parametrize(("name", "arch"), [("debian-11", "x86_64"), ("debian-12", "s390x")])
def test_what_has_no_recipe(name: str, arch: str) -> None:
    with pytest.raises(UsageError) as caught:
        debian(name, arch)
    assert caught.value.code == "image.unknown-recipe"
    assert "debian-12, debian-13" in (caught.value.hint or "")


def test_the_packages_are_names() -> None:
    packages = debian_12().packages
    assert {"openssh-server", "qemu-system-x86", "fio", "sysbench", "python3"} <= set(packages)
    assert len(set(packages)) == len(packages)
    assert all(name == name.strip() and name.split() == [name] for name in packages)


def test_the_recipe_s_files_are_the_same_bytes_each_time() -> None:
    data = debian_12().files_tar()
    assert data == debian_12().files_tar()
    assert {path: text for path, (_, text) in unpacked(data).items()} == dict(debian_12().files)


def test_the_seed_has_everything_a_guest_needs() -> None:
    files = unpacked(SEED.tar())
    assert files["etc/hostname"] == (0o644, "l2\n")
    assert files["etc/machine-id"][1].strip() == SEED.machine_id
    assert files["root/.ssh/authorized_keys"][1] == "ssh-ed25519 AAAAclient nestlab\n"
    assert files["etc/ssh/ssh_host_ed25519_key"][1] == SEED.host_key
    assert files["etc/resolv.conf"][1] == "nameserver 10.96.1.3\n"
    assert files["run/nestlab/network"][1].startswith("NAME=l2\n")
    assert "address add 10.96.1.15/24 dev eth0\n" in files["run/nestlab/links"][1]


def test_sshd_would_refuse_keys_that_others_can_read() -> None:
    files = unpacked(SEED.tar())
    assert files["etc/ssh/ssh_host_ed25519_key"][0] == 0o600
    assert files["root/.ssh"][0] == 0o700
    assert files["root/.ssh/authorized_keys"][0] == 0o600
    assert list(files).index("root/.ssh") < list(files).index("root/.ssh/authorized_keys")


def test_the_seed_is_a_disk_of_whole_blocks() -> None:
    data = SEED.tar()
    assert len(data) % 4096 == 0
    assert data == SEED.tar()
    longer = dataclasses.replace(SEED, host_key=SEED.host_key * 500)
    assert len(longer.tar()) % 4096 == 0
    assert len(longer.tar()) > len(data)
