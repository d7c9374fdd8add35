"""The machine at the root of a lab: this one, or one that the user reaches by SSH."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from nestlab.deadline import Deadline
from nestlab.machine.address import parse_address
from nestlab.machine.local import LocalMachine
from nestlab.machine.protocol import Machine


@asynccontextmanager
async def root_of(host: str | None, *, deadline: Deadline) -> AsyncIterator[Machine]:
    """The machine `l0` of a lab; `host` as `ssh` takes it, None: this one.

    Raises what `open_remote` raises.
    """
    if host is None:
        yield LocalMachine()
        return
    from nestlab.machine.remote import open_remote  # noqa: PLC0415  (asyncssh costs time)

    machine = await open_remote(parse_address(host), deadline=deadline, path="l0")
    try:
        yield machine
    finally:
        await machine.close()
