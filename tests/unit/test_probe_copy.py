"""The probe on a copy of a machine: what it reads, and that it reads nothing else."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from nestlab.facts import bundle
from nestlab.facts.probe.main import main
from probe_trees import KERNEL, WHOLE, facts_of, look, plant

# Prints what the probe opened, listed and started, one a line; the facts go nowhere.
WATCHED = """
import io, os, runpy, sys
seen, real = [], sys.stdout
def hook(event, args):
    if event in ("open", "os.listdir", "os.scandir", "subprocess.Popen", "os.posix_spawn",
                 "os.fork", "os.exec", "os.system", "ctypes.dlopen", "socket.connect"):
        seen.append("%s %s" % (event, args[0] if args else ""))
sys.addaudithook(hook)
sys.argv = sys.argv[1:]
sys.stdout = io.StringIO()
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
except SystemExit as end:
    assert not end.code
real.write(chr(10).join(seen))
"""


def test_a_whole_copy_tells_everything_but_what_no_copy_can(tmp_path: Path) -> None:
    found = facts_of(tmp_path, WHOLE)
    assert set(found.unknown) == {"user", "holders", "feature_control"}
    assert (found.kernel, found.arch) == (KERNEL, "x86_64")
    assert found.nested_on is False
    assert found.kvm
    assert found.kvm.guest_ran is None


def test_an_empty_copy_is_all_unknown_or_empty(tmp_path: Path) -> None:
    found = look(tmp_path)
    assert found.kvm
    assert (found.kvm.device, found.kvm.problem) == (None, "the copy has no /dev")
    assert found.nested == {}
    known = {"kvm", "nested", "parameters", "modules", "outer"}
    assert {name for name, value in found if value is not None} - {"schema_", "unknown"} == known
    assert found.modules
    assert {module.state for module in found.modules.values()} == {None}


def test_nothing_outside_the_copy_is_read_and_nothing_is_started(tmp_path: Path) -> None:
    plant(tmp_path / "copy", WHOLE)
    program = tmp_path / "probe.py"
    program.write_bytes(bundle.source())
    argv = [sys.executable, "-B", "-S", "-E", "-c", WATCHED, str(program), "--root", "copy"]
    seen = subprocess.run(argv, capture_output=True, check=True, text=True, cwd=tmp_path).stdout
    python = (sys.prefix, sys.base_prefix, os.path.dirname(os.__file__), str(program))  # noqa: PTH120
    events = [line.split(" ", 1) for line in seen.splitlines()]
    outside = [
        (event, what)
        for event, what in events
        if not what.startswith(("copy/", *python)) or event not in {"open", "os.listdir"}
    ]
    assert [item for item in outside if not item[1].endswith("/lib-dynload")] == []
    assert ["open", "copy/proc/cpuinfo"] in events


@pytest.mark.parametrize("target", ["/secret", "../../secret", "/../../secret", "a/../../secret"])
@pytest.mark.parametrize("name", ["etc/os-release", "sys/class/dmi/id/sys_vendor", "proc/cmdline"])
def test_a_link_never_leads_out(tmp_path: Path, name: str, target: str) -> None:
    (tmp_path / "secret").write_text("ID=secret\nkvm.secret=1\n")
    root = plant(tmp_path / "copy", {**WHOLE, "sys/class/dmi/id/product_name": "x\n"})
    place = root / name
    place.unlink()
    place.symlink_to(target)
    assert "secret" not in look(root).model_dump_json(exclude={"unknown"})


def test_links_inside_the_copy_are_followed(tmp_path: Path) -> None:
    root = plant(tmp_path, {"usr/lib/os-release": "ID=fedora\n", "run/dmi/sys_vendor": "QEMU\n"})
    (root / "etc").mkdir()
    (root / "etc/os-release").symlink_to("/usr/lib/os-release")
    (root / "sys/class/dmi").mkdir(parents=True)
    (root / "sys/class/dmi/id").symlink_to("../../../run/dmi")
    found = look(root)
    assert found.os_release
    assert found.os_release.id == "fedora"
    assert found.dmi
    assert found.dmi.sys_vendor == "QEMU"


def test_a_link_to_itself_is_unknown(tmp_path: Path) -> None:
    root = plant(tmp_path, WHOLE)
    (root / "proc/cpuinfo").unlink()
    (root / "proc/cpuinfo").symlink_to("cpuinfo")
    assert "Too many levels of symbolic links: '/proc/cpuinfo'" in look(root).unknown["cpu"]


@pytest.mark.parametrize(
    ("files", "device", "mode", "group"),
    [
        ({"dev/kvm.ls": "crw-rw---- 1 root kvm 10, 232 Jan 1 /dev/kvm\n"}, "char", 0o660, "kvm"),
        ({"dev/kvm.ls": "crw-rw-rw-+ 1 root kvm 10, 232 x", "dev/kvm": ""}, "char", 0o666, "kvm"),
        ({"dev/kvm.ls": "drwxr-xr-x 2 root root 40 Jan 1 /dev/kvm"}, "other", 0o755, "root"),
        ({"dev/kvm.ls": "ls: cannot access '/dev/kvm'\n"}, "absent", None, None),
        ({"dev/null": ""}, "absent", None, None),
        ({"dev/kvm": ""}, None, None, None),
        ({"etc/hostname": "x"}, None, None, None),
    ],
)
def test_the_device_of_a_copy(
    tmp_path: Path,
    files: dict[str, str],
    device: str | None,
    mode: int | None,
    group: str | None,
) -> None:
    kvm = facts_of(tmp_path, {"etc/group": "kvm:x:104:\n", **files}).kvm
    assert kvm
    assert (kvm.device, kvm.mode, kvm.group) == (device, mode, group)
    assert kvm.gid == {"kvm": 104, "root": 0, None: None}[group]
    assert (kvm.open, kvm.guest_ran, kvm.api) == (None, None, None)
    assert device is not None or kvm.problem


def test_no_probe_leaves_the_device_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--no-probe"]) == 0
    kvm = json.loads(capsys.readouterr().out)["kvm"]
    assert (kvm["open"], kvm["guest_ran"], kvm["api"]) == (None, None, None)
    assert kvm["problem"]


@pytest.mark.parametrize("words", [["--root"], ["--help"], ["x"], ["--root", "/nonexistent"]])
def test_what_makes_no_sense_is_refused(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    printed = capsys.readouterr()
    assert (printed.out, bool(printed.err)) == ("", True)
