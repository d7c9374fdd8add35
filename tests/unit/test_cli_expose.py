"""`nestlab expose` from outside: files, options, and hosts without libvirt."""

import json
import shutil
import sys
from pathlib import Path

import pytest

from cli_process import Ended, nestlab
from domain_examples import HASWELL, domain_xml

NEW = domain_xml("<cpu mode='host-passthrough'/>")


def run(folder: Path, *words: str, environment: dict[str, str] | None = None) -> Ended:
    return nestlab("expose", *words, home=folder, environment=environment)


def file(folder: Path, name: str = "a.xml", text: str = domain_xml()) -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_one_file_goes_to_stdout(tmp_path: Path) -> None:
    ended = run(tmp_path, "--xml", str(file(tmp_path)))
    assert (ended.status, ended.out) == (0, NEW)
    assert "warning: with the host's whole CPU" in ended.err
    assert file(tmp_path).read_text() == domain_xml()


def test_a_right_file_comes_out_as_it_is(tmp_path: Path) -> None:
    ended = run(tmp_path, "--xml", str(file(tmp_path, text=NEW)))
    assert (ended.status, ended.out, ended.err) == (0, NEW, "")


def test_a_file_says_what_would_change(tmp_path: Path) -> None:
    path = file(tmp_path)
    ended = run(tmp_path, "--xml", "--dry-run", "--mode", "host-model+require", "--feature", "vmx",
                str(path))  # fmt: skip
    assert f"-  {HASWELL}\n" in ended.out
    assert "+  <cpu mode='host-model'><feature policy='require' name='vmx'/></cpu>\n" in ended.out


def test_several_files_need_a_place(tmp_path: Path) -> None:
    names = [str(file(tmp_path, name)) for name in ("a.xml", "b.xml")]
    ended = run(tmp_path, "--xml", *names)
    assert (ended.status, ended.out) == (2, "")
    assert "error[expose.options]" in ended.err
    assert "--output-dir" in ended.err


def test_several_files_go_into_a_folder_past_a_broken_one(tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    broken = file(tmp_path, "b.xml", "<domain>\n<")
    paths = [file(tmp_path, "a.xml"), broken, file(tmp_path, "c.xml")]
    ended = run(tmp_path, "--xml", *map(str, paths), "--output-dir", str(tmp_path / "new"))
    assert ended.status == 2
    assert "error[domain.syntax]: this is not XML: unclosed token\n" in ended.err
    assert f"\n  where: {broken}:2\n" in ended.err
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["a.xml", "c.xml"]
    assert (tmp_path / "new" / "c.xml").read_text() == NEW


@pytest.mark.parametrize("name", ["", "gone"])
def test_a_folder_that_is_no_place_is_refused(tmp_path: Path, name: str) -> None:
    ended = run(tmp_path, "--xml", str(file(tmp_path)), "--output-dir", str(tmp_path / name))
    assert (ended.status, "error[expose.output]" in ended.err) == (2, True)


def test_in_place_and_back(tmp_path: Path) -> None:
    path = file(tmp_path)
    path.chmod(0o640)
    link = tmp_path / "link.xml"
    link.symlink_to(path)
    assert run(tmp_path, "--xml", "--in-place", str(link)).status == 0
    assert (path.read_text(), path.stat().st_mode & 0o777, link.is_symlink()) == (NEW, 0o640, True)
    assert run(tmp_path, "--xml", "--in-place", str(path)).status == 0
    assert run(tmp_path, "--xml", "--undo", "--in-place", str(path)).status == 0
    assert (path.read_text(), path.stat().st_mode & 0o777) == (domain_xml(), 0o640)


def test_a_file_that_was_changed_since_is_not_put_back(tmp_path: Path) -> None:
    path = file(tmp_path)
    run(tmp_path, "--xml", "--in-place", str(path))
    path.write_text(NEW.replace("<acpi/>", ""))
    ended = run(tmp_path, "--xml", "--undo", "--in-place", str(path))
    assert (ended.status, "error[expose.changed-since]" in ended.err) == (3, True)
    assert run(tmp_path, "--xml", "--undo", "--in-place", "--force", str(path)).status == 0
    assert path.read_text() == domain_xml()


def test_the_json_of_files(tmp_path: Path) -> None:
    ended = run(tmp_path, "--xml", "--json", str(file(tmp_path)), str(tmp_path / "gone.xml"))
    document = json.loads(ended.out)
    assert document["schema"] == "nestlab.expose-files/1"
    first, second = document["files"]
    assert (first["changed"], first["cpu_after"], first["xml"]) == (True, "host-passthrough", NEW)
    assert second["error"] == "expose.no-such-file"
    assert ended.status == 2


def test_what_a_file_says_cannot_move_the_cursor(tmp_path: Path) -> None:
    text = domain_xml("<cpu><model vendor_id='\u202eab'>x</model></cpu><!-- \u202e -->")
    ended = run(tmp_path, "--xml", "--dry-run", str(file(tmp_path, text=text)))
    assert "\u202e" not in ended.out + ended.err


@pytest.mark.parametrize(
    "words",
    [(), ("a", "b"), ("--all",), ("--all", "--dry-run", "a"), ("a", "--in-place"), ("--xml",),
     ("--xml", "--in-place", "--output-dir", ".", "a"), ("--xml", "--in-place", "-")],
)  # fmt: skip
def test_options_that_do_not_go_together(tmp_path: Path, words: tuple[str, ...]) -> None:
    ended = run(tmp_path, *words)
    assert (ended.status, ended.out) == (2, "")
    assert "error[expose.options]" in ended.err
    assert "hint: " in ended.err


def test_a_host_without_virsh(tmp_path: Path) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("sh", "env", "cat"):
        (folder / name).symlink_to(shutil.which(name) or "")
    (folder / "python3").symlink_to(sys.executable)
    ended = run(tmp_path, "guest", environment={"PATH": str(folder)})
    assert ended.status == 3
    assert "error[libvirt.missing]: there is no virsh on l0" in ended.err
    assert "apt-get install libvirt-daemon-system" in ended.err


def test_a_libvirt_that_does_not_answer(tmp_path: Path) -> None:
    socket = tmp_path / "no-sock"
    ended = run(tmp_path, "guest", "--connect", f"qemu+unix:///system?socket={socket}")
    assert ended.status == 3
    assert f"error[libvirt.no-daemon]: no libvirt answers at {socket}" in ended.err
    assert "hint: `sudo systemctl enable --now libvirtd`" in ended.err
