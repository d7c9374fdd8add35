"""The other image that is built, at both levels, on disks that are larger than it."""

from collections.abc import Iterator

import pytest

from lab_user import User, labs_left
from leftovers import snapshot

LAB = """\
name: trixie
defaults: {image: debian-13}
guests:
  - name: l1
    memory: 4GiB
    disk: 12GiB
    guests:
      - {name: l2, memory: 1GiB, vcpus: 1, disk: 10GiB}
"""


@pytest.fixture(scope="module")
def user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[User]:
    user = User.in_folder(tmp_path_factory.mktemp("user"), LAB)
    before = snapshot()
    user.said("image", "build", "debian-13")
    user.said("up")
    yield user
    user.said("down")
    assert labs_left(user) == []
    assert snapshot() == before


@pytest.mark.parametrize(("path", "size"), [("l1", 12), ("l1/l2", 10)])
def test_its_root_file_system_fills_its_disk(user: User, path: str, size: int) -> None:
    assert "VERSION_CODENAME=trixie" in user.said("exec", path, "--", "cat", "/etc/os-release")
    told = user.said("exec", path, "--", "df", "--block-size=1G", "--output=size", "/")
    assert size - 1 <= int(told.split()[-1]) <= size
