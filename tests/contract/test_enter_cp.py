"""`nestlab cp`: files and folders, both ways."""

import os
import signal
import stat
import time
from pathlib import Path

import pytest

from enter_lab import EnterLab, enter_lab
from sshd_world import Sshd

pytestmark = pytest.mark.slow


@pytest.fixture
def lab(sshd: Sshd, tmp_path: Path) -> EnterLab:
    if sshd.username != "root":
        pytest.skip("guests are entered as root")
    return enter_lab(tmp_path, sshd)


def tree(root: Path) -> dict[str, tuple[str, int, bytes]]:
    """Name -> kind, permission bits, content of everything below a folder."""
    found = {}
    for folder, folders, files in os.walk(os.fsencode(root)):
        for name in (*folders, *files):
            path = os.path.join(folder, name)  # noqa: PTH118  (bytes)
            state = os.lstat(path)
            content = b""
            if stat.S_ISLNK(state.st_mode):
                content = os.readlink(path)  # noqa: PTH115
            elif stat.S_ISREG(state.st_mode):
                content = Path(os.fsdecode(path)).read_bytes()
            key = os.fsdecode(os.path.relpath(path, os.fsencode(root)))
            bits = 0 if stat.S_ISLNK(state.st_mode) else stat.S_IMODE(state.st_mode)
            found[key] = (stat.filemode(state.st_mode)[0], bits, content)
    return found


def odd_folder(root: Path) -> Path:
    (root / "inner" / "empty").mkdir(parents=True)
    for name in ("plain", "with space", "new\nline", "-rf", "*", "a:b", "\udcff", "…", "'\"$(id)"):
        (root / name).write_bytes(os.fsencode(name) * 1000)
    (root / "program").write_text("#!/bin/sh\n")
    (root / "program").chmod(0o751)
    (root / "secret").write_text("s")
    (root / "secret").chmod(0o400)
    (root / "inner" / "up").symlink_to("../plain")
    (root / "inner" / "away").symlink_to("/nowhere/at/all")
    (root / "inner" / "folder").symlink_to("empty")
    (root / "inner" / "x").write_bytes(bytes(range(256)) * 9000)
    (root / "inner").chmod(0o550)
    return root


@pytest.mark.parametrize("machine", ["l1", "seed:l1/l2"])
def test_a_folder_there_and_back(lab: EnterLab, machine: str) -> None:
    source = odd_folder(lab.base / "source")
    lab.does("cp", "source", f"{machine}:{lab.far}")
    assert tree(lab.far / "source") == tree(source)
    lab.does("cp", "-r", f"{machine}:{lab.far}/source", "back")
    assert tree(lab.base / "back") == tree(source)
    lab.does("cp", f"{machine}:{lab.far}/source", "back")  # into it, as it is there now
    assert tree(lab.base / "back" / "source") == tree(source)


def test_again_over_what_is_there(lab: EnterLab) -> None:
    source = lab.base / "source"
    source.mkdir()
    (source / "file").write_text("one")
    (source / "link").symlink_to("file")
    lab.does("cp", "source", f"l1:{lab.far}/")
    (source / "file").write_text("two")
    (source / "link").unlink()
    (source / "link").symlink_to("other")
    lab.does("cp", "source", f"l1:{lab.far}/")
    assert tree(lab.far / "source") == tree(source)
    lab.does("cp", f"l1:{lab.far}/source/.", "source")
    assert set(tree(lab.base / "source")) == {"file", "link"}


def test_several_files_and_new_names(lab: EnterLab) -> None:
    for name in ("a", "b:c"):
        (lab.base / name).write_text(name)
    lab.does("cp", "a", "./b:c", f"l1:{lab.far}")
    assert set(tree(lab.far)) == {"a", "b:c"}
    lab.does("cp", f"l1/l2:{lab.far}/b:c", "new")
    assert (lab.base / "new").read_text() == "b:c"
    status, _, err = lab.run("cp", "a", "b:c", f"l1:{lab.far}/none")
    assert status == 2
    assert "error[cp." in err


def test_a_relative_name_there_is_below_the_home(lab: EnterLab) -> None:
    home = lab.does("exec", "l1", "--", "pwd").decode().strip()
    name = f".nestlab-test-{os.getpid()}"
    (lab.base / name).write_text("x")
    try:
        lab.does("cp", name, "l1:")
        lab.does("cp", f"l1:{name}", "back")
    finally:
        (Path(home) / name).unlink(missing_ok=True)
    assert (lab.base / "back").read_text() == "x"


def test_links_are_links_except_behind_a_slash(lab: EnterLab) -> None:
    (lab.base / "folder").mkdir()
    (lab.base / "folder" / "file").write_text("x")
    (lab.base / "link").symlink_to("folder")
    lab.does("cp", "link", f"l1:{lab.far}/one")
    lab.does("cp", "link/", f"l1:{lab.far}/two")
    assert tree(lab.far) == {
        "one": ("l", 0, b"folder"),
        "two": ("d", 0o755, b""),
        "two/file": ("-", 0o644, b"x"),
    }


def test_what_is_no_file_is_left_out_and_said(lab: EnterLab) -> None:
    (lab.base / "source").mkdir()
    os.mkfifo(lab.base / "source" / "pipe")
    (lab.base / "source" / "file").touch()
    status, _, err = lab.run("cp", "source", f"l1:{lab.far}")
    assert status == 0
    assert "left out: source/pipe is a device, a pipe or a socket" in err
    os.mkfifo(lab.far / "source" / "another")
    status, _, err = lab.run("cp", f"l1:{lab.far}/source", "back")
    assert (status, set(tree(lab.base / "back"))) == (0, {"file"})
    assert f"left out: l1:{lab.far}/source/another" in err


@pytest.mark.parametrize(
    ("words", "status", "code"),
    [
        (("a", "b"), 2, "cp.usage"),
        (("l1:a", "l1:b"), 2, "cp.usage"),
        (("a", "l1:b", "."), 2, "cp.usage"),
        (("l1:a", "l1/l2:b", "."), 2, "cp.usage"),
        (("a",), 2, "cp.usage"),
        (("none", "l1:"), 4, "cp.no-such-file"),
        (("l1:/none", "."), 4, "cp.no-such-file"),
        (("lab", "l1:/none/none"), 4, "machine.put-failed"),
        (("lab", "l1:/none/"), 2, "cp.not-a-folder"),
        (("l1:/etc/passwd", "none/"), 2, "cp.not-a-folder"),
        (("l1:/etc/passwd", "none/none"), 4, "machine.get-failed"),
        (("l9:/etc/passwd", "."), 6, "lab.no-such-machine"),
    ],
)
def test_what_cannot_be_copied(
    lab: EnterLab, words: tuple[str, ...], status: int, code: str
) -> None:
    (lab.base / "lab").touch()
    before = set(tree(lab.base))
    ended, out, err = lab.run("cp", *words)
    assert (ended, out) == (status, b"")
    assert f"error[{code}]" in err
    assert set(tree(lab.base)) == before


def test_a_folder_is_not_written_through_a_link(lab: EnterLab) -> None:
    """As if a guest had shown a link first and then a folder of the same name."""
    (lab.far / "source" / "sub").mkdir(parents=True)
    (lab.far / "source" / "sub" / "file").touch()
    (lab.base / "elsewhere").mkdir()
    (lab.base / "source").mkdir()
    (lab.base / "source" / "sub").symlink_to("../elsewhere")
    status, _, err = lab.run("cp", f"l1:{lab.far}/source", ".")
    assert status == 4
    assert "error[cp.refused]" in err
    assert tree(lab.base / "elsewhere") == {}


@pytest.mark.parametrize("inward", [True, False])
def test_an_interrupted_copy_leaves_nothing(lab: EnterLab, inward: bool) -> None:
    there = lab.far if not inward else lab.base
    with (there / "big").open("wb") as file:
        file.truncate(4 << 30)
    goal = lab.far if inward else lab.base / "here"
    goal.mkdir(exist_ok=True)
    words = ("big", f"l1:{lab.far}") if inward else (f"l1:{lab.far}/big", "here")
    with lab.start("cp", *words) as process:
        end = time.monotonic() + 20
        while not any(each.stat().st_size for each in goal.iterdir()):
            assert time.monotonic() < end
            time.sleep(0.02)
        assert {each.name for each in goal.iterdir()} != {"big"}
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert b"Traceback" not in err
    assert list(goal.iterdir()) == []


def test_a_cut_connection_leaves_no_half_file(sshd: Sshd, lab: EnterLab) -> None:
    with (lab.far / "big").open("wb") as file:
        file.truncate(4 << 30)
    goal = lab.base / "here"
    goal.mkdir()
    with lab.start("cp", f"l1/l2:{lab.far}/big", "here") as process:
        end = time.monotonic() + 20
        while not any(each.stat().st_size for each in goal.iterdir()):
            assert time.monotonic() < end
            time.sleep(0.02)
        sshd.kill_sessions()
        _, err = process.communicate(timeout=30)
    assert process.returncode == 4
    assert b"error[machine.lost]: the connection to l1/l2 is lost" in err
    assert list(goal.iterdir()) == []
