"""A guest that puts something for the terminal into every string that it has: all that is printed.

What its host name, CPU model, kernel, clock, error texts, tool's version and figures' names can do.
"""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from facts_examples import document
from hostile import HOSTILE, obeyed
from measured import RUN, machine, result, series
from nestlab.cli.app import app
from nestlab.cli.failure import render_error, show_bug
from nestlab.cli.status import _draw
from nestlab.enable.describe import describe
from nestlab.enable.steps import Plan, WriteFile
from nestlab.errors import NestlabError
from nestlab.lab.access.status import LabStatus, MachineStatus
from nestlab.result.models import Facts, Result, Series

NAME = 4096
"""Characters that a result file's names may have; the facts in it have no limit."""

hostile = pytest.mark.parametrize("odd", HOSTILE, ids=range(len(HOSTILE)))


def guest(odd: str, *, kernel: str) -> Result:
    """A run in which the guest says it wherever it can."""
    name = odd[:NAME]
    identity = {"hostname": odd, "cpu_model": odd, "kernel": odd + kernel, odd: odd}
    conditions = {"clocksource": odd, "disk": odd, "qemu": odd + kernel}
    facts = Facts(identity=identity, conditions=conditions, unknown={odd: odd})
    l1 = machine("l1").model_copy(update={"facts": facts})
    values = (10.0, 30.0, 10.1, 30.2, 10.2, 30.1, 10.3, 30.3, 10.1, 30.4)
    named = {"workload": name, "case": name, "metric": name, "unit": name, "tool_version": name}
    figures = [
        Series(**{**dict(series(where, "a", "x", *values)), **named, "params": {name: place}})
        for place, where in enumerate(("l0", "l1"))
    ]
    failed = series("l1", "b", "y", reason=name)
    told = result(*figures, failed, machines=(machine("l0"), l1))
    return told.model_copy(update={"warnings": (name,), "run": RUN.model_copy(update={"id": name})})


def saved(file: Path, whole: Result) -> str:
    file.write_text(whole.model_dump_json(by_alias=True), "utf-8")
    return str(file)


def nestlab(*words: str) -> str:
    """What it prints; an error is shown as the command shows it."""
    done = CliRunner().invoke(app, list(words), env={"COLUMNS": "100", "NO_COLOR": "1"})
    if isinstance(done.exception, NestlabError):
        return done.output + render_error(done.exception)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return str(done.output)


def judge(text: str) -> None:
    """Nothing is obeyed, and nothing fills the screen."""
    assert text
    assert obeyed(text) == []
    assert len(text) < 500_000


def judge_json(text: str) -> None:
    """It is whole, because programs read it, and nothing in it is obeyed on a terminal."""
    assert json.loads(text)
    assert [each for each in obeyed(text) if each != "stacked marks"] == []


@hostile
def test_a_report(tmp_path: Path, odd: str) -> None:
    file = saved(tmp_path / "a", guest(odd, kernel="1"))
    judge(nestlab("report", file))
    judge(nestlab("report", file, "--format", "markdown"))
    judge_json(nestlab("report", file, "--format", "json"))


@hostile
def test_a_comparison(tmp_path: Path, odd: str) -> None:
    a = saved(tmp_path / "a", guest(odd, kernel="1"))
    b = saved(tmp_path / "b", guest(odd, kernel="2"))
    words = ("compare", a, b, "--force", "--format")
    judge(nestlab(*words, "table"))
    judge(nestlab(*words, "markdown"))
    judge_json(nestlab(*words, "json"))


@hostile
def test_a_refusal_to_compare(tmp_path: Path, odd: str) -> None:
    a = saved(tmp_path / "a", guest(odd, kernel="1"))
    b = saved(tmp_path / "b", guest(odd, kernel="2"))
    text = nestlab("compare", a, b)
    assert "compare.not-comparable" in text
    judge(text)


@hostile
def test_a_result_file_that_is_damaged(tmp_path: Path, odd: str) -> None:
    file = tmp_path / "a"
    file.write_text(json.dumps({"schema": "nestlab.result/1", odd: odd}))
    text = nestlab("report", str(file))
    assert "result.damaged" in text
    judge(text)


def facts_file(file: Path, odd: str) -> str:
    text = odd[:4096]
    found = document(
        kernel=text,
        clocksource={"current": text, "available": [text]},
        cpu={"vendor": text, "model": text, "flags": [], "online": 2, "usable": [0, 1]},
        os_release={"id": text, "id_like": text, "version_id": text},
        dmi={"sys_vendor": text, "product_name": text},
        unknown={"entropy": text},
    )
    found["kvm"] = {**found["kvm"], "guest_ran": False, "problem": text}
    file.write_text(json.dumps(found))
    return str(file)


@hostile
def test_a_diagnosis(tmp_path: Path, odd: str) -> None:
    words = ("doctor", "--facts", facts_file(tmp_path / "f.json", odd))
    judge(nestlab(*words))
    judge(nestlab(*words, "--verbose"))
    judge_json(nestlab(*words, "--json"))


@hostile
def test_a_diagnosis_of_many(tmp_path: Path, odd: str) -> None:
    files = [facts_file(tmp_path / name, odd) for name in ("a.json", "b.json")]
    judge(nestlab("doctor", "--facts", files[0], "--facts", files[1]))


@hostile
def test_the_status_of_a_lab(capsys: pytest.CaptureFixture[str], odd: str) -> None:
    down = MachineStatus(
        path="l1", level=1, parent="l0", state="unreachable", reason=odd, hypervisor="libvirt",
        accelerator="kvm", emulated=False, address=None, vcpus=2, memory=1 << 30,
        disk_used=None, uptime=None,
    )  # fmt: skip
    _draw([LabStatus(id="x", name=odd, state="kept", folder="/x", host=odd, machines=(down,))])
    judge(capsys.readouterr().out)


@hostile
def test_an_error_with_all_its_notes(odd: str) -> None:
    problem = NestlabError("guest.died", odd, where=odd, log=odd, hint=odd, notes=(odd, odd))
    problem.add_note(odd)
    text = render_error(problem)
    assert len(text.split("\n")) == 7
    judge(text)


@hostile
def test_a_bug_with_words_of_a_guest(capsys: pytest.CaptureFixture[str], odd: str) -> None:
    show_bug(f"Traceback …\nValueError: {odd}\n")
    judge(capsys.readouterr().err)


@hostile
def test_a_file_that_enable_would_change(odd: str) -> None:
    step = WriteFile("/etc/modprobe.d/nestlab.conf", odd.encode(), 0o644, before=None)
    judge("\n".join(describe(Plan("enable", (step,)))))
