"""Files appended to an initrd, read back by a program of another maker and by hand."""

import gzip
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nestlab.install.initrd import append, archive

NAMES = st.from_regex(r"[a-z0-9.]{1,12}(/[a-z0-9.]{1,12}){0,2}", fullmatch=True).filter(
    lambda name: not {".", ".."} & set(name.split("/"))
)


def entries(data: bytes) -> dict[str, tuple[int, bytes]]:
    """Name -> (mode, content), by the kernel's description of the format."""
    found: dict[str, tuple[int, bytes]] = {}
    at = 0
    while True:
        assert data[at : at + 6] == b"070701"
        fields = [int(data[at + 6 + 8 * n : at + 14 + 8 * n], 16) for n in range(13)]
        mode, size, length = fields[1], fields[6], fields[11]
        name = data[at + 110 : at + 110 + length - 1].decode()
        start = at + (110 + length + 3) // 4 * 4
        if name == "TRAILER!!!":
            assert not data[start:].strip(b"\0")
            return found
        found[name] = (mode, data[start : start + size])
        at = start + (size + 3) // 4 * 4


@given(files=st.dictionaries(NAMES, st.binary(max_size=50), max_size=5))
def test_what_is_packed_is_read_back(files: dict[str, bytes]) -> None:
    data = archive(files)
    assert len(data) % 512 == 0
    found = entries(data)
    assert {name: content for name, (mode, content) in found.items() if mode == 0o100644} == files
    for name in files:
        for folder in list(Path(name).parents)[:-1]:
            assert found[str(folder)][0] in {0o040755, 0o100644}


@pytest.mark.parametrize("size", [0, 1, 511, 512, 513])
def test_the_second_archive_begins_where_the_kernel_looks(tmp_path: Path, size: int) -> None:
    initrd = tmp_path / "initrd"
    first = gzip.compress(bytes(size))
    initrd.write_bytes(first)
    append(initrd, {"ks.cfg": b"text\n"})
    data = initrd.read_bytes()
    assert data.startswith(first)
    at = data.index(b"070701")
    assert at % 4 == 0
    assert not data[len(first) : at].strip(b"\0")
    assert entries(data[at:]) == {"ks.cfg": (0o100644, b"text\n")}


@pytest.mark.skipif(not shutil.which("cpio"), reason="cpio is not installed")
def test_cpio_reads_it(tmp_path: Path) -> None:
    files = {"preseed.cfg": b"d-i x/y string z\n", "deep/er/file": bytes(range(256))}
    argv = ["cpio", "-id", "--quiet"]
    subprocess.run(argv, input=archive(files), cwd=tmp_path, check=True)
    assert {name: (tmp_path / name).read_bytes() for name in files} == files
    assert (tmp_path / "deep/er").is_dir()
