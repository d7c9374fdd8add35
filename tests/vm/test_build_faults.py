"""Building the real image where it cannot be built: said clearly, nothing left."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lab_user import User
from leftovers import snapshot

_IN_TMPFS = 'mount -t tmpfs -o "size=$1,$2" tmpfs "$3" && shift 3 && exec "$@"'

_BUILD_WITHOUT_A_LOOK_FIRST = """
import asyncio, sys
from pathlib import Path
from nestlab.deadline import Deadline
from nestlab.errors import NestlabError
from nestlab.image.build import ensure_image
from nestlab.image.recipe import debian_12
from nestlab.image.store import ImageStore
from nestlab.machine.local import LocalMachine

store = ImageStore(Path(sys.argv[1]))
work = ensure_image(store, debian_12(), LocalMachine(), report=print,
                    deadline=Deadline.after(300), space=0)
try:
    asyncio.run(work)
except NestlabError as problem:
    print("caught", problem)
print("left", sorted(path.name for path in store.folder.iterdir()))
"""


@pytest.fixture(autouse=True)
def _nothing_is_left() -> object:
    before = snapshot()
    yield
    assert snapshot() == before


def in_tmpfs(
    folder: Path, size: str, *argv: str, options: str = "rw", **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a program in a mount namespace where `folder` is a small file system of its own."""
    folder.mkdir()
    own = ("unshare", "--mount", "--propagation", "private", "sh", "-c", _IN_TMPFS, "sh")
    return subprocess.run(
        [*own, size, options, str(folder), *argv],
        capture_output=True, text=True, check=False, timeout=300,
        env={**os.environ, **environment},
    )  # fmt: skip


def test_a_disk_that_fills_up_during_the_build(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    build = (sys.executable, "-c", _BUILD_WITHOUT_A_LOOK_FIRST, str(cache))
    done = in_tmpfs(cache, "220m", *build)
    assert "caught image.disk-full: the disk filled up" in done.stdout, done
    assert "left ['.lock']" in done.stdout


def test_a_disk_that_is_too_small_is_seen_before_anything_is_done(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    demo = (sys.executable, "-m", "nestlab", "demo")
    done = in_tmpfs(cache, "220m", *demo, NESTLAB_HOME=str(cache))
    assert done.returncode == 3
    assert "error[image.disk-full]: building needs 5.0 GiB, free: " in done.stderr
    assert "hint: free some space, or set NESTLAB_HOME" in done.stderr
    assert done.stdout == ""


def test_a_cache_that_is_read_only(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    demo = (sys.executable, "-m", "nestlab", "demo")
    done = in_tmpfs(cache, "20m", *demo, options="ro", NESTLAB_HOME=str(cache))
    assert done.returncode == 3
    assert "error[home.not-writable]: cannot write to " in done.stderr
    assert "hint: set NESTLAB_HOME" in done.stderr


def test_a_nestlab_that_is_killed_takes_its_build_along(tmp_path: Path) -> None:
    user = User.in_folder(tmp_path, "name: none\n")
    (tmp_path / "home" / "cache").unlink()
    with building(user) as first:
        first.kill()
    # by itself mmdebstrap would only notice at the next line that it wants to print
    wait_until(lambda: not mentioned(tmp_path), "the end of its mmdebstrap", seconds=2)
    with building(user) as second:
        second.terminate()
        assert second.wait(60) != 0
    left = sorted(path.name for path in (tmp_path / "home" / "cache" / "images").iterdir())
    assert left == [".lock"]


@contextlib.contextmanager
def building(user: User) -> Iterator[subprocess.Popen[str]]:
    """A nestlab that unpacks packages."""
    with user.begins("image", "build", "debian-12") as nestlab:
        wait_until(lambda: mentioned(user.folder), "its mmdebstrap")
        wait_until(lambda: any(user.folder.glob("home/cache/images/.staging-*/*/usr")), "a tree")
        assert nestlab.poll() is None
        yield nestlab


def mentioned(folder: Path) -> bool:
    """Whether a program that builds an image in this folder runs."""
    argv = ["pgrep", "-f", "--", f"-C {folder}"]
    return subprocess.run(argv, check=False, stdout=subprocess.DEVNULL).returncode == 0


def wait_until(holds: Callable[[], bool], what: str, *, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"waited for {what}"
        time.sleep(0.1)
