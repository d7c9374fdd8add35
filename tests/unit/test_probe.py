"""The probe, run for real as it is run on every machine: by its text on stdin."""

import ast
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from nestlab.facts import bundle
from nestlab.facts.model import Facts
from nestlab.facts.probe import report
from nestlab.facts.probe.kvm import kvm
from nestlab.facts.probe.source import Source

SOURCE = bundle.source()


@pytest.fixture(scope="module")
def output() -> bytes:
    argv = [sys.executable, "-S", "-E", "-"]
    return subprocess.run(argv, input=SOURCE, capture_output=True, check=True).stdout


def test_what_it_prints_here_is_what_the_model_reads(output: bytes) -> None:
    found = Facts.model_validate_json(output)
    assert found.arch == subprocess.check_output(["uname", "-m"], text=True).strip()
    assert found.memory
    assert found.memory.total > found.memory.available > 0
    assert found.cpu
    assert len(found.cpu.usable) == found.cpu.online
    assert found.kvm


def test_a_fact_is_known_or_its_absence_has_a_reason(output: bytes) -> None:
    printed: dict[str, Any] = json.loads(output)
    names = {field.alias or name for name, field in Facts.model_fields.items()}
    known = {name for name, value in printed.items() if value is not None}
    assert known | set(printed["unknown"]) == names
    assert not known & set(printed["unknown"])
    assert all(printed["unknown"].values())


def test_it_uses_the_standard_library_alone() -> None:
    modules = set()
    for node in ast.walk(ast.parse(SOURCE)):
        if isinstance(node, ast.Import):
            modules |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            modules.add(node.module or "a relative import")
    assert "ctypes" in modules
    assert modules <= sys.stdlib_module_names


def test_python_3_6_can_read_it() -> None:
    ast.parse(SOURCE, feature_version=(3, 6))


def pythons() -> list[str]:
    """This one, and every other that is installed and works."""
    named = (shutil.which(f"python3.{minor}") for minor in range(6, 16))
    return [sys.executable, *(each for each in named if each and works(each))]


def works(python: str) -> bool:
    """A version manager's shims are there for versions that are not."""
    return subprocess.run([python, "-c", ""], check=False, capture_output=True).returncode == 0


@pytest.mark.parametrize("python", pythons())
def test_every_python_here_runs_it(python: str) -> None:
    argv = [python, "-W", "error", "-S", "-E", "-", "--anonymous"]
    printed = subprocess.run(argv, input=SOURCE, capture_output=True, check=True).stdout
    assert Facts.model_validate_json(printed).arch


def test_that_check_would_find_something() -> None:
    with pytest.raises(SyntaxError):
        ast.parse("if (n := 1): pass", feature_version=(3, 6))


def test_it_changes_nothing(tmp_path: Path) -> None:
    """Started in an empty folder as its home and temporary folder, it leaves that empty."""
    environment = {"HOME": str(tmp_path), "TMPDIR": str(tmp_path), "PATH": "/usr/bin:/bin"}
    argv = [sys.executable, "-S", "-E", "-"]
    subprocess.run(
        argv, input=SOURCE, capture_output=True, check=True, cwd=tmp_path, env=environment
    )
    assert list(tmp_path.iterdir()) == []


def test_a_device_that_is_not_there(tmp_path: Path) -> None:
    found = kvm(str(tmp_path / "kvm"))
    assert (found["device"], found["open"], found["guest_ran"]) == ("absent", None, None)
    assert "No such file" in found["problem"]


def test_a_file_is_no_device(tmp_path: Path) -> None:
    fake = tmp_path / "kvm"
    fake.write_bytes(b"x" * 4096)
    found = kvm(str(fake))
    assert (found["device"], found["open"], found["guest_ran"]) == ("other", True, False)
    assert fake.read_bytes() == b"x" * 4096


def test_a_folder_cannot_even_be_opened(tmp_path: Path) -> None:
    found = kvm(str(tmp_path))
    assert (found["device"], found["open"], found["guest_ran"]) == ("other", False, None)


def test_a_character_device_that_is_not_kvm_s() -> None:
    found = kvm("/dev/null")
    assert (found["device"], found["open"], found["guest_ran"]) == ("char", True, False)
    assert (found["vmx"], found["svm"]) == (None, None)
    assert "ioctl" in found["problem"]


def test_a_path_below_a_file_is_unknown_not_absent(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert kvm(str(tmp_path / "file" / "kvm"))["device"] is None


def test_a_reader_that_fails_is_unknown_with_its_reason() -> None:
    found = report.Facts()
    found.add("dmi", lambda: Source().text("/nonexistent/sys_vendor"))
    found.add("kernel", lambda: "6.1")
    assert found.values == {"kernel": "6.1"}
    assert found.unknown["dmi"].startswith("FileNotFoundError: ")


def test_bytes_that_are_not_text_are_kept_as_escapes(tmp_path: Path) -> None:
    odd = tmp_path / "odd"
    odd.write_bytes(b"\xffvendor\0\n")
    assert Source().text(str(odd)) == "\\xffvendor"
