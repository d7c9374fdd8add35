"""`nestlab logs`, `console`, `status`, `ssh-config`, `inventory`: looking at a lab."""

import json
import os
import pty
import shlex
import shutil
import signal
import socket
import subprocess
import termios
import time
from pathlib import Path

import pytest

from enter_lab import HOSTILE_LOG, LAB, EnterLab, enter_lab
from nestlab.lab.record.state import GuestRecord, save_state
from sshd_world import Sshd

pytestmark = pytest.mark.slow


PATHS = ("l1", "l1/l2")


@pytest.fixture
def lab(sshd: Sshd, tmp_path: Path) -> EnterLab:
    if sshd.username != "root":
        pytest.skip("guests are entered as root")
    return enter_lab(tmp_path, sshd)


def change(lab: EnterLab, **changes: object) -> EnterLab:
    """The lab with something else in its state file."""
    state = lab.state.model_copy(update=changes)
    save_state(state, lab.base / "nestlab" / "state" / "labs" / LAB)
    return EnterLab(lab.base, state)


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


@pytest.mark.parametrize("path", PATHS)
def test_a_log_is_made_harmless(lab: EnterLab, path: str) -> None:
    (lab.guest(path) / "console.log").write_bytes(HOSTILE_LOG)
    shown = lab.does("logs", path).decode()
    assert shown == "Linux \\x1b[2J\\x9b31m\\xff\n\tok €\n\\u202eend"
    assert lab.does("logs", "--raw", path) == HOSTILE_LOG


@pytest.mark.parametrize("path", PATHS)
def test_the_log_of_qemu_and_none(lab: EnterLab, path: str) -> None:
    (lab.guest(path) / "qemu.log").write_text("a complaint\n")
    assert lab.does("logs", path, "--qemu") == b"a complaint\n"
    status, out, err = lab.run("logs", path)
    assert (status, out) == (4, b"")
    assert f"error[logs.missing]: {path} has printed nothing" in err


@pytest.mark.parametrize("path", PATHS)
def test_a_log_is_followed(lab: EnterLab, path: str) -> None:
    log = lab.guest(path) / "console.log"
    log.write_text("one\n")
    with lab.start("logs", "-f", path) as process:
        assert process.stdout
        assert process.stdout.readline() == b"one\n"
        with log.open("a") as more:
            more.write("two\n")
        assert process.stdout.readline() == b"two\n"
        log.write_text("new\n")  # begun anew
        assert process.stdout.readline() == b"new\n"
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=20)[1] == b""
    assert process.returncode == 130


def test_a_long_log_needs_little_memory(lab: EnterLab) -> None:
    size = 100 << 20
    with (lab.guest("l1") / "console.log").open("wb") as log:
        for _ in range(100):
            log.write(b"x" * (1 << 20))
    with lab.start("logs", "l1") as process:
        assert process.stdout
        shown = 0
        peak = 0
        while chunk := process.stdout.read(1 << 20):
            shown += len(chunk)
            if status := Path(f"/proc/{process.pid}/status").read_text():
                peak = max(peak, int((status.partition("VmHWM:")[2].split() or ["0"])[0]) << 10)
    assert shown == size
    assert peak < 120 << 20


def test_a_console_needs_a_terminal(lab: EnterLab) -> None:
    status, out, err = lab.run("console", "l1")
    assert (status, out) == (2, b"")
    assert "error[console.no-terminal]" in err
    assert "hint: `nestlab logs l1`" in err


def read_until(descriptor: int, wanted: bytes) -> bytes:
    seen = b""
    while wanted not in seen:
        seen += os.read(descriptor, 4096)
    return seen


@pytest.mark.parametrize("path", PATHS)
def test_a_console_on_a_terminal(lab: EnterLab, path: str) -> None:
    ours, theirs = pty.openpty()
    before = termios.tcgetattr(theirs)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(lab.guest(path) / "console"))
        server.listen()
        with lab.start("console", path, stdin=theirs, stdout=theirs, stderr=theirs) as process:
            guest, _ = server.accept()
            guest.settimeout(20)
            guest.sendall(b"login: ")
            read_until(ours, b"login: ")
            os.write(ours, b"root\x03\r")
            assert guest.recv(100) == b"root\x03\r"
            os.write(ours, b"last\x1d")
            assert process.wait(20) == 0
            assert guest.recv(100) == b"last"
            guest.close()
    assert b"detached" in read_until(ours, b"detached")
    assert termios.tcgetattr(theirs) == before


def test_a_console_that_closes(lab: EnterLab) -> None:
    ours, theirs = pty.openpty()
    before = termios.tcgetattr(theirs)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(lab.guest("l1") / "console"))
        server.listen()
        with lab.start("console", "l1", stdin=theirs, stdout=theirs, stderr=theirs) as process:
            server.accept()[0].close()
            assert process.wait(20) == 4
    assert b"error[console.closed]" in read_until(ours, b"logs l1")
    assert termios.tcgetattr(theirs) == before


def statuses(lab: EnterLab, *words: str) -> dict[str, dict[str, object]]:
    told = json.loads(lab.does("status", "--json", *words))
    assert told["schema"] == "nestlab.status/1"
    return {each["path"]: each for each in told["labs"][0]["machines"]}


def test_what_runs(lab: EnterLab) -> None:
    (lab.guest("l1") / "root.qcow2").write_bytes(bytes(100_000))
    (lab.guest("l1/l2") / "root.qcow2").write_bytes(b"x" * 50_000)
    with lab.qemu("l1"), lab.qemu("l1/l2"):
        found = statuses(lab, "seed")
        drawn = lab.does("status").decode()
    uptime = float(Path("/proc/uptime").read_text().split()[0])
    assert found["l1"] == {
        "path": "l1", "level": 1, "parent": "l0", "state": "running", "reason": None,
        "hypervisor": None, "accelerator": "kvm", "emulated": False, "address": "10.0.2.15",
        "vcpus": 2, "memory": 4 << 30,
        "disk_used": found["l1"]["disk_used"], "uptime": found["l1"]["uptime"],
    }  # fmt: skip
    assert found["l1/l2"]["state"] == "running"
    assert found["l1/l2"]["emulated"] is True
    assert abs(float(str(found["l1"]["uptime"])) - uptime) < 60
    assert 50_000 <= int(str(found["l1/l2"]["disk_used"])) < 100_000
    lines = drawn.splitlines()
    assert lines[0] == f"seed ({LAB})  kept"
    assert lines[1].startswith("└── l1  running  kvm  10.0.2.15  2 vCPU  4.0 GiB  disk ")
    assert lines[2].startswith("    └── l2  running  tcg (emulated)  10.0.2.15")


def test_what_is_gone(lab: EnterLab) -> None:
    port = closed_port()
    guests = tuple(each.model_copy(update={"ssh_port": port}) for each in lab.state.guests)
    found = statuses(change(lab, guests=guests))
    assert {path: each["state"] for path, each in found.items()} == {"l1": "gone", "l1/l2": "gone"}
    assert found["l1"]["reason"] == "no QEMU of it runs"
    assert found["l1/l2"]["reason"] == "l1 is gone"


def test_what_does_not_answer_does_not_hold_us_up(lab: EnterLab) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        changes = {"ssh_port": silent.getsockname()[1]}
        l1, l2 = lab.state.guests
        lab = change(lab, guests=(l1, l2.model_copy(update=changes)))
        started = time.monotonic()
        with lab.qemu("l1/l2"):
            found = statuses(lab, "--timeout", "3")
    assert time.monotonic() - started < 15
    assert (found["l1"]["state"], found["l1/l2"]["state"]) == ("running", "unreachable")
    assert "within 3.0 s" in str(found["l1/l2"]["reason"])


def test_a_guest_that_another_machine_answers_for(sshd: Sshd, lab: EnterLab) -> None:
    other = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJJ0m7mMZyJcG0FnGZNNvXzqQ1gCbnbEXXXXXXXXXXXX"
    guests = tuple(each.model_copy(update={"host_key": other}) for each in lab.state.guests)
    assert statuses(change(lab, guests=guests))["l1"]["state"] == "gone"


def test_what_is_being_started(lab: EnterLab) -> None:
    def begun(guest: GuestRecord) -> GuestRecord:
        return guest.model_copy(update={"ssh_port": None, "pid": None})

    lab = change(lab, guests=tuple(begun(each) for each in lab.state.guests))
    with lab.qemu("l1"):
        assert statuses(lab)["l1"]["state"] == "starting"
    assert lab.does("ssh-config") == b""


def test_without_a_lab(lab: EnterLab) -> None:
    shutil.rmtree(lab.base / "nestlab")
    assert json.loads(lab.does("status", "--json"))["labs"] == []
    assert lab.run("status") == (0, b"", "no lab is up\n")
    assert lab.run("status", "seed")[0] == 6


@pytest.mark.parametrize("host", ["l1.seed", "l1.l2.seed", f"l1.l2.{LAB}"])
def test_openssh_understands_the_configuration(lab: EnterLab, host: str) -> None:
    if not shutil.which("ssh"):
        pytest.skip("there is no ssh; install openssh-client")
    config = lab.base / "config"
    config.write_bytes(lab.does("ssh-config", "seed"))
    argv = ["ssh", "-F", str(config), host, "echo", "here"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=30)
    assert (done.returncode, done.stdout) == (0, "here\n"), done.stderr


def test_the_inventory(lab: EnterLab) -> None:
    static = json.loads(lab.does("inventory"))["all"]
    assert set(static["hosts"]) == {"l1.seed", "l1.l2.seed"}
    assert {group: set(each["hosts"]) for group, each in static["children"].items()} == {
        "hypervisors": {"l1.seed"},
        "level1": {"l1.seed"},
        "level2": {"l1.l2.seed"},
    }
    told = json.loads(lab.does("inventory", "--list"))
    assert told["_meta"]["hostvars"] == static["hosts"]
    assert told["hypervisors"]["hosts"] == ["l1.seed"]
    one = json.loads(lab.does("inventory", LAB, "--host", "l1.l2.seed"))
    assert one == static["hosts"]["l1.l2.seed"]
    assert json.loads(lab.does("inventory", "--host", "none")) == {}
    if shutil.which("ssh"):
        argv = ["ssh", *shlex.split(one["ansible_ssh_common_args"]), one["ansible_host"], "true"]
        assert subprocess.run(argv, check=False, timeout=30).returncode == 0
