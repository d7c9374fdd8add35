"""`doctor --root DIR` on copies of machines: what is read there, and what is judged of it.

`python tests/unit/test_offline.py` writes the golden verdicts anew; the expectation in the header
of each machine is written by hand and stays.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nestlab.check.verdict import Verdict, judge
from nestlab.facts import bundle
from nestlab.facts.model import Facts
from offline_trees import LINK, OFFLINE, names, read_tree, unpack

HUGE = 64 << 20
# No number, no Y, no flag: whatever it replaces, it cannot say yes.
GARBAGE = b"\x00\xff\xfe\x80\x1b[31m"


def probe(root: Path) -> Facts:
    """What the probe says of the copy in `root`."""
    argv = [sys.executable, "-S", "-E", "-", "--root", str(root)]
    program = bundle.source()
    done = subprocess.run(argv, input=program, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    assert not done.stderr
    return Facts.model_validate_json(done.stdout)


def golden(verdict: Verdict) -> dict[str, Any]:
    """A verdict as tests/offline/NAME.json keeps it."""
    found = [each for each in verdict.findings if each.severity != "ok"]
    return {
        "ready": verdict.ready,
        "proved": verdict.proved,
        "emulated_only": verdict.emulated_only,
        "max_depth": verdict.max_depth,
        "verdict": verdict.verdict,
        "broken_link": verdict.broken_link,
        "codes": sorted(f"{each.code} {each.severity}" for each in found),
    }


@cache
def look(name: str) -> dict[str, Any]:
    """The verdict about the machine `name`."""
    with tempfile.TemporaryDirectory() as folder:
        unpack(read_tree(name), Path(folder))
        return golden(judge(probe(Path(folder))))


@pytest.mark.parametrize("name", names())
def test_a_machine_is_what_its_header_expects(name: str) -> None:
    found = look(name)
    expect = read_tree(name).expect
    assert {key: found[key] for key in expect} == expect


@pytest.mark.parametrize("name", names())
def test_a_machine_has_its_golden_verdict(name: str) -> None:
    assert look(name) == json.loads((OFFLINE / f"{name}.json").read_text())


@pytest.mark.parametrize("name", names())
def test_a_copy_proves_nothing(name: str) -> None:
    assert look(name)["proved"] is False


@pytest.mark.parametrize("name", names())
def test_a_machine_says_where_its_format_comes_from(name: str) -> None:
    tree = read_tree(name)
    assert "\n# Format: " in tree.header
    assert all(line.startswith("#") for line in tree.header.rstrip("\n").splitlines())
    assert "ready" in tree.expect or "emulated_only" in tree.expect


def test_every_golden_verdict_belongs_to_a_machine() -> None:
    assert sorted(path.stem for path in OFFLINE.glob("*.json")) == names()


def test_an_empty_folder_is_unknown_and_not_ready(tmp_path: Path) -> None:
    facts = probe(tmp_path)
    verdict = judge(facts)
    assert not verdict.ready
    assert not verdict.proved
    assert facts.kvm is None or facts.kvm.device is None
    assert {"cpu", "kernel"} <= facts.unknown.keys()


def test_a_copy_is_not_mixed_with_the_machine_that_reads_it(tmp_path: Path) -> None:
    """Links that lead out of the copy are not followed: the reader's files are not evidence."""
    outside = tmp_path / "outside"
    outside.write_text("Y\n")
    root = tmp_path / "root"
    unpack(read_tree("intel-off"), root)
    nested = root / "sys/module/kvm_intel/parameters/nested"
    for target in (str(outside), os.path.relpath(outside, nested.parent)):
        nested.unlink()
        nested.symlink_to(target)
        facts = probe(root)
        assert facts.nested_on is None
        assert not judge(facts).ready


def _truncate(place: Path, where: float) -> None:
    os.truncate(place, int(place.stat().st_size * where))


def _empty(place: Path, where: float) -> None:
    os.truncate(place, 0)


def _binary(place: Path, where: float) -> None:
    place.write_bytes(GARBAGE * (1 + int(where * 1000)))


def _huge(place: Path, where: float) -> None:
    """64 MiB that take no room on the disk, before or after the file's own words."""
    words = place.read_bytes()
    with place.open("wb") as file:
        file.seek(HUGE if where < 0.5 else 0)
        file.write(words)
        file.truncate(HUGE + len(words))


def _folder(place: Path, where: float) -> None:
    place.unlink()
    place.mkdir()


def _pipe(place: Path, where: float) -> None:
    place.unlink()
    os.mkfifo(place)


def _loop(place: Path, where: float) -> None:
    place.unlink()
    place.symlink_to(place.name)


DAMAGE: tuple[Callable[[Path, float], None], ...] = (
    _truncate,
    _empty,
    _binary,
    _huge,
    _folder,
    _pipe,
    _loop,
)


def _regular(name: str) -> list[str]:
    """The paths of a machine's files, without folders and links."""
    contents = read_tree(name).files
    return sorted(
        path
        for path, text in contents.items()
        if not path.endswith("/") and not text.startswith(LINK)
    )


CASES = st.sampled_from(names()).flatmap(
    lambda name: st.tuples(st.just(name), st.sampled_from(_regular(name)))
)


@pytest.fixture
def scratch(tmp_path: Path) -> Iterator[Path]:
    """A folder for one copy after the other."""
    yield tmp_path / "copy"
    shutil.rmtree(tmp_path / "copy", ignore_errors=True)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(case=CASES, damage=st.sampled_from(DAMAGE), where=st.floats(0, 1, exclude_max=True))
def test_a_damaged_file_never_makes_a_machine_ready(
    scratch: Path,
    case: tuple[str, str],
    damage: Callable[[Path, float], None],
    where: float,
) -> None:
    """The probe ends well, its facts are valid, and no is never turned into yes."""
    name, path = case
    shutil.rmtree(scratch, ignore_errors=True)
    unpack(read_tree(name), scratch)
    damage(scratch / path, where)
    verdict = judge(probe(scratch))
    assert not verdict.proved
    assert look(name)["ready"] or not verdict.ready


if __name__ == "__main__":
    for each in names():
        text = json.dumps(look(each), indent=2, ensure_ascii=False)
        (OFFLINE / f"{each}.json").write_text(text + "\n")
