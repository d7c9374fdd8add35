"""Trees in folders and ISO files, what they publish, and the way of a guest to them."""

import asyncio
import hashlib
import io
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from pycdlib import PyCdlib

from install_examples import PLAIN
from nestlab.errors import HostError, NestlabError, StoredDataError, UsageError
from nestlab.image.checksums import Checksum
from nestlab.install.family import family_of
from nestlab.install.location import Starter, bring
from nestlab.install.published import published
from nestlab.install.serve import Route, Serving, serving
from nestlab.install.tree import open_tree
from nestlab.install.wish import Plan, Wish, plan_for
from nestlab.machine.fake import FakeMachine, answer
from nestlab.units import GIB

KERNEL, INITRD = b"a kernel", b"an initrd"


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def put(root: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    return root


def iso(path: Path, files: dict[str, bytes], *, rock_ridge: bool = True) -> Path:
    made = PyCdlib()
    made.new(rock_ridge="1.09" if rock_ridge else None)
    for folder in sorted({str(each) for name in files for each in Path(name).parents} - {"."}):
        rr = Path(folder).name if rock_ridge else None
        made.add_directory(f"/{folder.upper()}", rr_name=rr)
    for name, data in files.items():
        rr = Path(name).name if rock_ridge else None
        inside = f"/{name.upper()}{'' if '.' in Path(name).name else '.'};1"
        made.add_fp(io.BytesIO(data), len(data), inside, rr_name=rr)
    made.write(str(path))
    made.close()
    return path


def brought(location: Path, system: str, folder: Path) -> tuple[Starter, list[str]]:
    told: list[str] = []
    folder.mkdir(exist_ok=True)
    tree = open_tree(str(location))
    return asyncio.run(bring(tree, family_of(system), folder, told.append)), told


DEBIAN = "netboot/debian-installer/amd64"
TREES = {
    "debian": (f"{DEBIAN}/linux", f"{DEBIAN}/initrd.gz"),
    "rocky": ("images/pxeboot/vmlinuz", "images/pxeboot/initrd.img"),
    "opensuse": ("boot/x86_64/loader/linux", "boot/x86_64/loader/initrd"),
    "ubuntu": ("casper/vmlinuz", "casper/initrd"),
}
TREEINFO = """[general]
family = Rocky Linux
[checksums]
images/pxeboot/initrd.img = sha256:{initrd}
images/pxeboot/vmlinuz = sha256:{kernel}
"""


def sums(kernel: str, initrd: str, system: str) -> dict[str, bytes]:
    if system == "rocky":
        return {".treeinfo": TREEINFO.format(kernel=kernel, initrd=initrd).encode()}
    name = {"debian": "SHA256SUMS", "opensuse": "CHECKSUMS"}[system]
    paths = TREES[system]
    return {name: f"{kernel}  ./{paths[0]}\n{initrd}  ./{paths[1]}\n".encode()}


@pytest.mark.parametrize("system", TREES)
def test_a_folder_is_known_by_its_places(tmp_path: Path, system: str) -> None:
    kernel, initrd = TREES[system]
    tree = put(tmp_path / "tree", {kernel: KERNEL, initrd: INITRD})
    found, told = brought(tree, system, tmp_path / "work")
    assert (found.kernel.read_bytes(), found.initrd.read_bytes()) == (KERNEL, INITRD)
    assert found.verified is None
    assert told[-1].startswith("checksums not verified: the tree publishes none")


@pytest.mark.parametrize("system", ["debian", "rocky", "opensuse"])
def test_what_a_tree_publishes_is_compared(tmp_path: Path, system: str) -> None:
    kernel, initrd = TREES[system]
    right = sums(sha(KERNEL), sha(INITRD), system)
    tree = put(tmp_path / "tree", {kernel: KERNEL, initrd: INITRD, **right})
    found, told = brought(tree, system, tmp_path / "work")
    assert found.verified == next(iter(right))
    assert told[-1] == f"checksums match {found.verified}"
    put(tree, {initrd: b"another"})
    with pytest.raises(StoredDataError) as caught:
        brought(tree, system, tmp_path / "work")
    assert caught.value.code == "install.checksum-mismatch"


@pytest.mark.parametrize("rock_ridge", [True, False])
def test_an_iso_is_read(tmp_path: Path, rock_ridge: bool) -> None:
    file = iso(
        tmp_path / "a.iso",
        {"casper/vmlinuz": KERNEL, "casper/initrd": INITRD} if rock_ridge
        else {"LINUX.": KERNEL, "INITRD.GZ": INITRD},
        rock_ridge=rock_ridge,
    )  # fmt: skip
    if not rock_ridge:
        assert asyncio.run(open_tree(str(file)).text("initrd.gz")) == INITRD.decode()
        return
    found, told = brought(file, "ubuntu", tmp_path / "work")
    assert (found.kernel.read_bytes(), found.initrd.read_bytes()) == (KERNEL, INITRD)
    assert told[-1].startswith("checksums not verified: the ISO publishes none")


def test_the_checksum_beside_an_iso_counts(tmp_path: Path) -> None:
    file = iso(tmp_path / "a.iso", {"casper/vmlinuz": KERNEL, "casper/initrd": INITRD})
    (tmp_path / "SHA256SUMS").write_text(f"{sha(file.read_bytes())} *a.iso\n{'0' * 64} *b.iso\n")
    found, _ = brought(file, "ubuntu", tmp_path / "work")
    assert found.verified == "SHA256SUMS"
    (tmp_path / "SHA256SUMS").write_text(f"{'1' * 64} *a.iso\n")
    with pytest.raises(StoredDataError):
        brought(file, "ubuntu", tmp_path / "work")


def test_a_file_that_is_no_iso_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.iso").write_bytes(b"x" * 100_000)
    with pytest.raises(StoredDataError) as caught:
        brought(tmp_path / "a.iso", "ubuntu", tmp_path / "work")
    assert caught.value.code == "install.bad-iso"


def test_a_folder_with_nothing_names_the_places(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    with pytest.raises(HostError) as caught:
        brought(tmp_path / "tree", "fedora", tmp_path / "work")
    assert caught.value.code == "install.not-a-tree"
    assert caught.value.notes == ("looked for images/pxeboot/vmlinuz",)


def test_a_location_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        open_tree(str(tmp_path / "gone"))
    assert caught.value.code == "install.no-such-tree"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f"{'a' * 64}  ./x/linux\n{'b' * 64}  ./y/linux\n", "a" * 64),
        (f"{'a' * 64} *x/linux\n", "a" * 64),
        (f"{'a' * 64}  x/linux\n{'b' * 64}  x/linux\n", None),
        (f"{'a' * 40}  x/linux\n", None),
        (f"[checksums]\nx/linux = sha256:{'A' * 64}\n", "a" * 64),
        ("[checksums]\nx/linux = sha256:12\n", None),
        (f"[checksums]\nx/linux = md5:{'a' * 32}\n", None),
        (f"[other]\nx/linux = sha256:{'a' * 64}\n", None),
        ("[checksums\n", None),
        ("", None),
    ],
)
def test_checksums_count_by_their_full_path(text: str, found: str | None) -> None:
    assert published(text, "x/linux") == (Checksum("sha256", found) if found else None)


# --- what follows from a wish ---------------------------------------------------------------------

SOURCES = (
    "Debian|http://mirror.example/debian/|bookworm|main\n"
    "Debian|http://mirror.example/debian/|bookworm-updates|main\n"
    "Debian|http://mirror.example/security/|bookworm-security|main\n"
    "Other|http://other.example/x/|bookworm|main\n"
)


def plan(tree: Path, system: str, **more: object) -> Plan:
    wish = Wish("mine", system, str(tree), PLAIN, 8 * GIB, **more)  # type: ignore[arg-type]
    machine = FakeMachine(programs={"apt-get": lambda _argv, _stdin: answer(SOURCES)})
    return asyncio.run(plan_for(wish, machine))


def test_debian_gets_what_the_host_has(tmp_path: Path) -> None:
    found = plan(tmp_path, "debian")
    assert found.packages is not None
    assert found.packages.served == "http://mirror.example/debian"
    assert found.packages.kept == (
        ("http://mirror.example/debian", ""),
        ("http://mirror.example/debian", "-updates"),
        ("http://mirror.example/security", "-security"),
    )
    served = found.answer_file(Serving(1234, "secret"))
    assert "d-i mirror/http/hostname string 10.0.2.2:1234\n" in served
    assert "d-i mirror/http/directory string /secret/mirror\n" in served
    assert "deb http://mirror.example/security ${VERSION_CODENAME}-security main" in served


def test_a_tree_with_sisters_is_served_from_above_them(tmp_path: Path) -> None:
    os_ = tmp_path / "9/BaseOS/x86_64/os"
    (tmp_path / "9/AppStream/x86_64/os").mkdir(parents=True)
    os_.mkdir(parents=True)
    found = plan(os_, "rocky")
    assert found.root == tmp_path / "9"
    source = found.source(Serving(1234, "s"))
    assert source.url == "http://10.0.2.2:1234/s/tree/BaseOS/x86_64/os"
    assert source.beside == (("AppStream", "http://10.0.2.2:1234/s/tree/AppStream/x86_64/os"),)


@pytest.mark.parametrize(
    ("system", "more", "code"),
    [
        ("ubuntu", {}, "install.needs-iso"),
        ("ubuntu-legacy", {}, "install.needs-mirror"),
        ("debian", {"mirror": "ftp://x/debian"}, "install.needs-mirror"),
        ("fedora", {"mirror": "http://x/fedora"}, "install.no-mirror"),
        ("plan9", {}, "install.unknown-os"),
    ],
)
def test_a_wish_that_cannot_be_met(
    tmp_path: Path, system: str, more: dict[str, object], code: str
) -> None:
    with pytest.raises(UsageError) as caught:
        plan(tmp_path, system, **more)
    assert caught.value.code == code
    assert caught.value.hint


def test_rocky_makes_no_btrfs(tmp_path: Path) -> None:
    answers = PLAIN.__class__(PLAIN.hostname, PLAIN.user, filesystem="btrfs")
    wish = Wish("mine", "rocky", str(tmp_path), answers, 8 * GIB)
    with pytest.raises(NestlabError) as caught:
        asyncio.run(plan_for(wish, FakeMachine()))
    assert caught.value.code == "install.filesystem"


# --- the way of a guest ---------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return put(tmp_path / "tree", {"a/b.txt": b"hello", "x y": b"blank"})


@pytest.fixture
def served(folder: Path, tmp_path: Path) -> Iterator[str]:
    (tmp_path / "secret.txt").write_text("no")
    (folder / "link").symlink_to(tmp_path / "secret.txt")
    with serving((Route("inner", folder),)) as inner:
        upstream = inner.url("inner").replace("10.0.2.2", "127.0.0.1")
        routes = (
            Route("tree", folder),
            Route("mirror", upstream),
            Route("gone", "http://127.0.0.1:1"),
        )
        with serving(routes) as server:
            yield f"http://127.0.0.1:{server.port}/{server.secret}"


@pytest.mark.parametrize("name", ["tree", "mirror"])
def test_files_are_served_from_folders_and_from_servers(served: str, name: str) -> None:
    with httpx.Client() as client:
        found = client.get(f"{served}/{name}/a/b.txt")
        assert (found.status_code, found.content) == (200, b"hello")
        assert client.get(f"{served}/{name}/x%20y").content == b"blank"
        head = client.head(f"{served}/{name}/a/b.txt")
        assert (head.status_code, head.headers["Content-Length"]) == (200, "5")
        assert client.get(f"{served}/{name}/gone").status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "tree/../secret.txt",
        "tree/%2e%2e/secret.txt",
        "tree/link",
        "tree/a",
        "other/a",
        "",
        "tree/%00",
    ],
)
def test_nothing_beside_it_is_served(served: str, path: str) -> None:
    with httpx.Client() as client:
        url = httpx.URL(served).copy_with(raw_path=f"{httpx.URL(served).path}/{path}".encode())
        assert client.get(url).status_code == 404


def test_who_does_not_know_the_secret_gets_nothing(served: str) -> None:
    wrong = served.rpartition("/")[0]
    assert httpx.get(f"{wrong}/0123456789abcdef/tree/a/b.txt").status_code == 404
    assert httpx.post(f"{served}/tree/a/b.txt").status_code == 501


def test_a_server_that_is_gone_is_a_bad_gateway(served: str) -> None:
    assert httpx.get(f"{served}/gone/x").status_code == 502
