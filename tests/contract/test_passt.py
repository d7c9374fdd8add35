"""Starting passt: with a stand-in that does what counts, and with the real one where it is."""

import ast
import asyncio
import dataclasses
import os
import secrets
import shutil
import socket
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from nestlab.deadline import Deadline
from nestlab.errors import MachineError
from nestlab.hypervisor.accelerator import Accelerator
from nestlab.hypervisor.plan import BaseImage, GuestPlan
from nestlab.hypervisor.qemu import process
from nestlab.hypervisor.qemu.passt import passt_argv, passt_socket, start_passt
from nestlab.machine.fake import FakeMachine, answer
from nestlab.machine.local import LocalMachine
from nestlab.net import passt as program
from nestlab.net.subnet import choose_subnet

STAND_IN = f"""#!{sys.executable}
import os, socket, sys, time
words = sys.argv
def value(option):
    return words[words.index(option) + 1]
log = open(value("--log-file"), "a")
log.write("template interface\\n"); log.flush()
count = int(open(os.environ["REFUSALS"]).read())
if count:
    open(os.environ["REFUSALS"], "w").write(str(count - 1))
    sys.exit("Failed to bind port")
port = int(value("-t").split("/")[1].split(":")[0])
forward = socket.create_server(("127.0.0.1", port))
listener = socket.socket(socket.AF_UNIX)
listener.bind(value("--socket"))
listener.listen()
time.sleep(60)
"""


@pytest.fixture
def plan(tmp_path: Path) -> Iterator[GuestPlan]:
    made = GuestPlan(
        lab=secrets.token_hex(5),
        path="l1",
        arch="x86_64",
        accelerator=Accelerator("tcg", "a test"),
        vcpus=1,
        memory=1 << 29,
        image=BaseImage("/disk", "/kernel"),
        network=choose_subnet([]),
        folder=str(tmp_path / "folder"),
        sockets=str(tmp_path / "folder"),
        mtu=1450,
        nat="passt",
    )
    Path(made.folder).mkdir()
    yield made
    ending = process.end(LocalMachine(), made.identity, patience=0, deadline=Deadline.after(30))
    asyncio.run(ending)


@pytest.fixture
def refusals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stand-in for passt, and how often it fails before it works."""
    stand_in = tmp_path / "bin" / "passt"
    stand_in.parent.mkdir()
    stand_in.write_text(STAND_IN)
    stand_in.chmod(0o755)
    count = tmp_path / "refusals"
    count.write_text("0")
    monkeypatch.setenv("PATH", f"{stand_in.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("REFUSALS", str(count))
    return count


def start(plan: GuestPlan) -> int:
    return asyncio.run(start_passt(LocalMachine(), plan, deadline=Deadline.after(30)))


def test_it_listens_for_qemu_and_at_a_port_for_ssh(plan: GuestPlan, refusals: Path) -> None:
    port = start(plan)
    socket.create_connection(("127.0.0.1", port)).close()
    with socket.socket(socket.AF_UNIX) as stream:
        stream.connect(passt_socket(plan))


@pytest.mark.usefixtures("refusals")
def test_it_is_ended_with_the_guest(plan: GuestPlan) -> None:
    port = start(plan)
    ending = process.end(LocalMachine(), plan.identity, patience=0, deadline=Deadline.after(30))
    asyncio.run(ending)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


def test_another_port_is_tried_when_one_is_taken(plan: GuestPlan, refusals: Path) -> None:
    refusals.write_text(str(program.ATTEMPTS - 1))
    assert start(plan)
    assert refusals.read_text() == "0"


def test_one_that_never_starts_is_quoted(plan: GuestPlan, refusals: Path) -> None:
    refusals.write_text("100")
    with pytest.raises(MachineError) as caught:
        start(plan)
    assert caught.value.code == "net.passt-failed"
    assert caught.value.notes[-2:] == ("template interface", "Failed to bind port")
    assert refusals.read_text() == str(100 - program.ATTEMPTS)


@pytest.mark.parametrize("said", ["", "0", "65536", "-1", "22 22", "no"])
def test_one_that_tells_no_port(plan: GuestPlan, said: str) -> None:
    machine = FakeMachine(programs={"python3": lambda _argv, _stdin: answer(f"{said}\n")})
    with pytest.raises(MachineError) as caught:
        asyncio.run(start_passt(machine, plan, deadline=Deadline.after(5)))
    assert caught.value.code == "net.passt-failed"


def test_addresses_are_those_of_qemu_s_own_nat(plan: GuestPlan) -> None:
    words = passt_argv(plan)
    assert words[3:6] == (f"guest={plan.identity}", plan.folder, passt_socket(plan))
    options = dict(pairwise(words))
    assert [options[name] for name in ("--address", "--netmask", "--gateway", "--mtu")] == [
        *("10.96.0.15", "24", "10.96.0.2", "1450"),
    ]
    assert options["--dns-forward"] == "10.96.0.3"
    assert "--mtu" not in passt_argv(dataclasses.replace(plan, mtu=None))


def test_it_needs_nothing_newer_than_python_3_6() -> None:
    ast.parse(Path(program.__file__).read_text(), feature_version=(3, 6))


@pytest.mark.skipif(not shutil.which("passt"), reason="there is no passt here")
def test_the_passt_that_is_here_is_understood(plan: GuestPlan) -> None:
    port = start(plan)
    socket.create_connection(("127.0.0.1", port)).close()
    assert Path(passt_socket(plan)).exists()
