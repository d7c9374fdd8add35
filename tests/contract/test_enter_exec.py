"""`nestlab exec` and `nestlab ssh`: status, streams, signals, terminals."""

import os
import pty
import signal
import subprocess
import time
from pathlib import Path

import pytest

from enter_lab import NESTLAB, EnterLab, enter_lab
from machine_worlds import processes
from sshd_world import Sshd

pytestmark = pytest.mark.slow


@pytest.fixture
def lab(sshd: Sshd, tmp_path: Path) -> EnterLab:
    if sshd.username != "root":
        pytest.skip("guests are entered as root")
    return enter_lab(tmp_path, sshd)


def wait_for(argv: tuple[str, ...]) -> None:
    end = time.monotonic() + 20
    while not processes(argv):
        assert time.monotonic() < end
        time.sleep(0.02)


def wait_for_end(argv: tuple[str, ...]) -> None:
    end = time.monotonic() + 20
    while processes(argv):
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.parametrize("target", ["l1", "l1/l2", "seed:l1", "0a1b2c3d4e:l1/l2"])
def test_streams_and_status_are_the_commands_own(lab: EnterLab, target: str) -> None:
    script = "cat; echo to stderr >&2; exit 7"
    done = lab.run("exec", target, "--", "sh", "-c", script, stdin=b"\0in\xff\n")
    assert done == (7, b"\0in\xff\n", "to stderr\n")


def test_an_argv_is_not_read_by_a_shell(lab: EnterLab) -> None:
    words = ["$HOME", "a b", "*", "'", "new\nline", "-n", "", "--"]
    out = lab.does("exec", "l1", "printf", r"%s\0", *words)
    assert out.decode().split("\0")[:-1] == words


@pytest.mark.parametrize(("name", "status"), [("KILL", 137), ("TERM", 143), ("USR1", 138)])
def test_a_signal_is_128_and_its_number(lab: EnterLab, name: str, status: int) -> None:
    assert lab.run("exec", "l1", "--", "sh", "-c", f"kill -{name} $$")[0] == status


def test_what_cannot_be_run(lab: EnterLab) -> None:
    status, out, err = lab.run("exec", "l1", "--", "no-such-program")
    assert (status, out) == (127, b"")
    assert "error[machine.no-such-program]" in err
    status, out, err = lab.run("exec", "l1", "--", "/etc/passwd")
    assert (status, out) == (126, b"")
    assert "error[machine.cannot-execute]" in err


def test_a_command_that_itself_says_127(lab: EnterLab) -> None:
    assert lab.run("exec", "l1", "--", "sh", "-c", "exit 127") == (127, b"", "")


def test_output_comes_while_it_is_written(lab: EnterLab) -> None:
    argv = ("sh", "-c", "echo ready; read word; echo got $word")
    with lab.start("exec", "l1", "--", *argv) as process:
        assert process.stdin
        assert process.stdout
        assert process.stdout.readline() == b"ready\n"
        process.stdin.write(b"this\n")
        process.stdin.flush()
        assert process.stdout.readline() == b"got this\n"
        assert process.wait(10) == 0  # although its stdin is still open


def test_a_long_output_is_not_held_in_memory(lab: EnterLab) -> None:
    size = 200 << 20
    with lab.start("exec", "l1/l2", "--", "head", "-c", str(size), "/dev/zero") as process:
        assert process.stdout
        time.sleep(2)  # nobody reads: it must not pile up meanwhile
        status = Path(f"/proc/{process.pid}/status").read_text()
        peak = int(status.partition("VmHWM:")[2].split()[0]) << 10
        assert peak < 150 << 20
        read = 0
        while chunk := process.stdout.read(1 << 20):
            read += len(chunk)
        assert read == size
        assert process.wait(10) == 0


def test_a_long_input_arrives(lab: EnterLab) -> None:
    assert lab.does("exec", "l1", "--", "wc", "-c", stdin=bytes(20 << 20)).strip() == b"20971520"


def test_a_reader_that_goes_away_ends_the_command(lab: EnterLab) -> None:
    argv = ("yes", str(lab.base))
    with lab.start("exec", "l1", "--", *argv) as process:
        assert process.stdout
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(20) == 128 + signal.SIGPIPE
    wait_for_end(argv)


def test_an_output_that_is_full_ends_the_command(lab: EnterLab) -> None:
    descriptor = os.open("/dev/full", os.O_WRONLY)
    with lab.start("exec", "l1", "--", "echo", "word", stdout=descriptor) as process:
        _, err = process.communicate(timeout=20)
    os.close(descriptor)
    assert process.returncode == 3
    assert b"error[exec.not-written]" in err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_passed_on(lab: EnterLab, number: signal.Signals) -> None:
    argv = ("sleep", f"60.{os.getpid()}{number}")
    with lab.start("exec", "l1/l2", "--", *argv) as process:
        wait_for(argv)
        process.send_signal(number)
        _, err = process.communicate(timeout=20)
    assert process.returncode == 128 + number
    assert err == b""
    assert not processes(argv)


def test_a_command_may_mind_a_signal_itself(lab: EnterLab) -> None:
    script = "trap 'echo minded; exit 5' INT; echo ready; while :; do sleep 0.1; done"
    with lab.start("exec", "l1", "--", "sh", "-c", script) as process:
        assert process.stdout
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGINT)
        assert process.stdout.read() == b"minded\n"
        assert process.wait(20) == 5


def test_a_command_that_minds_no_signal_is_ended(lab: EnterLab) -> None:
    script = f"trap '' INT; echo ready; exec sleep 60 # {lab.base}"
    with lab.start("exec", "l1", "--", "sh", "-c", script) as process:
        assert process.stdout
        assert process.stdout.readline() == b"ready\n"
        for _ in range(3):
            process.send_signal(signal.SIGINT)
            time.sleep(0.3)
        assert process.wait(30) == 130


def test_a_lost_connection_is_an_error(sshd: Sshd, lab: EnterLab) -> None:
    argv = ("sh", "-c", "echo ready; sleep 60")
    with lab.start("exec", "l1/l2", "--", *argv) as process:
        assert process.stdout
        assert process.stdout.readline() == b"ready\n"
        sshd.kill_sessions()
        _, err = process.communicate(timeout=20)
    assert process.returncode == 4
    assert b"error[machine.lost]: the connection to l1/l2 is lost" in err


def test_nothing_is_left_open_to_a_closed_stdin(lab: EnterLab) -> None:
    with lab.start("exec", "l1", "--", "cat", stdin=subprocess.DEVNULL) as process:
        assert process.communicate(timeout=20) == (b"", b"")
    assert process.returncode == 0


def test_a_machine_that_is_not_there(lab: EnterLab) -> None:
    status, _, err = lab.run("exec", "l1/l9", "--", "true")
    assert status == 6
    assert "error[lab.no-such-machine]" in err
    assert "hint: its machines: l1, l1/l2" in err
    assert lab.run("exec", "other:l1", "--", "true")[0] == 6
    assert lab.run("exec", "l1;x", "--", "true")[0] == 2


@pytest.mark.parametrize(
    ("words", "status", "out"),
    [
        (
            ("exec", "-t", "l1/l2", "--", "sh", "-c", 'test -t 0 && echo "$1"', "sh", "a  b"),
            0,
            "a  b",
        ),
        (("exec", "-t", "l1", "--", "sh", "-c", "kill -TERM $$"), 143, ""),
        (("exec", "-t", "l1", "--", "sh", "-c", "exit 9"), 9, ""),
        (("ssh", "l1/l2", "printf", "%s", "a  b;$x"), 0, "a  b;$x"),
    ],
)
def test_openssh_takes_over(lab: EnterLab, words: tuple[str, ...], status: int, out: str) -> None:
    ended, printed, _ = lab.run(*words)
    assert ended == status
    assert printed.decode().startswith(out)


def test_ctrl_c_on_a_terminal_reaches_the_command(lab: EnterLab) -> None:
    ours, theirs = pty.openpty()
    script = "trap 'exit 6' INT; echo ready; while :; do sleep 0.1; done"
    words = ("exec", "-t", "l1", "--", "sh", "-c", script)
    with lab.start(*words, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        seen = b""
        while b"ready" not in seen:
            seen += os.read(ours, 4096)
        os.write(ours, b"\x03")
        assert process.wait(20) == 6
    os.close(ours)


def test_without_a_client(lab: EnterLab) -> None:
    environment = {**lab.environment, "PATH": "/nowhere"}
    argv = [*NESTLAB, "ssh", "l1"]
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert "error[ssh.no-client]" in done.stderr
    assert "hint: install it: `sudo apt-get install openssh-client`" in done.stderr
