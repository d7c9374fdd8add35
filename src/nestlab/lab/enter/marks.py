"""The stderr of a program behind SSH while it comes, without the marks of its wrapper."""

import re

_NOISE_KEPT = 4096
"""Bytes kept of what a login shell says before the program starts."""
_MARK_ROOM = 16
"""Bytes that follow a token in a mark, at most."""


class Marks:
    """See `machine.quoting.remote_command`, which documents the marks.

    group    the number of the program's process group, once it has started
    noise    what the login shell wrote before
    refused  126 or 127 when the wrapper could not execute the program; known after `finish`
    """

    def __init__(self, token: str) -> None:
        self.group: int | None = None
        self.noise = b""
        self.refused: int | None = None
        self._token = token.encode("ascii")
        self._held = b""

    def take(self, data: bytes) -> bytes:
        """Take the next bytes; returns those that are the program's own beyond doubt."""
        if self.group is None:
            self.noise += data
            mark = re.search(rb"%b (\d+)\n" % self._token, self.noise)
            if mark is None:
                self.noise = self.noise[-_NOISE_KEPT:]
                return b""
            self.group = int(mark[1])
            data, self.noise = self.noise[mark.end() :], self.noise[: mark.start()]
        held = self._held + data
        cut = self._doubtful(held)
        self._held = held[cut:]
        return held[:cut]

    def _doubtful(self, held: bytes) -> int:
        """Where a last mark may have begun, or the end."""
        size = len(self._token)
        at = held.rfind(self._token)
        if at >= 0 and len(held) - at <= size + _MARK_ROOM:
            return at
        for length in range(min(size - 1, len(held)), 0, -1):
            if held.endswith(self._token[:length]):
                return len(held) - length
        return len(held)

    def finish(self) -> bytes:
        """What was held back, once nothing more comes."""
        mark = re.search(rb"%b (12[67])\n\Z" % self._token, self._held)
        if mark is None:
            return self._held
        self.refused = int(mark[1])
        return self._held[: mark.start()]
