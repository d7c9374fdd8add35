"""What a remote command writes: the marks of its wrapper taken out, the rest kept."""

import re
import time

from nestlab.machine.output import Output
from nestlab.machine.quoting import NOT_EXECUTABLE, NOT_FOUND

_NOISE_KEPT = 4096
"""Bytes kept of what a login shell says by itself (a chatty `.bashrc`, `nologin`)."""
_MARK_KEPT = 64
"""Bytes that the last mark certainly fits in."""


class Transcript:
    """Both outputs of one `remote_command` (which documents the marks).

    group       the number of the program's process group, once its mark has arrived
    started_at  when the mark arrived, by the controller's monotonic clock (seconds)
    noise       what the login shell wrote before the mark
    """

    def __init__(self, token: str, limit: int) -> None:
        self.stdout, self.stderr = Output(limit), Output(limit)
        self.group: int | None = None
        self.started_at = 0.0
        self.noise = b""
        self._tail = b""
        self._start = re.compile(rb"%b (\d+)\n" % token.encode())
        self._refusal = re.compile(rb"%b (\d+)\n\Z" % token.encode())

    def add_stderr(self, data: bytes) -> None:
        """Take the next bytes of stderr; the first mark says that the program starts now."""
        if self.group is None:
            self.noise += data
            mark = self._start.search(self.noise)
            if mark is None:
                self.noise = self.noise[-_NOISE_KEPT:]
                return
            self.group, self.started_at = int(mark[1]), time.monotonic()
            data = self.noise[mark.end() :]
        self.stderr.add(data)
        self._tail = (self._tail + data[-_MARK_KEPT:])[-_MARK_KEPT:]

    @property
    def not_found(self) -> bool:
        """Whether the wrapper, not the program, says that there is no such program."""
        return self._refused_with() == NOT_FOUND

    @property
    def not_executable(self) -> bool:
        """Whether the wrapper says that the program's file cannot be executed."""
        return self._refused_with() == NOT_EXECUTABLE

    def _refused_with(self) -> int | None:
        mark = self._refusal.search(self._tail)
        return int(mark[1]) if mark else None
