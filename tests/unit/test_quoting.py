import string
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nestlab.errors import UsageError
from nestlab.machine.quoting import (
    COMMAND_LIMIT,
    checked_argv,
    ending_command,
    quote,
    remote_command,
)

TOKEN = "nestlab0123"

anything = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40)
nasty = st.text("'\"\\ $`~=-*?[]{}()<>|&;#!%\n\t\rab\u00fc\udcff", max_size=20)


def run_by(shell: str, command: bytes) -> subprocess.CompletedProcess[bytes]:
    argv = (shell, "-c", command)
    return subprocess.run(argv, capture_output=True, check=False, timeout=10)


@pytest.mark.parametrize("shell", ["/bin/sh", "/bin/bash"])
@settings(max_examples=60, deadline=None)
@given(arguments=st.lists(st.one_of(anything, nasty), max_size=6))
def test_a_real_shell_gives_back_every_argument(shell: str, arguments: list[str]) -> None:
    done = run_by(shell, remote_command(("printf", r"%s\0", *arguments), TOKEN))
    words = [word.encode("utf-8", "surrogateescape") for word in arguments]
    assert done.stdout == b"".join(word + b"\0" for word in words or [b""])
    assert done.returncode == 0


@given(st.text(string.printable))
def test_quoting_is_reversible(word: str) -> None:
    quoted = quote(word)
    assert quoted[0] == quoted[-1] == "'"
    assert "'".join(quoted[1:-1].split("'\\''")) == word


@pytest.mark.parametrize("shell", ["/bin/sh", "/bin/bash"])
@pytest.mark.parametrize(
    ("program", "status"),
    [("nestlab-no-such", 127), ("/no/such", 127), ("cd", 127), ("/etc/passwd", 126), ("/", 126)],
)
def test_a_program_that_does_not_start_is_marked(shell: str, program: str, status: int) -> None:
    done = run_by(shell, remote_command((program,), TOKEN))
    lines = done.stderr.decode().splitlines()
    assert lines[0].startswith(f"{TOKEN} ")
    assert lines[-1] == f"{TOKEN} {status}"
    assert done.returncode == status


def test_the_mark_is_the_pid_of_the_program() -> None:
    done = run_by("/bin/sh", remote_command(("sh", "-c", "echo $$"), TOKEN))
    assert done.stderr.split() == [TOKEN.encode(), done.stdout.strip()]


def test_nothing_starts_when_nobody_listens() -> None:
    command = b"exec 2>&-; " + remote_command(("echo", "started"), TOKEN)
    assert run_by("/bin/sh", command).stdout == b""


@pytest.mark.parametrize("argv", [(), ("",), ("-n",), ("echo", "\0"), ("echo", "\ud800")])
def test_what_no_machine_can_run_is_refused(argv: tuple[str, ...]) -> None:
    with pytest.raises(UsageError) as caught:
        checked_argv(argv)
    assert caught.value.code == "argv.invalid"


def test_a_command_line_longer_than_linux_takes_is_refused() -> None:
    assert len(remote_command(("x", "y" * (COMMAND_LIMIT - 1000)), TOKEN)) <= COMMAND_LIMIT
    with pytest.raises(UsageError) as caught:
        remote_command(("x", "y" * COMMAND_LIMIT), TOKEN)
    assert caught.value.code == "argv.too-long"
    assert caught.value.hint


@pytest.mark.parametrize("shell", ["/bin/sh", "/bin/bash"])
def test_ending_a_group(shell: str) -> None:
    with subprocess.Popen(("sleep", "83"), start_new_session=True) as group:
        with subprocess.Popen((shell, "-c", ending_command(group.pid))) as ending:
            assert group.wait(5) == -15  # reaped, or the ending would go on for its full 2 s
        assert ending.returncode == 0
    assert run_by(shell, ending_command(group.pid).encode()).stderr == b""
