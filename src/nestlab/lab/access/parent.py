"""The machine on which a guest runs: where its console, its logs and its disk are."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from nestlab.deadline import Deadline
from nestlab.lab.access.reach import reach
from nestlab.lab.record.naming import Found
from nestlab.machine.path import parent_of
from nestlab.machine.protocol import Machine


@asynccontextmanager
async def reach_parent(found: Found, *, deadline: Deadline) -> AsyncIterator[Machine]:
    """L0 for a guest of the first level, else its parent by SSH. Raises what `reach` raises."""
    parent = parent_of(found.guest.path)
    async with reach(found.folder, found.state, parent, deadline=deadline) as machine:
        yield machine
