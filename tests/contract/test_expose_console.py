"""One line in the shell on a guest's serial console, over a real terminal; virsh is played."""

import asyncio
from pathlib import Path

import pytest

from nestlab.deadline import Deadline
from nestlab.errors import MachineError
from nestlab.expose import console
from nestlab.expose.console import ask_console
from nestlab.expose.look import Look
from nestlab.libvirt.virsh import Virsh
from nestlab.machine.local import LocalMachine

FOUND = Look("6695eb01-f6a4-8304-79aa-97f2502e193f", "centos7", "running", True, False, b"", b"")
SHELL = """#!/bin/sh
[ -t 0 ] || { echo 'Cannot run interactive console without a controlling TTY' >&2; exit 1; }
echo "Connected to domain '$4'"
echo 'Escape character is ^] (Ctrl + ])'
"""


def asked(folder: Path, monkeypatch: pytest.MonkeyPatch, then: str, script: str) -> bytes:
    """What the console answers where `virsh console` ends by the shell lines `then`."""
    (folder / "virsh").write_text(SHELL + then)
    (folder / "virsh").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setattr(console, "CONSOLE_SECONDS", 3.0)

    virsh = Virsh(LocalMachine(), "test:///", Deadline.after(20))
    return asyncio.run(ask_console(virsh, FOUND, script))


def test_the_answer_is_what_the_line_prints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The terminal shows the line itself too, and the prompt."""
    said = asked(tmp_path, monkeypatch, "exec sh -i", "echo $((6 * 7)); [ -t 0 ] && echo tty")
    assert said.split() == [b"42", b"tty"]


@pytest.mark.parametrize(
    ("then", "note"),
    [
        ("printf 'localhost login: '; exec cat", "localhost login:"),
        ("echo 'error: operation failed: Active console session exists'; exit 1", "session exists"),
        ("sleep 1; echo 'error: Active console session exists'; exit 1", "session exists"),
    ],
    ids=["nobody-logged-in", "taken", "taken-after-the-line"],
)
def test_a_console_without_a_shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, then: str, note: str
) -> None:
    with pytest.raises(MachineError) as caught:
        asked(tmp_path, monkeypatch, then, "echo never")
    assert caught.value.code == "expose.console-silent"
    assert any(note in line for line in caught.value.notes), caught.value.notes
