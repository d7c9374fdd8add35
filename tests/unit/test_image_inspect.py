"""What a file is that wants to be a disk; disks that name other files are refused."""

import contextlib
import shutil
import struct
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nestlab.errors import StoredDataError
from nestlab.image.inspect import Disk, look_at

QEMU_IMG = pytest.mark.skipif(not shutil.which("qemu-img"), reason="there is no qemu-img here")


def create(path: Path, *options: str, size: str = "16M") -> Path:
    argv = ("qemu-img", "create", "-q", "-f", "qcow2", *options, str(path), size)
    subprocess.run(argv, check=True)
    return path


def code_of(path: Path) -> str:
    with pytest.raises(StoredDataError) as caught:
        look_at(path)
    assert caught.value.hint
    assert caught.value.log == str(path)
    return caught.value.code


@QEMU_IMG
@pytest.mark.parametrize(
    "options", [(), ("-o", "compat=0.10"), ("-o", "compression_type=zstd,extended_l2=on")]
)
def test_a_disk_of_qemu_s_own(tmp_path: Path, options: tuple[str, ...]) -> None:
    assert look_at(create(tmp_path / "disk", *options)) == Disk("qcow2", 16 << 20)


@QEMU_IMG
@pytest.mark.parametrize("compat", ["0.10", "1.1"])
def test_a_backing_file_is_refused(tmp_path: Path, compat: str) -> None:
    base = create(tmp_path / "base")
    over = create(tmp_path / "disk", "-o", f"compat={compat}", "-b", str(base), "-F", "qcow2")
    assert code_of(over) == "image.unsafe"


@QEMU_IMG
def test_a_data_file_is_refused(tmp_path: Path) -> None:
    disk = create(tmp_path / "disk", "-o", f"data_file={tmp_path / 'data'},data_file_raw=on")
    assert code_of(disk) == "image.unsafe"
    # also where only the name is there and the feature bit was taken away
    data = bytearray(disk.read_bytes())
    data[72:80] = bytes(8)
    disk.write_bytes(data)
    assert code_of(disk) == "image.unsafe"


@QEMU_IMG
def test_encryption_is_refused(tmp_path: Path) -> None:
    data = bytearray(create(tmp_path / "disk").read_bytes())
    data[32:36] = struct.pack(">I", 2)
    (tmp_path / "disk").write_bytes(data)
    assert code_of(tmp_path / "disk") == "image.unsafe"


@QEMU_IMG
@pytest.mark.parametrize(
    ("place", "value"), [(4, struct.pack(">I", 4)), (72, struct.pack(">Q", 1 << 40))]
)
def test_what_nobody_knows_is_refused(tmp_path: Path, place: int, value: bytes) -> None:
    data = bytearray(create(tmp_path / "disk").read_bytes())
    data[place : place + len(value)] = value
    (tmp_path / "disk").write_bytes(data)
    assert code_of(tmp_path / "disk") == "image.unsafe"


def test_a_raw_disk_has_a_boot_sector(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.write_bytes(bytes(510) + b"\x55\xaa" + bytes(512))
    assert look_at(disk) == Disk("raw", 1024)


@pytest.mark.parametrize(
    "data",
    [b"", bytes(1024), b"<html><body>404</body></html>", b"\xfd7zXZ\0" + bytes(1000),
     b"KDMV" + bytes(1000)],
)  # fmt: skip
def test_anything_else_is_no_disk(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "disk").write_bytes(data)
    assert code_of(tmp_path / "disk") == "image.not-a-disk"


@settings(max_examples=200)
@given(st.binary(max_size=300))
def test_any_header_is_judged(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "header"
    path.write_bytes(b"QFI\xfb" + data)
    whole_header = len(data) >= 100
    with contextlib.suppress(StoredDataError):
        look_at(path)
        assert whole_header
