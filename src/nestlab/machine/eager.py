"""L0 with a program that was begun before anybody asked for it."""

import asyncio
from collections.abc import Sequence

from nestlab.deadline import Deadline
from nestlab.machine import failures
from nestlab.machine.begun import Begun
from nestlab.machine.local import LocalMachine
from nestlab.machine.protocol import OUTPUT_LIMIT, Completed


class EagerMachine(LocalMachine):
    """A `LocalMachine` whose first run of that very program is the one that was begun."""

    def __init__(self, begun: Begun) -> None:
        super().__init__()
        self._begun: Begun | None = begun

    async def run(
        self,
        argv: Sequence[str],
        *,
        deadline: Deadline,
        stdin: bytes = b"",
        limit: int = OUTPUT_LIMIT,
    ) -> Completed:
        """See `Machine.run`."""
        begun = self._begun
        if begun is None or (tuple(argv), stdin) != (begun.argv, begun.stdin):
            return await super().run(argv, deadline=deadline, stdin=stdin, limit=limit)
        self._begun = None
        try:
            done = await asyncio.to_thread(begun.wait, deadline.remaining)
        finally:
            begun.end()
        if done is None:
            raise failures.deadline_passed(self.path, argv, deadline)
        return done
