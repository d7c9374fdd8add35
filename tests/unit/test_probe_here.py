"""What the probe does on a running machine: programs, processes, CPUID, and a guest that hangs."""

import fcntl
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nestlab.facts.model import Facts
from nestlab.facts.probe import guest, kvm, main
from nestlab.facts.probe.capabilities import CAPABILITIES
from nestlab.facts.probe.holders import holders
from nestlab.facts.probe.outer import cpuid_signature
from nestlab.facts.probe.processor import cpu
from nestlab.facts.probe.programs import Program, version
from nestlab.facts.probe.report import UntoldError
from nestlab.facts.probe.source import Source

SLEEPS = "import time; time.sleep(600)"


def test_a_program_is_heard() -> None:
    program = Program([sys.executable, "-c", "print('QEMU emulator version 9.2.1')"])
    assert version(program.end(20) or "") == "9.2.1"


def test_a_program_that_does_not_end_is_ended() -> None:
    started = time.monotonic()
    program = Program([sys.executable, "-c", SLEEPS])
    assert program.end(0.2) is None
    assert time.monotonic() - started < 10
    assert program.child.returncode == -9


def test_a_program_that_never_stops_talking_is_ended() -> None:
    program = Program([sys.executable, "-c", "while True: print('x' * 4096)"])
    assert program.end(20, 1 << 16) is None
    assert program.child.returncode is not None


def test_a_child_that_keeps_the_pipe_is_ended_too() -> None:
    code = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', '{SLEEPS}'])"
    program = Program([sys.executable, "-c", code])
    assert program.end(2.0) is None


def test_whatever_fails_no_program_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    program = Program([sys.executable, "-c", SLEEPS])
    monkeypatch.setattr(main, "start_programs", lambda _source: {"a": program})
    monkeypatch.setattr(main, "READERS", ())
    Facts.model_validate(main.collect())
    assert program.child.returncode == -9


def test_the_alarm_ends_what_hangs() -> None:
    started = time.monotonic()
    with pytest.raises(TimeoutError, match="did not end"), guest.Alarm(0.1):
        time.sleep(20)
    assert time.monotonic() - started < 10


def test_a_test_guest_that_hangs_did_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def hangs(*_: object) -> bool:
        time.sleep(20)
        return True

    monkeypatch.setattr(kvm, "GUEST_PATIENCE", 0.1)
    monkeypatch.setattr(kvm, "run_guest", hangs)
    monkeypatch.setattr(kvm, "describe_cpuid", lambda _device: {})
    monkeypatch.setattr(fcntl, "ioctl", lambda *_: 12)
    monkeypatch.setitem(guest.CODE, platform.machine(), b"")
    found = kvm.kvm("/dev/null")
    assert found["guest_ran"] is False
    assert "did not end" in found["problem"]


@pytest.mark.skipif(platform.machine() != "x86_64", reason="CPUID is x86's")
def test_the_hypervisor_signs() -> None:
    signature = cpuid_signature(Source())
    hypervisor = "hypervisor" in cpu(Source())["flags"]  # type: ignore[operator]
    assert signature is None or bool(signature) == hypervisor


@pytest.mark.skipif(not os.access("/dev/kvm", os.R_OK), reason="no /dev/kvm to hold")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root sees every process")
def test_who_holds_the_device() -> None:
    code = "import sys; held = open('/dev/kvm'); print(flush=True); sys.stdin.read()"
    argv = [sys.executable, "-c", code, "-name", "guest=web,debug-threads=on"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout
        child.stdout.readline()
        open_ = {each["pid"]: each for each in holders(Source())}
        hidden = {each["pid"]: each for each in holders(Source(anonymous=True))}
        child.communicate(b"")
    assert open_[child.pid]["guest"] == "web"
    assert str(open_[child.pid]["name"]).startswith("python")
    assert hidden[child.pid] == {"pid": child.pid, "name": "process", "guest": None}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes somebody else")
def test_what_others_hold_is_unknown_to_a_user() -> None:
    child = os.fork()
    if child == 0:
        os.setuid(65534)
        try:
            holders(Source())
        except UntoldError:
            os._exit(7)
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status == (7 if Path("/dev/kvm").exists() else 0)


def test_every_capability_is_of_a_known_architecture() -> None:
    """Numbers of include/uapi/linux/kvm.h; where the header is installed it is asked."""
    header = Path("/usr/include/linux/kvm.h")
    if not header.exists():
        pytest.skip("no kernel headers")
    text = header.read_text()
    numbers = dict(
        line.split()[1:3] for line in text.splitlines() if line.startswith("#define KVM_CAP_")
    )
    for table in CAPABILITIES.values():
        for name, number in table.items():
            # ARM_EL2 is younger (Linux 6.16) than many headers
            assert int(numbers.get(f"KVM_CAP_{name}", number)) == number
