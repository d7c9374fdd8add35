"""Published checksum files, in the forms that projects use."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nestlab.image.checksums import Checksum, find_checksum, sha256

A, B, LONG = "a" * 64, "b" * 64, "c" * 128
FILE = "disk-13.qcow2"
CLEARSIGNED = f"""\
-----BEGIN PGP SIGNED MESSAGE-----
Hash: SHA256

# {FILE}: 645988352 bytes
SHA256 ({FILE}) = {A}
SHA256 (other.qcow2) = {B}
-----BEGIN PGP SIGNATURE-----

iQIzBAEBCAAdFiEE
-----END PGP SIGNATURE-----
"""


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f"{A}  {FILE}\n", A),
        (f"{A} *{FILE}\n", A),
        (f"{A}  ./{FILE}\r\n", A),
        (f"{A.upper()}  {FILE}\n", A),
        (f"{LONG}  {FILE}\n", LONG),
        (f"SHA256 ({FILE}) = {A}\n", A),
        (f"SHA512 ({FILE}) = {LONG}\n", LONG),
        (CLEARSIGNED, A),
        (f"{B}  other\n{A}  {FILE}\n{B}  {FILE}.xz\n", A),
        (f"{A}  {FILE}\n{LONG}  {FILE}\n", LONG),
        (f"{A}  {FILE}\n{A}  {FILE}\n", A),
    ],
)
def test_the_digest_of_the_file_is_found(text: str, found: str) -> None:
    checksum = find_checksum(text, FILE)
    assert checksum == Checksum("sha256" if len(found) == 64 else "sha512", found)


@pytest.mark.parametrize(
    "text",
    [
        "",
        f"{A}\n",
        f"{A}  other\n",
        f"{A}  {FILE}\n{B}  {FILE}\n",
        f"{A[1:]}  {FILE}\n",
        f"{A}a  {FILE}\n",
        f"SHA512 ({FILE}) = {A}\n",
        f"MD5 ({FILE}) = {'a' * 32}\n",
        f"{'a' * 32}  {FILE}\n",
        "<html><title>404</title></html>",
        f"# {A}  {FILE}\n",
    ],
)
def test_nothing_is_taken_for_a_digest_that_is_none(text: str) -> None:
    assert find_checksum(text, FILE) is None


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f"{A}\n", A),
        (f"{A}  disk-13-Build7.qcow2\n", A),
        (f"# comment\nSHA256 (disk-13-20260525.qcow2) = {A}\n", A),
        (f"{B}  other\n{A}  {FILE}\n", A),
        (f"{A}  one\n{B}  two\n", None),
        (f"{A}  {FILE}\n{B}  {FILE}\n", None),
    ],
)
def test_a_file_about_one_image_may_call_it_otherwise(text: str, found: str | None) -> None:
    checksum = find_checksum(text, FILE, one=True)
    assert (checksum.digest if checksum else None) == found


@given(st.text(), st.text())
def test_any_text_can_be_read(text: str, file: str) -> None:
    find_checksum(text, file)
    find_checksum(text, file, one=True)


def test_what_a_user_types() -> None:
    assert sha256(f" sha256:{A.upper()}\n") == Checksum("sha256", A)
    assert sha256(A[1:]) is None
    assert sha256(LONG) is None
    assert str(Checksum("sha256", A)) == f"sha256:{A}"
