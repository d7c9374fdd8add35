"""The checksum of a disk: the same whether its zeros are holes or were written."""

import os
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from nestlab.image.digest import sha256_of

BLOCK = 1 << 20
SIZE = 3 * BLOCK
PAGE = 1 << 16

offsets = st.integers(0, SIZE - 1) | st.sampled_from([0, 4096, BLOCK - 1, BLOCK, 2 * BLOCK + 4095])
pieces = st.lists(st.tuples(offsets, st.binary(min_size=1, max_size=40)), max_size=5)
sizes = st.integers(1, SIZE) | st.sampled_from([BLOCK, SIZE, 4096])


def content_of(written: list[tuple[int, bytes]], size: int) -> bytes:
    content = bytearray(size)
    for offset, data in written:
        content[offset : offset + len(data)] = data
    return bytes(content[:size])


def sparse(path: Path, content: bytes) -> None:
    """Write only what is not zero, page by page, and leave holes for the rest."""
    with path.open("wb") as file:
        file.truncate(len(content))
        for start in range(0, len(content), PAGE):
            page = content[start : start + PAGE]
            if page.strip(b"\0"):
                os.pwrite(file.fileno(), page, start)


@settings(max_examples=15, deadline=None)
@given(pieces, sizes)
def test_holes_do_not_count(written: list[tuple[int, bytes]], size: int) -> None:
    content = content_of(written, size)
    with tempfile.TemporaryDirectory() as folder:
        dense, holes = Path(folder, "dense"), Path(folder, "holes")
        dense.write_bytes(content)
        sparse(holes, content)
        assert holes.read_bytes() == content
        assert sha256_of(dense) == sha256_of(holes)


@settings(max_examples=15, deadline=None)
@given(pieces, st.integers(0, SIZE - 1), st.integers(1, 255))
def test_any_other_byte_does(written: list[tuple[int, bytes]], where: int, change: int) -> None:
    content = bytearray(content_of(written, SIZE))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "file")
        sparse(file, bytes(content))
        before = sha256_of(file)
        content[where] ^= change
        sparse(file, bytes(content))
        assert sha256_of(file) != before


def test_a_file_without_holes_is_read_to_its_end(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"x" * BLOCK)
    before = sha256_of(file)
    file.write_bytes(b"x" * (BLOCK - 1) + b"y")
    assert sha256_of(file) != before
