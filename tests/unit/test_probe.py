"""The probe, run for real as it is run on every machine: by its text on stdin."""

import ast
import json
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from facts_examples import facts
from nestlab.facts import probe
from nestlab.facts.model import Facts

SOURCE = files("nestlab.facts").joinpath("probe.py").read_bytes()


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
    found = probe.kvm(str(tmp_path / "kvm"))
    assert (found["device"], found["open"], found["guest_ran"]) == ("absent", None, None)
    assert "No such file" in found["problem"]


def test_a_file_is_no_device(tmp_path: Path) -> None:
    fake = tmp_path / "kvm"
    fake.write_bytes(b"x" * 4096)
    found = probe.kvm(str(fake))
    assert (found["device"], found["open"], found["guest_ran"]) == ("other", True, False)
    assert fake.read_bytes() == b"x" * 4096


def test_a_folder_cannot_even_be_opened(tmp_path: Path) -> None:
    found = probe.kvm(str(tmp_path))
    assert (found["device"], found["open"], found["guest_ran"]) == ("other", False, None)


def test_a_character_device_that_is_not_kvm_s() -> None:
    found = probe.kvm("/dev/null")
    assert (found["device"], found["open"], found["guest_ran"]) == ("char", True, False)
    assert (found["vmx"], found["svm"]) == (None, None)
    assert "ioctl" in found["problem"]


def test_a_path_below_a_file_is_unknown_not_absent(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert probe.kvm(str(tmp_path / "file" / "kvm"))["device"] is None


def test_a_reader_that_fails_is_unknown_with_its_reason() -> None:
    found = probe.Facts()
    found.add("dmi", lambda: probe.read("/nonexistent/sys_vendor"))
    found.add("kernel", lambda: "6.1")
    assert found.values == {"kernel": "6.1"}
    assert found.unknown["dmi"].startswith("FileNotFoundError: ")


def test_bytes_that_are_not_text_are_kept_as_escapes(tmp_path: Path) -> None:
    odd = tmp_path / "odd"
    odd.write_bytes(b"\xffvendor\0\n")
    assert probe.read(str(odd)) == "\\xffvendor"


@pytest.mark.parametrize(
    ("printed", "on"),
    [("Y", True), ("y", True), ("1", True), ("N", False), ("n", False), ("0", False)],
)
def test_the_parameter_nested_is_a_bool_or_an_int(printed: str, on: bool) -> None:
    found = facts(nested={"kvm_intel": printed})
    assert found.nested_on is on
    assert found.nested_module == "kvm_intel"


@pytest.mark.parametrize("nothing", [{}, None])
def test_without_a_module_nested_is_unknown(nothing: dict[str, str] | None) -> None:
    assert facts(nested=nothing).nested_on is None
    assert facts(nested=nothing).nested_module is None


@pytest.mark.parametrize(
    "change",
    [
        {"surprise": 1},
        {"schema": "nestlab.facts/2"},
        {"unknown": None},
        {"routes": ["192.0.2.1/24"]},
        {"routes": ["fe80::/64"]},
        {"memory": {"total": 0, "available": 0}},
        {"load": [0.1, float("nan"), 0.1]},
        {"load": [0.1, float("inf"), 0.1]},
        {"kernel": "x" * 5000},
        {"cpu": None, "dmi": {"sys_vendor": "x", "product_name": "y", "serial": "z"}},
    ],
)
def test_facts_of_another_shape_are_refused(change: dict[str, Any]) -> None:
    facts()
    with pytest.raises(ValidationError):
        facts(**change)
