"""`nestlab image install` from the command line to the store, with an installer that is played."""

import contextlib
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from image_server import ImageServer, image_server

pytestmark = pytest.mark.skipif(
    not (shutil.which("qemu-img") and shutil.which("setpriv")),
    reason="there is no qemu-img or setpriv here",
)
FAKE = Path(__file__).parent / "fake_installer.py"
BAR = "Installing the base system  ... 1%... 40%"
GOOD = [
    "Detecting network hardware  ... 2%... 100%\r\n",
    f"{BAR}... 100%\r\n",
    "nestlab: installed\r\n",
    "[  9.1] reboot: Power down\r\n",
]
QUESTION = ["Set up users\r\n------------\r\n\r\nRoot password:"]


@dataclass
class World:
    """A machine with an installer: a folder of programs, a tree, a home."""

    base: Path

    @property
    def tree(self) -> Path:
        return self.base / "tree"

    @property
    def images(self) -> Path:
        return self.base / "home/cache/images"

    def play(self, console: Sequence[str | float], **more: Any) -> None:
        (self.base / "bin/play.json").write_text(json.dumps({"console": list(console), **more}))

    @property
    def called(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.base / "bin/called.json").read_text())
        return found

    def argv(self, *words: str, location: str | None = None) -> list[str]:
        command = [sys.executable, "-m", "nestlab", "image", "install", "mine", "--os", "debian"]
        given = ["--location", location or str(self.tree), "--mirror", "http://127.0.0.1:9/debian"]
        return [*command, *given, "--accel", "tcg", *words]

    @property
    def environment(self) -> dict[str, str]:
        path = f"{self.base / 'bin'}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
        return {**os.environ, "PATH": path, "NESTLAB_HOME": str(self.base / "home")}

    def run(self, *words: str, location: str | None = None) -> subprocess.CompletedProcess[str]:
        argv = self.argv(*words, location=location)
        return subprocess.run(
            argv, env=self.environment, capture_output=True, text=True, check=False, timeout=120
        )

    def left(self) -> list[str]:
        """What is in the store besides locks."""
        if not self.images.exists():
            return []
        paths = [path for path in self.images.rglob("*") if path.name != ".lock"]
        return sorted(str(path.relative_to(self.images)) for path in paths)


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path)
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin/qemu-system-x86_64"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} {tmp_path}/bin/fake.py "$@"\n')
    program.chmod(0o755)
    shutil.copy(FAKE, tmp_path / "bin/fake.py")
    made.tree.mkdir()
    (made.tree / "linux").write_bytes(b"a kernel")
    (made.tree / "initrd.gz").write_bytes(b"an initrd")
    return made


def assert_failed(world: World, done: subprocess.CompletedProcess[str], code: str) -> None:
    """With its code; nothing is left, and nothing has the image's name."""
    assert f"error[{code}]" in done.stderr, done.stderr
    assert [each for each in world.left() if each not in {"", ".downloads"}] == []


def test_an_image_gets_its_name_in_the_end(world: World) -> None:
    world.play(GOOD)
    done = world.run("--json", "--user", "ada", "--package", "vim", "--vcpus", "1")
    assert done.returncode == 0, done.stderr
    (row,) = json.loads(done.stdout)["images"]
    assert (row["name"], row["kind"], row["user"]) == ("mine", "cloud", "ada")
    assert row["source"] == f"file:{world.tree}"
    folder = Path(row["folder"])
    assert sorted(path.name for path in folder.iterdir()) == ["disk.qcow2", "image.json"]
    for step in (
        "checksums not verified: the tree publishes none for its kernel and initrd",
        "installing the base system (100 %)",
        "installed",
    ):
        assert f"image: {step}" in done.stderr
    assert (world.base / "home/cache/logs/install-mine.log").read_text().startswith("Detecting")
    assert [path for path in world.left() if path.startswith(".downloads/")] == []
    listed = subprocess.run(
        [sys.executable, "-m", "nestlab", "image", "ls", "--json"],
        env=world.environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert [each["name"] for each in json.loads(listed.stdout)["images"]] == ["mine"]


def test_the_answers_are_in_the_initrd_and_the_mirror_is_ours(world: World) -> None:
    world.play(GOOD)
    assert world.run("--user", "ada", "--extra-args", "one=1 two").returncode == 0
    initrd = (world.base / "bin/initrd").read_bytes()
    assert initrd.startswith(b"an initrd")
    assert b"d-i passwd/username string ada" in initrd
    assert b"d-i mirror/http/hostname string 10.0.2.2:" in initrd
    argv = world.called["argv"]
    words = argv[argv.index("-append") + 1].split()
    assert words[:2] == ["one=1", "two"]
    assert words[-2:] == ["console=tty0", "console=ttyS0,115200"]


def test_what_is_printed_is_what_would_be_answered(world: World) -> None:
    done = world.run("--print-answers", "--swap", "512MiB")
    assert done.returncode == 0, done.stderr
    assert "d-i mirror/http/hostname string 127.0.0.1:9\n" in done.stdout
    assert "linux-swap" in done.stdout
    assert not world.images.exists()


def test_own_answers_are_taken_as_they_are(world: World, tmp_path: Path) -> None:
    file = tmp_path / "own.cfg"
    file.write_text("d-i my/own string answer\n")
    world.play(GOOD[:2] + GOOD[3:])
    done = world.run("--answers", str(file))
    assert done.returncode == 0, done.stderr
    assert b"d-i my/own string answer" in (world.base / "bin/initrd").read_bytes()


# --- faults ---------------------------------------------------------------------------------------


def test_a_question_ends_it_and_is_quoted(world: World) -> None:
    world.play([BAR, "\r\n", *QUESTION], forever=True)
    done = world.run()
    assert_failed(world, done, "install.prompt")
    assert done.returncode == 4
    assert "| Root password:" in done.stderr
    assert "while installing the base system" in done.stderr
    assert not Path(f"/proc/{world.called['pid']}").exists()
    log = world.base / "home/cache/logs/install-mine.log"
    assert f"log:   {log}" in done.stderr
    assert log.read_text().endswith("Root password:")


def test_a_panic_ends_it_at_once(world: World) -> None:
    world.play(["[ 1.0] Kernel panic - not syncing: no init\r\n"], forever=True)
    assert_failed(world, world.run(), "install.panicked")


def test_the_deadline_ends_it(world: World) -> None:
    world.play([BAR], forever=True)
    done = world.run("--timeout", "6")
    assert_failed(world, done, "install.deadline")
    assert "last: installing the base system" in done.stderr


@pytest.mark.parametrize(
    ("console", "more", "code"),
    [
        ([BAR], {"status": 1, "stderr": "qemu: out of memory"}, "install.died"),
        ([BAR], {}, "install.died"),
        (GOOD[:2] + GOOD[3:], {}, "install.unfinished"),
    ],
)
def test_an_end_that_is_none(world: World, console: Any, more: Any, code: str) -> None:
    world.play(console, **more)
    done = world.run()
    assert_failed(world, done, code)
    assert more.get("stderr", "") in done.stderr


def test_the_work_folder_can_be_kept(world: World) -> None:
    world.play([BAR], status=1)
    done = world.run("--keep")
    kept = world.base / "home/cache/logs/install-mine"
    assert f"also:  the work folder is kept: {kept}" in done.stderr
    assert {"disk.qcow2", "initrd", "vmlinuz", "console.log"} <= {p.name for p in kept.iterdir()}
    assert [each for each in world.left() if each != ".downloads"] == []


def test_a_name_that_is_taken_is_refused_first(world: World) -> None:
    argv = [word if word != "mine" else "debian-12" for word in world.argv()]
    done = subprocess.run(argv, env=world.environment, capture_output=True, text=True, check=False)
    assert "error[image.name-taken]" in done.stderr
    assert done.returncode == 2


IN_SMALL = """
mkdir -p "$NESTLAB_HOME"
mount -t tmpfs -o size=68m,mode=0700 tmpfs "$NESTLAB_HOME" || exit 77
"$@"
status=$?
ls "$NESTLAB_HOME/cache/images/.downloads" >&2
exit $status
"""
WITHOUT_ASKING = "import nestlab.install.run as r; r.install.__kwdefaults__['space'] = 0; "


@pytest.mark.parametrize(("asking", "words"), [(True, "needs 4.0 GiB"), (False, "filled up")])
def test_a_full_disk_ends_it(world: World, asking: bool, words: str) -> None:
    """On a disk of 68 MiB, of which the installer takes ten."""
    world.play([BAR], fill=10 << 20, forever=True)
    main = "from nestlab.cli import main; main()"
    program = [sys.executable, "-c", main if asking else WITHOUT_ASKING + main]
    root = () if os.geteuid() == 0 else ("--map-root-user",)
    argv = ["unshare", "--mount", *root, "sh", "-c", IN_SMALL, "sh", *program, *world.argv()[3:]]
    done = subprocess.run(
        argv, env=world.environment, capture_output=True, text=True, check=False, timeout=60
    )
    if done.returncode in {1, 77}:
        pytest.skip("no mount namespace can be made here (neither root nor user namespaces)")
    assert "error[image.disk-full]" in done.stderr, done.stderr
    assert words in done.stderr
    assert "install-" not in done.stderr.splitlines()[-1]
    assert done.returncode == 3


@contextlib.contextmanager
def started(world: World) -> Iterator[subprocess.Popen[str]]:
    """An installation whose QEMU runs."""
    process = subprocess.Popen(
        world.argv(), env=world.environment, stderr=subprocess.PIPE, text=True
    )
    try:
        until = time.monotonic() + 60
        while not (world.base / "bin/called.json").exists() or not world.called:
            assert time.monotonic() < until
            time.sleep(0.05)
        time.sleep(0.3)
        yield process
    finally:
        process.kill()
        process.wait()
        assert process.stderr is not None
        process.stderr.close()


def gone(pid: int) -> bool:
    """Whether the process ends within ten seconds."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False


def test_an_interruption_leaves_nothing(world: World) -> None:
    world.play([BAR], forever=True)
    with started(world) as process:
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
        assert process.returncode == 130, said
    assert gone(world.called["pid"])
    assert [each for each in world.left() if each != ".downloads"] == []


def test_a_killed_one_takes_its_qemu_with_it_and_the_next_cleans_up(world: World) -> None:
    world.play([BAR], forever=True)
    with started(world) as process:
        process.kill()
        process.wait()
    assert gone(world.called["pid"])
    assert any(each.endswith("disk.qcow2") for each in world.left())
    assert not any(each.startswith("mine") for each in world.left())
    world.play(GOOD)
    assert world.run().returncode == 0
    assert [each for each in world.left() if each.startswith(".downloads/")] == []


# --- trees on a web server ------------------------------------------------------------------------


@pytest.fixture
def server() -> Iterator[ImageServer]:
    with image_server() as serving:
        yield serving


IMAGES = "debian/dists/bookworm/main/installer-amd64/current/images"
NETBOOT = "netboot/debian-installer/amd64"


def debian_tree(server: ImageServer, sums: str | None = None) -> str:
    """A mirror's tree; its checksums are right unless others are given."""
    files = {"linux": b"a kernel", "initrd.gz": b"an initrd"}
    for name, data in files.items():
        server.put(f"{IMAGES}/{NETBOOT}/{name}", data)
    right = "".join(
        f"{hashlib.sha256(data).hexdigest()}  ./{NETBOOT}/{name}\n" for name, data in files.items()
    )
    other = "0" * 64 + "  ./netboot/gtk/debian-installer/amd64/linux\n"
    server.put(f"{IMAGES}/SHA256SUMS", (other + (right if sums is None else sums)).encode())
    return f"{server.url}/debian/dists/bookworm/"


def test_a_tree_of_the_web_is_verified(world: World, server: ImageServer) -> None:
    world.play(GOOD)
    done = world.run(location=debian_tree(server))
    assert done.returncode == 0, done.stderr
    assert "checksums match main/installer-amd64/current/images/SHA256SUMS" in done.stderr


def test_a_wrong_checksum_is_refused(world: World, server: ImageServer) -> None:
    sums = f"{'1' * 64}  ./{NETBOOT}/linux\n{'2' * 64}  ./{NETBOOT}/initrd.gz\n"
    done = world.run(location=debian_tree(server, sums))
    assert_failed(world, done, "install.checksum-mismatch")
    assert done.returncode == 6


def test_a_place_with_nothing_is_named(world: World, server: ImageServer) -> None:
    done = world.run(location=f"{server.url}/nothing")
    assert_failed(world, done, "install.not-a-tree")
    assert "looked for linux" in done.stderr


def test_a_server_that_hangs_does_not_outlast_the_deadline(
    world: World, server: ImageServer
) -> None:
    server.put(f"{NETBOOT}/linux", b"a kernel", hang=3)
    done = world.run("--timeout", "3", location=server.url)
    assert_failed(world, done, "install.deadline")
    assert "last: bringing the installer" in done.stderr


def test_a_server_that_refuses_is_named(world: World, server: ImageServer) -> None:
    server.put("debian/current/images/netboot/debian-installer/amd64/linux", b"", status=500)
    done = world.run(location=f"{server.url}/debian")
    assert_failed(world, done, "image.refused")
