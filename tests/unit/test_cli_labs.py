"""`ls`, `down` and the help of every command, within this process."""

import json
import os
import re
import secrets
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from typer.main import get_command
from typer.testing import CliRunner

from cli_process import NESTLAB
from lab_examples import L1, L2, home, saved
from nestlab.cli.app import app
from nestlab.errors import NestlabError, StoredDataError, UsageError
from nestlab.lab.record.lock import hold

COMMANDS = (
    *("doctor", "enable", "disable", "expose", "demo", "up", "ls", "status", "exec", "ssh", "cp"),
    "logs",
    *("console", "ssh-config", "inventory", "stop", "start", "reboot", "grow", "add", "remove"),
    *("snapshot", "down", "bench", "image", "report", "compare", "schema"),
)


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A folder whose `cache` and `state` are NESTLAB_HOME's."""
    return tmp_path


def run(base: Path, *words: str) -> str:
    """What a command prints on stdout; its errors are raised."""
    environment = {"NESTLAB_HOME": str(base), "COLUMNS": "80", "NO_COLOR": "1"}
    done = CliRunner().invoke(app, list(words), env=environment)
    if isinstance(done.exception, NestlabError):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.stdout


def test_every_command_is_known() -> None:
    listed = getattr(get_command(app), "commands", {})
    assert set(listed) == set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(base: Path, command: str) -> None:
    text = run(base, command, "--help")
    assert text.startswith(f"Usage: nestlab {command}") or f" {command} " in text.splitlines()[0]
    assert len(text.splitlines()) > 4
    assert list(base.iterdir()) == []


def test_the_help_of_demo_has_examples_that_parse(base: Path) -> None:
    text = run(base, "demo", "--help")
    examples = re.findall(r"^ *nestlab demo((?: --[a-z-]+(?: \d+)?)+)", text, re.MULTILINE)
    assert len(examples) >= 4
    known = set(re.findall(r"--[a-z-]+", text[: text.index("Examples:")]))
    assert {word for example in examples for word in re.findall(r"--[a-z-]+", example)} <= known


def test_options_that_exclude_each_other(base: Path) -> None:
    with pytest.raises(UsageError) as caught:
        run(base, "demo", "--quick", "--full")
    assert caught.value.code == "demo.options"
    assert list(base.iterdir()) == []


def test_without_labs_nothing_is_listed(base: Path) -> None:
    assert run(base, "ls") == ""
    assert json.loads(run(base, "ls", "--json")) == {"labs": []}
    assert list(base.iterdir()) == []


def test_labs_are_listed_with_what_they_are(base: Path) -> None:
    busy, _ = saved(base, "aa", guests=(L1,))
    saved(base, "bb", kept=True, guests=(L1, L2))
    folder, _ = saved(base, "cc")
    with hold(busy, "aa"):
        listed, told = run(base, "ls"), run(base, "ls", "--json")
    assert [line.split() for line in listed.splitlines()] == [
        ["aa", "-", "busy", "l1"],
        ["bb", "-", "kept", "l1", "l1/l2"],
        ["cc", "-", "left", "over"],
    ]
    labs = json.loads(told)["labs"]
    assert [lab["state"] for lab in labs] == ["busy", "kept", "left over"]
    assert labs[1]["machines"] == ["l1", "l1/l2"]
    assert labs[2]["folder"] == str(folder)


def test_a_kept_lab_is_taken_down(base: Path) -> None:
    folder, _ = saved(base, "bb", kept=True)
    assert run(base, "down", "bb") == ""
    assert not folder.exists()
    assert run(base, "ls") == ""


def test_taking_down_tells_what_it_does_on_stderr(base: Path) -> None:
    saved(base, "bb", kept=True, guests=(L1, L2))
    done = CliRunner().invoke(app, ["down", "bb"], env={"NESTLAB_HOME": str(base)})
    assert done.stdout == ""
    words = [line.partition("] ")[2] for line in done.stderr.splitlines()]
    assert words == [
        "l1: ending its QEMU",
        "l1: ok ended, with all that ran in it",
        "lab: removing its folders",
        "lab: ok bb is down",
    ]


STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    " print('up', flush=True); time.sleep(60)"
)


def test_an_interrupted_down_ends_with_130_and_can_be_done_again(base: Path) -> None:
    lab = secrets.token_hex(5)
    record = L1.model_copy(update={"identity": f"nestlab-{lab}-l1"})
    folder, _ = saved(base, lab, kept=True, guests=(record,))
    qemu = [sys.executable, "-S", "-E", "-c", STUBBORN, f"guest={record.identity}"]
    command = [*NESTLAB, "down"]
    environment = {**os.environ, "NESTLAB_HOME": str(base)}
    with subprocess.Popen(qemu, stdout=subprocess.PIPE, text=True) as stubborn:
        assert stubborn.stdout
        assert stubborn.stdout.readline() == "up\n"
        with subprocess.Popen(
            command, stderr=subprocess.PIPE, text=True, env=environment
        ) as taking_down:
            assert taking_down.stderr
            assert "l1: ending its QEMU" in taking_down.stderr.readline()
            taking_down.send_signal(signal.SIGINT)
            _, words = taking_down.communicate(timeout=10)
        assert taking_down.returncode == 130
        assert f"stopping; `nestlab down {lab}` goes on with it" in words
        assert "Traceback" not in words
        assert folder.exists()
        stubborn.kill()
    run(base, "down")
    assert not folder.exists()


def test_the_only_lab_needs_no_name(base: Path) -> None:
    saved(base, "cc")
    run(base, "down")
    assert list(home(base).labs.iterdir()) == []


def test_a_lab_in_use_is_left_to_its_owner(base: Path) -> None:
    folder, _ = saved(base, "aa")
    with hold(folder, "aa"), pytest.raises(UsageError) as caught:
        run(base, "down", "aa")
    assert caught.value.code == "lab.busy"
    assert f"kill {os.getpid()}" in (caught.value.hint or "")
    assert folder.exists()


@pytest.mark.parametrize("kind", ["facts", "result"])
def test_schemas_are_schemas(base: Path, kind: str) -> None:
    Draft202012Validator.check_schema(json.loads(run(base, "schema", kind)))


def test_an_unknown_lab(base: Path) -> None:
    with pytest.raises(StoredDataError) as caught:
        run(base, "down", "nothing")
    assert caught.value.code == "lab.unknown"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--workload", "nothing"), "workload.unknown"),
        (("--workload", "nothing", "--workload", "unixbench"), "workload.unknown"),
        (("--workload", "fio:rww=read"), "lab-file.unknown-key"),
        (("--workload", "fio:options={exec_prerun: rm}"), "lab-file.value"),
        (("--workload", "fio", "--workload", "fio:rw=randread"), "workload.twice"),
        (("--workload", "fio:jobfile=/no/x.fio"), "workload.bad-job-file"),
        (("--archive", "/x.tar"), "bench.options"),
        (("--workload", "unixbench", "--archive", "/no/x.tar"), "unixbench.bad-archive"),
    ],
)
def test_workloads_are_chosen_before_anything_begins(
    base: Path, words: tuple[str, ...], code: str
) -> None:
    with pytest.raises(UsageError) as caught:
        run(base, "demo", *words)
    assert caught.value.code == code
    assert list(base.iterdir()) == []
