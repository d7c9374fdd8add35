"""What a hostile guest could say while files are copied from it."""

import asyncio
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import asyncssh
import pytest

from nestlab.errors import MachineError
from nestlab.events import discard
from nestlab.lab.enter.copying import Copy, Tally
from nestlab.lab.enter.download import Download, is_name
from nestlab.lab.record.naming import Name

FOLDER, LINK, FILE = stat.S_IFDIR | 0o755, stat.S_IFLNK | 0o777, stat.S_IFREG | 0o644


class Liar:
    """An SFTP client of a server that answers as it likes: folder -> (name, mode)."""

    def __init__(self, listing: dict[str, list[tuple[str, int]]], link: str = "/etc") -> None:
        self.listing, self.link = listing, link

    async def lstat(self, _path: str) -> asyncssh.SFTPAttrs:
        return asyncssh.SFTPAttrs(permissions=FOLDER)

    stat = lstat

    async def readlink(self, _path: str) -> str:
        return self.link

    async def scandir(self, path: str) -> AsyncIterator[asyncssh.SFTPName]:
        for name, mode in self.listing.get(path, self.listing.get("*", [])):
            yield asyncssh.SFTPName(name, attrs=asyncssh.SFTPAttrs(permissions=mode))

    async def get(self, _path: str, local: Path, **_options: Any) -> None:
        local.write_text("evil")  # noqa: ASYNC240


def copied(liar: Liar, target: Path) -> None:
    way = Download(cast(asyncssh.SFTPClient, liar), "l1", Tally("l1", discard))
    asyncio.run(way.copy(Copy(Name(None, "l1"), False, ("d",), str(target))))


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/b", "", "x\0", "..x/../../y"])
def test_a_name_that_leads_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(MachineError) as caught:
        copied(Liar({"d": [(name, FILE)]}), tmp_path / "t")
    assert caught.value.code == "cp.refused"
    assert not is_name(name)
    assert {path.name for path in tmp_path.rglob("*")} == {"t"}


def test_a_link_and_then_a_folder_of_that_name(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    listing = {"d": [("a", LINK), ("a", FOLDER)], "d/a": [("passwd", FILE)]}
    with pytest.raises(MachineError) as caught:
        copied(Liar(listing, str(tmp_path / "elsewhere")), tmp_path / "t")
    assert caught.value.code == "cp.refused"
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_link_and_then_a_file_of_that_name(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("mine")
    listing = {"d": [("a", LINK), ("a", FILE)]}
    copied(Liar(listing, str(tmp_path / "precious")), tmp_path / "t")
    assert (tmp_path / "precious").read_text() == "mine"
    assert not (tmp_path / "t" / "a").is_symlink()


def test_folders_without_end(tmp_path: Path) -> None:
    with pytest.raises(MachineError) as caught:
        copied(Liar({"*": [("a", FOLDER)]}), tmp_path / "t")
    assert caught.value.code == "cp.refused"


def test_a_link_that_leads_nowhere_that_can_be_written(tmp_path: Path) -> None:
    for link in ("x\0y", "", "x" * 5000):
        with pytest.raises(MachineError) as caught:
            copied(Liar({"d": [("a", LINK)]}, link), tmp_path / "t")
        assert caught.value.code == "machine.get-failed"


def test_dots_are_passed_over_and_bits_of_the_special_kind_are_not_kept(tmp_path: Path) -> None:
    listing = {"d": [(".", FOLDER), ("..", FOLDER), ("s", stat.S_IFDIR | 0o7755)]}
    copied(Liar(listing), tmp_path / "t")
    assert {path.name for path in (tmp_path / "t").iterdir()} == {"s"}
    assert stat.S_IMODE((tmp_path / "t" / "s").stat().st_mode) == 0o755
