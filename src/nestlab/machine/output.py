"""Output of a program that is not trusted to be short."""


class Output:
    """Keeps the first `limit` bytes of a stream and counts the rest as thrown away."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._kept = bytearray()
        self.truncated = False

    def add(self, data: bytes) -> None:
        """Take the next bytes of the stream."""
        room = self._limit - len(self._kept)
        self._kept += data[:room]
        self.truncated = self.truncated or len(data) > room

    @property
    def kept(self) -> bytes:
        """What is kept, at most `limit` bytes."""
        return bytes(self._kept)
