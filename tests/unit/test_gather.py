"""Facts by way of a machine: a real one, and ones whose answers cannot be trusted."""

import asyncio
import json
import shutil
from pathlib import Path

import pytest

from facts_examples import document
from nestlab.deadline import Deadline
from nestlab.errors import MachineError
from nestlab.facts.gather import DEFAULT, ProbeOptions, gather
from nestlab.facts.model import Facts
from nestlab.machine.fake import FakeMachine, answer
from nestlab.machine.local import LocalMachine, search_path
from nestlab.machine.protocol import Completed, Machine

ARGV = ("python3", "-S", "-E", "-")


def gathered(machine: Machine, options: ProbeOptions = DEFAULT) -> Facts:
    return asyncio.run(gather(machine, deadline=Deadline.after(20), options=options))


def refusal(machine: Machine, options: ProbeOptions = DEFAULT) -> MachineError:
    with pytest.raises(MachineError) as caught:
        gathered(machine, options)
    assert caught.value.where == f"{machine.path}, while reading its facts"
    assert caught.value.hint
    return caught.value


def test_this_machine_tells_its_facts() -> None:
    found = gathered(LocalMachine())
    assert found.kernel
    assert found.cpu


def test_the_probe_travels_on_stdin() -> None:
    sent = []

    def python(_argv: tuple[str, ...], stdin: bytes) -> Completed:
        sent.append(stdin)
        return answer(json.dumps(document()))

    machine = FakeMachine("l1", programs={"python3": python})
    assert gathered(machine).arch == "x86_64"
    assert machine.ran == [ARGV]
    assert b"nestlab.facts/1" in sent[0]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (ProbeOptions(functional=False), ("--no-probe",)),
        (ProbeOptions(anonymous=True), ("--anonymous",)),
        (ProbeOptions(root="/a copy"), ("--root", "/a copy")),
        (
            ProbeOptions(functional=False, anonymous=True, root="x"),
            ("--root", "x", "--no-probe", "--anonymous"),
        ),
    ],
)
def test_options_travel_as_words(options: ProbeOptions, words: tuple[str, ...]) -> None:
    machine = FakeMachine("l1", answers={(*ARGV, *words): answer(json.dumps(document()))})
    assert gathered(machine, options).arch == "x86_64"


def test_a_copy_on_this_machine(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/os-release").write_text("ID=fedora\n")
    found = gathered(LocalMachine(), ProbeOptions(root=str(tmp_path)))
    assert found.os_release
    assert found.os_release.id == "fedora"
    assert found.cpu is None


def test_a_copy_that_is_not_there(tmp_path: Path) -> None:
    options = ProbeOptions(root=str(tmp_path / "gone"))
    error = refusal(LocalMachine(), options)
    assert (error.code, error.notes) == (
        "facts.unreadable",
        (f"probe.py: {tmp_path / 'gone'} is not a folder",),
    )


def test_a_machine_without_python_is_asked_by_its_shell() -> None:
    sent = []

    def sh(_argv: tuple[str, ...], stdin: bytes) -> Completed:
        sent.append(stdin)
        return answer(json.dumps(document(arch="riscv64")))

    machine = FakeMachine("l1", programs={"sh": sh})
    assert gathered(machine).arch == "riscv64"
    assert machine.ran == [ARGV, ("sh", "-s")]
    assert sent[0].startswith(b"#!/bin/sh")


def test_this_machine_without_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sh").symlink_to("/bin/sh")
    monkeypatch.setenv("PATH", str(tmp_path))
    if shutil.which("python3", path=search_path({"PATH": str(tmp_path)})):
        pytest.skip("the system's own folders have a python3")
    found = gathered(LocalMachine())
    assert found.kernel
    assert found.unknown["routes"] == "needs python3"


@pytest.mark.parametrize(
    "shell",
    [
        None,
        answer(status=1, stderr="sh: syntax error"),
        answer("not JSON"),
        answer(signal="KILL"),
    ],
)
def test_a_machine_without_python_whose_shell_fails(shell: Completed | None) -> None:
    machine = FakeMachine("l1/l2")
    if shell is not None:
        machine.answers["sh", "-s"] = shell
    error = refusal(machine)
    assert error.code == "facts.no-python"
    assert "l1/l2 has no python3" in error.message
    assert bool(error.notes) == bool(shell and (shell.stdout or shell.stderr))


def test_a_shell_reads_no_copies() -> None:
    machine = FakeMachine("l1", answers={("sh", "-s"): answer(json.dumps(document()))})
    assert refusal(machine, ProbeOptions(root="/copy")).code == "facts.no-python"
    assert machine.ran == [(*ARGV, "--root", "/copy")]


def test_a_python_that_fails_is_quoted() -> None:
    trace = "Traceback\n" + "".join(f"line {number}\n" for number in range(9)) + "ImportError: x"
    machine = FakeMachine("l1", answers={ARGV: answer(status=1, stderr=trace)})
    error = refusal(machine)
    assert error.code == "facts.unreadable"
    assert "status 1" in error.message
    assert error.notes[-1] == "ImportError: x"
    assert len(error.notes) == 5


@pytest.mark.parametrize(
    "printed",
    [
        b"",
        b"bash: warning: cannot set locale\n",
        b"\x7fELF\xff\x00\xfe" * 100,
        b"[]",
        b"null",
        b"[" * 100_000,
        json.dumps(document()).encode()[:-40],
        json.dumps(document()).encode() + b"\nGoodbye",
        json.dumps(document(surprise=1)).encode(),
        json.dumps(document(kernel=["x"] * 1000)).encode(),
        json.dumps(document(unknown={"x": "y" * (2 << 20)})).encode(),
    ],
    ids=lambda printed: repr(printed[:20]),
)
def test_what_is_not_the_facts_is_refused(printed: bytes) -> None:
    error = refusal(FakeMachine("l1", answers={ARGV: answer(printed)}))
    assert error.code == "facts.unreadable"
    assert error.notes
    assert all(len(note) < 1000 for note in error.notes)


def test_a_lost_machine_stays_a_lost_machine() -> None:
    machine = FakeMachine("l1")
    machine.lose()
    with pytest.raises(MachineError) as caught:
        gathered(machine)
    assert caught.value.code == "machine.lost"
