"""Run a line in the shell that waits on a guest's serial console.

`virsh console` takes a terminal only, so a few lines of Python beside it give it one (virsh(1);
pty in Python's library). Nobody's session is broken off: libvirt refuses a second one.
"""

import secrets
from typing import Final

from nestlab.errors import MachineError
from nestlab.expose.look import Look
from nestlab.libvirt.virsh import Virsh

CONSOLE_SECONDS: Final = 15.0
"""Until the line has answered: a shell that is there does so at once, also an emulated one."""

_ASK: Final = """
import os, pty, select, signal, sys, time

seconds, mark, line = float(sys.argv[1]), sys.argv[2].encode(), sys.argv[3].encode()
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(sys.argv[4], sys.argv[4:])
end, again, seen = time.monotonic() + seconds, None, b""
while time.monotonic() < end and seen.count(mark) < 2:
    if again is None and b"^]" in seen:
        again = 0.0
    if again is not None and mark not in seen and time.monotonic() > again:
        os.write(terminal, line + b"\\r")
        again = time.monotonic() + seconds / 3
    if select.select([terminal], [], [], 0.2)[0]:
        try:
            seen = (seen + os.read(terminal, 4096))[-65536:]
        except OSError:
            break
try:
    os.write(terminal, b"\\x1d")
except OSError:
    pass
end = time.monotonic() + 1
while os.waitpid(pid, os.WNOHANG) == (0, 0):
    if time.monotonic() > end:
        os.kill(pid, signal.SIGKILL)
    time.sleep(0.02)
parts = seen.split(mark)
sys.stdout.buffer.write(parts[1] if len(parts) > 2 else seen.replace(line, b"")[-400:])
sys.exit(0 if len(parts) > 2 else 3)
"""
_SILENT: Final = 3


async def ask_console(virsh: Virsh, found: Look, script: str) -> bytes:
    """What a line of shell prints there; `script` is ours, without line breaks.

    Raises MachineError `expose.console-silent` with what the console showed instead.
    """
    # the shell shows the line before it runs it: there the mark is written in two parts
    head, tail = "nestlab", secrets.token_hex(6)
    line = f" echo {head}''{tail}; {script}; echo {head}''{tail}"
    shell = ("virsh", "--connect", virsh.uri, "console", found.uuid, "--safe")
    argv = ("python3", "-c", _ASK, str(CONSOLE_SECONDS), head + tail, line, *shell)
    done = await virsh.machine.run(
        ("env", "LC_ALL=C", *argv),
        deadline=virsh.deadline.within(2 * CONSOLE_SECONDS),
        limit=1 << 17,
    )
    if done.ok:
        return done.stdout
    shown = done.text if done.status == _SILENT else done.error_text
    last = [line.strip() for line in shown.splitlines() if line.strip()]
    raise MachineError(
        "expose.console-silent",
        "no shell answers on its serial console",
        where=found.title,
        notes=tuple(last[-3:]),
        hint="log in on it first (`virsh console`), leave with ^], and try again",
    )
