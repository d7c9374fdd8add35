"""A program of this machine that was started ahead of the event loop.

Loading Python modules keeps one processor busy; what a command will need of the machine in any
case can run on another one meanwhile.
"""

import atexit
import os
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress

from nestlab.machine.protocol import Completed


class Begun:
    """One program with all of its stdin, started; raises OSError when there is no such program."""

    def __init__(self, argv: Sequence[str], stdin: bytes) -> None:
        self.argv = tuple(argv)
        self.stdin = stdin
        self._started = time.monotonic()
        # a file takes it whole: nobody is there yet to feed a pipe
        file = os.memfd_create("stdin", os.MFD_CLOEXEC)
        try:
            os.write(file, stdin)
            os.lseek(file, 0, os.SEEK_SET)
            self._process = subprocess.Popen(
                self.argv,
                stdin=file,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        finally:
            os.close(file)
        atexit.register(self.end)

    def wait(self, seconds: float) -> Completed | None:
        """How it ended, or None when it has not after so many seconds: it is ended then."""
        try:
            out, err = self._process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            self.end()
            return None
        status = self._process.returncode
        killed = signal.Signals(-status).name.removeprefix("SIG") if status < 0 else None
        elapsed = time.monotonic() - self._started
        return Completed(self.argv, None if killed else status, killed, out, err, elapsed)

    def end(self) -> None:
        """End it with all that it started, if it still runs."""
        if self._process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
