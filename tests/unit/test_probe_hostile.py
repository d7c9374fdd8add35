"""Copies that are broken or meant to do harm: the probe ends well and claims nothing."""

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nestlab.facts.probe.report import Facts
from nestlab.facts.probe.source import ENTRIES
from probe_trees import WHOLE, look, plant

HUGE = 1 << 30


def empty(place: Path) -> None:
    place.write_bytes(b"")


def folder(place: Path) -> None:
    place.unlink()
    place.mkdir()


def fifo(place: Path) -> None:
    place.unlink()
    os.mkfifo(place)


def loop(place: Path) -> None:
    place.unlink()
    place.symlink_to(place.name)


def outside(place: Path) -> None:
    place.unlink()
    place.symlink_to("../" * 40 + "etc/shadow")


def absolute(place: Path) -> None:
    place.unlink()
    place.symlink_to("/etc/shadow")


def huge(place: Path) -> None:
    os.truncate(place, HUGE)  # sparse, after what it had


def gone(place: Path) -> None:
    place.unlink()


HARMS = (empty, folder, fifo, loop, outside, absolute, huge, gone)

NUMBERS = st.sampled_from([b"9" * 30, b"-1", b"1e999", b"nan", b"0", "٣".encode()])
CONTENT = st.one_of(st.binary(max_size=400), st.text(max_size=200).map(str.encode), NUMBERS)


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return plant(tmp_path_factory.mktemp("honest"), WHOLE)


def claims_nothing_more(root: Path) -> None:
    """The copy is of a machine whose nesting is off: no damage may turn it on."""
    found = look(root)
    assert not found.nested_on
    assert not (found.kvm and (found.kvm.guest_ran or found.kvm.open))
    assert "root:" not in found.model_dump_json()


@pytest.mark.parametrize("harm", HARMS)
def test_one_file_is_harmed(tmp_path: Path, harm: Callable[[Path], None]) -> None:
    plant(tmp_path, WHOLE)
    for name, content in WHOLE.items():
        place = tmp_path / name
        harm(place)
        claims_nothing_more(tmp_path)
        if place.is_dir():
            place.rmdir()
        else:
            place.unlink(missing_ok=True)
        plant(tmp_path, {name: content})


@pytest.mark.parametrize("harm", HARMS)
def test_all_files_are_harmed(tmp_path: Path, harm: Callable[[Path], None]) -> None:
    plant(tmp_path, WHOLE)
    for name in WHOLE:
        harm(tmp_path / name)
    claims_nothing_more(tmp_path)


@given(name=st.sampled_from(sorted(WHOLE)), content=CONTENT, cut=st.integers(0, 400))
def test_one_file_has_something_else_in_it(
    honest: Path, name: str, content: bytes, cut: int
) -> None:
    """The beginning of what it had, then anything."""
    if content.strip() in {b"1", b"Y", b"y"} and cut == 0:
        return  # it *is* another value
    place = honest / name
    before = place.read_bytes()
    try:
        place.write_bytes(before[:cut] + content)
        found = look(honest)
        assert not (found.nested_on and before[:cut])
        assert not (found.kvm and (found.kvm.guest_ran or found.kvm.open))
    finally:
        place.write_bytes(before)


def test_a_folder_with_too_many_names_is_unknown(tmp_path: Path) -> None:
    (tmp_path / "sys/class/net").mkdir(parents=True)
    for number in range(ENTRIES + 1):
        (tmp_path / f"sys/class/net/eth{number}").touch()
    assert "more than" in look(tmp_path).unknown["interfaces"]


def test_names_that_are_no_text(tmp_path: Path) -> None:
    place = plant(tmp_path, WHOLE) / os.fsdecode(b"sys/class/net/\xff\xfe/mtu")
    place.parent.mkdir()
    place.write_text("1500\n")
    interfaces = look(tmp_path).interfaces
    assert interfaces
    assert "\\xff\\xfe" in {each.name for each in interfaces}


def test_a_report_has_an_end(tmp_path: Path) -> None:
    base = "sys/devices/system/cpu/vulnerabilities/"
    found = look(plant(tmp_path, {f"{base}{number}": "x" * 4000 for number in range(1000)}))
    assert found.unknown["vulnerabilities"] == "more than a report can hold"


def test_a_device_is_not_opened(tmp_path: Path) -> None:
    (tmp_path / "proc").mkdir()
    try:
        os.mknod(tmp_path / "proc/cpuinfo", stat.S_IFCHR | 0o600, os.makedev(1, 5))
    except PermissionError:
        pytest.skip("only root makes devices")
    assert "not a regular file: '/proc/cpuinfo'" in look(tmp_path).unknown["cpu"]


def test_one_reader_never_hurts_another() -> None:
    facts = Facts()

    def fails() -> object:
        return os.environ["NO SUCH KEY"]

    facts.add("a", fails)
    facts.add("b", lambda: float("nan"))
    facts.add("c", lambda: 1 << 64)
    facts.add("d", lambda: "\udcff" + "x" * 9999)
    assert set(facts.unknown) == {"a", "b", "c"}
    assert json.loads(json.dumps(facts.values["d"])).startswith("\\xffx")
