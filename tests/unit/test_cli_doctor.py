"""`nestlab doctor` as a user starts it: targets, files, formats, exit statuses."""

import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cli_process import Ended, nestlab
from facts_examples import document
from nestlab.facts.model import Facts
from offline_trees import read_tree, unpack


def json_of(done: Ended) -> list[dict[str, Any]]:
    found = json.loads(done.out)
    assert found["schema"] == "nestlab.doctor/1"
    targets: list[dict[str, Any]] = found["targets"]
    return targets


def saved(folder: Path, **changes: Any) -> str:
    file = folder / "facts.json"
    file.write_text(json.dumps(document(**changes)))
    return str(file)


def tree(folder: Path, name: str) -> str:
    place = folder / name
    unpack(read_tree(name), place)
    return str(place)


def test_this_machine(tmp_path: Path) -> None:
    done = nestlab("doctor", "--json", home=tmp_path)
    (found,) = json_of(done)
    assert found["target"] == "l0"
    assert done.status == (0 if found["ready"] else 1)
    assert found["proved"] == bool(found["facts"]["kvm"]["guest_ran"])
    assert set(found) == {
        "target", "ready", "proved", "emulated_only", "max_depth", "verdict", "broken_link",
        "findings", "facts",
    }  # fmt: skip
    for finding in found["findings"]:
        assert set(finding) == {"code", "severity", "what", "why", "remedy", "source"}


def test_only_looking_proves_nothing(tmp_path: Path) -> None:
    (found,) = json_of(nestlab("doctor", "--json", "--no-probe", home=tmp_path))
    assert found["facts"]["kvm"]["guest_ran"] is None
    assert not found["proved"]


def test_facts_that_somebody_sent(tmp_path: Path) -> None:
    done = nestlab("doctor", "--facts", saved(tmp_path), home=tmp_path)
    assert done.status == 0
    first = done.out.splitlines()[0]
    assert first.startswith(f"{tmp_path / 'facts.json'}: ready: ")


def test_an_offline_copy(tmp_path: Path) -> None:
    copy = tree(tmp_path, "intel-off")
    done = nestlab("doctor", "--root", copy, home=tmp_path)
    assert done.status == 1
    assert done.out.splitlines()[0].endswith(
        "not ready: nested virtualization is off (kvm_intel.nested=N)"
    )
    assert "nestlab enable" in done.out


def test_many_targets_are_a_table(tmp_path: Path) -> None:
    copies = [
        word for name in ("intel-off", "intel-on") for word in ("--root", tree(tmp_path, name))
    ]
    done = nestlab("doctor", *copies, "--facts", saved(tmp_path), home=tmp_path)
    assert done.status == 1
    assert "2 of 3 ready" in done.out
    assert "kvm.nested-disabled" in done.out


def test_a_target_that_cannot_be_asked_is_a_row(tmp_path: Path) -> None:
    done = nestlab("doctor", "--json", "--root", tree(tmp_path, "intel-on"), "--facts",
                   str(tmp_path / "gone"), home=tmp_path)  # fmt: skip
    assert done.status == 1
    rows = {Path(row["target"]).name: row for row in json_of(done)}
    assert rows["intel-on"]["ready"]
    gone = rows["gone"]
    assert (gone["facts"], gone["max_depth"]) == (None, None)
    assert gone["broken_link"] == gone["findings"][0]["code"] == "facts.no-such-file"


@pytest.mark.parametrize(
    ("words", "status", "code"),
    [
        (("a b",), 2, "target.unreadable"),
        (("--root", "/nowhere/at/all"), 2, "target.no-such-folder"),
        (("--facts", "/nowhere/at/all"), 6, "facts.no-such-file"),
        (("--collect", "x", "l0", "localhost"), 2, "doctor.options"),
        (("l1/l2",), 6, "lab.unknown"),
    ],
)
def test_bad_input(words: tuple[str, ...], status: int, code: str, tmp_path: Path) -> None:
    done = nestlab("doctor", *words, home=tmp_path)
    assert done.status == status
    assert f"error[{code}]" in done.err
    assert "hint: " in done.err
    assert done.out == ""


@pytest.mark.parametrize("text", ["", "{", '{"schema": "nestlab.facts/1"}', "[]", "\0\1"])
def test_a_file_that_is_no_facts(text: str, tmp_path: Path) -> None:
    (tmp_path / "facts").write_text(text)
    done = nestlab("doctor", "--facts", str(tmp_path / "facts"), home=tmp_path)
    assert done.status == 6
    assert "error[facts.file-unreadable]" in done.err


def test_what_is_collected_gives_the_same_verdict(tmp_path: Path) -> None:
    file = tmp_path / "mine.json"
    done = nestlab("doctor", "--collect", str(file), home=tmp_path)
    assert (done.status, done.out) == (0, "")
    facts = Facts.model_validate_json(file.read_bytes())
    assert facts.holders is None or all(holder.guest is None for holder in facts.holders)
    (live,) = json_of(nestlab("doctor", "--json", home=tmp_path))
    (sent,) = json_of(nestlab("doctor", "--json", "--facts", str(file), home=tmp_path))
    assert (sent["ready"], sent["broken_link"]) == (live["ready"], live["broken_link"])
    assert not re.search(rf"\b{re.escape(os.uname().nodename)}\b", file.read_text())


def test_collected_facts_can_go_into_a_pipe(tmp_path: Path) -> None:
    done = nestlab("doctor", "--collect", "-", home=tmp_path)
    assert Facts.model_validate_json(done.out).schema_ == "nestlab.facts/1"


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    done = nestlab("doctor", "--collect", str(tmp_path / "no" / "file"), home=tmp_path)
    assert done.status == 6
    assert "error[facts.not-written]" in done.err


def test_enable_on_a_machine_without_the_extension(tmp_path: Path) -> None:
    """The machine of these tests is never changed: a plan is all that is asked for."""
    done = nestlab("enable", "--dry-run", home=tmp_path)
    assert done.status in {0, 3}
    if done.status == 3:
        assert "error[enable." in done.err


def test_nothing_to_disable(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("looking at root's journal needs root")
    if Path("/var/lib/nestlab/enable.json").exists():
        pytest.skip("nesting was enabled here by nestlab")
    done = nestlab("disable", "--dry-run", "--json", home=tmp_path)
    assert done.status == 0
    assert json.loads(done.out)["nothing_to_do"]


def test_it_needs_no_ssh_library_for_this_machine(tmp_path: Path) -> None:
    program = tmp_path / "watch.py"
    program.write_text(
        "import sys\nfrom nestlab.cli.app import app\n"
        "try: app(['doctor', '--no-probe'])\nexcept SystemExit: pass\n"
        "heavy = {'asyncssh', 'scipy', 'altair'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    done = subprocess.run([sys.executable, program], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
