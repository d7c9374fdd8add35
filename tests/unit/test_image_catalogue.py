"""The catalogue in the package says everything that a pull needs."""

import re

import pytest

from nestlab.errors import UsageError
from nestlab.image.catalogue import Entry, find_offer, load_catalogue
from nestlab.image.recipe import SUITES

IMAGES = load_catalogue().images


def test_every_project_is_there() -> None:
    families = {re.sub(r"-[\d.]+.*$", "", name) for name in IMAGES}
    assert families == {
        *("debian", "ubuntu", "fedora", "centos-stream", "rocky", "almalinux", "opensuse-leap"),
    }
    assert not set(IMAGES) & set(SUITES)


@pytest.mark.parametrize("architecture", ["x86_64", "aarch64"])
@pytest.mark.parametrize("name", IMAGES)
def test_every_entry_is_whole(name: str, architecture: str) -> None:
    offer = find_offer(IMAGES, name, architecture)
    urls = [offer.image, offer.checksums, *([offer.detached] if offer.detached else [])]
    for url in urls:
        assert url.startswith("https://")
        assert not re.search(r"[{}\s]", url)
    said = IMAGES[name].architectures[architecture]
    assert re.search(rf"[-.]{said}[-.]", offer.image)
    assert offer.image.endswith((".qcow2", ".img"))
    if offer.signed:
        assert offer.keyring
        assert offer.package
    else:
        assert not offer.keyring


@pytest.mark.parametrize(
    ("name", "architecture", "hint"),
    [("ubuntu", "x86_64", "ubuntu-24.04"), ("ubuntu-24.04", "s390x", "x86_64, aarch64")],
)
def test_what_is_not_there_names_what_is(name: str, architecture: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        find_offer(IMAGES, name, architecture)
    assert caught.value.code == "image.unknown"
    assert hint in (caught.value.hint or "")


@pytest.mark.parametrize(
    "change",
    [{"more": 1}, {"image": "ftp://example.org/x"}, {"architectures": {}}, {"user": None},
     {"checksums": {"url": "https://example.org/S", "signature": "maybe"}}],
)  # fmt: skip
def test_an_entry_is_read_strictly(change: dict[str, object]) -> None:
    good = IMAGES["fedora-44"].model_dump()
    assert Entry.model_validate(good) == IMAGES["fedora-44"]
    with pytest.raises(ValueError, match=r"validation error"):
        Entry.model_validate({**good, **change})
