"""The command line from outside: help, statuses, what goes to stdout and what to stderr."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from cli_process import NESTLAB, nestlab
from nestlab import __version__
from nestlab.facts.probe.kvm import kvm
from nestlab.result.store import RunFolder
from result_examples import START, result

HEAVY = (
    "asyncssh",
    "httpx",
    "pycdlib",
    "pydantic",
    "numpy",
    "scipy",
    "altair",
    "jinja2",
    "lxml",
    "vl_convert",
    "qemu",
    "asyncio",
    "nestlab.lab",
)


def test_help_imports_nothing_heavy() -> None:
    program = "import json, sys, nestlab.cli.app; json.dump(sorted(sys.modules), sys.stdout)"
    modules = set(json.loads(subprocess.check_output([sys.executable, "-c", program])))
    assert "typer" in modules
    assert not modules & set(HEAVY)


def test_the_version(tmp_path: Path) -> None:
    ended = nestlab("--version", home=tmp_path)
    assert (ended.status, ended.out, ended.err) == (0, f"nestlab {__version__}\n", "")


def test_a_wrong_depth_is_a_usage_error_in_our_shape(tmp_path: Path) -> None:
    ended = nestlab("demo", "--depth", "9", home=tmp_path)
    assert ended.status == 2
    assert ended.out == ""
    assert ended.err == (
        "error[demo.depth]: a chain of 9 guests cannot be built\nhint: choose --depth from 1 to 4\n"
    )
    assert not (tmp_path / "nestlab").exists()


def tools_without_qemu(folder: Path) -> dict[str, str]:
    """A PATH with a shell and Python alone."""
    folder.mkdir()
    for name in ("sh", "env"):
        (folder / name).symlink_to(shutil.which(name) or "")
    (folder / "python3").symlink_to(sys.executable)
    return {"PATH": str(folder)}


def test_a_host_without_qemu(tmp_path: Path) -> None:
    ended = nestlab("demo", home=tmp_path, environment=tools_without_qemu(tmp_path / "bin"))
    assert ended.status == 3
    assert ended.out == ""
    assert "error[qemu.missing]: l0 has no QEMU\n  where: l0, while promoting it\n" in ended.err
    assert "hint: install it: `sudo apt-get install qemu-system-x86 qemu-utils`" in ended.err


def test_a_host_without_python_in_its_path(tmp_path: Path) -> None:
    ended = nestlab("demo", home=tmp_path, environment={"PATH": str(tmp_path)})
    assert ended.status == 4
    assert "error[facts.no-python]" in ended.err


def test_kvm_is_not_replaced_in_silence(tmp_path: Path) -> None:
    """What the host's own probe says decides; QEMU is out of reach, so that nothing is started."""
    found = kvm()
    can_nest = bool(found["guest_ran"] and (found["vmx"] or found["svm"]))
    environment = tools_without_qemu(tmp_path / "bin")
    ended = nestlab("demo", "--accel", "kvm", home=tmp_path, environment=environment)
    assert ended.status == 3
    code = ended.err.split("error[")[1].split("]")[0]
    if can_nest:
        assert code == "qemu.missing"
    elif found["guest_ran"]:
        assert code in {"kvm.cannot-nest", "kvm.nested-disabled", "kvm.software"}
    else:
        assert code in {"kvm.not-openable", "kvm.no-guest", "kvm.no-device",
                        "cpu.no-virtualization"}  # fmt: skip
    assert "hint: " in ended.err


def test_a_run_that_is_not_there(tmp_path: Path) -> None:
    ended = nestlab("report", "missing", home=tmp_path)
    assert ended.status == 6
    assert ended.out == ""
    assert ended.err.startswith("error[result.")


def test_a_run_is_shown_by_its_id_on_stdout_alone(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path / "nestlab" / "state" / "runs", now=START)
    folder.save(result())
    ended = nestlab("report", folder.id, "--format", "json", home=tmp_path)
    assert (ended.status, ended.err) == (0, "")
    assert json.loads(ended.out)["schema"] == "nestlab.report/1"


def test_a_reader_that_went_away_is_not_an_answer(tmp_path: Path) -> None:
    """1 means `no`, so `nestlab … | head` must not end with it."""
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "wb") as pipe:
        argv = [*NESTLAB, "schema", "result"]
        environment = {**os.environ, "NESTLAB_HOME": str(tmp_path)}
        done = subprocess.run(
            argv, check=False, stdout=pipe, stderr=subprocess.PIPE, env=environment
        )
    assert (done.returncode, done.stderr) == (141, b"")
