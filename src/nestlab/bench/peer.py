"""The other end of a measurement: who it is, and the server that runs there meanwhile."""

import asyncio
import shlex
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace

from nestlab.bench.prepare import LIMIT, failed
from nestlab.deadline import Deadline
from nestlab.errors import MachineError
from nestlab.machine.protocol import Completed, Machine
from nestlab.machine.shell import NotYet, check, wait_for
from nestlab.workload.protocol import Argv, Case, Peer, Relation

FIRST_PORT = 5201
"""That of iperf3; when it is taken, one of the next thousand."""

_ASK = 60.0
_START = 60.0
"""Seconds until it listens; a program starts slowly in an emulated guest of an emulated one."""
_END = 10.0
"""Seconds that a server may take to end by itself when its client is done."""

_TABLES = "cat /proc/net/tcp /proc/net/tcp6 2>/dev/null"
# The local port is behind the last colon of the second field (proc(5), /proc/net/tcp), in hex.
_FREE = f"""
{_TABLES} | awk -v first="$1" '
    {{ n = split($2, part, ":"); taken[part[n]] = 1 }}
    END {{
        for (port = first + 0; port < first + 1000; port++)
            if (!(sprintf("%04X", port) in taken)) {{ print port; exit }}
    }}'
"""
# State 0A is LISTEN (include/net/tcp_states.h).
_LISTENS = f"""
{_TABLES} | awk -v port="$1" '
    {{ n = split($2, part, ":") }}
    $4 == "0A" && part[n] == sprintf("%04X", port) {{ print "listens"; exit }}'
"""


@dataclass(frozen=True)
class Neighbour:
    """Another machine of the lab, as the measured one is joined with it.

    relation  what it is to the measured machine
    address   IPv4 or IPv6 address at which the measured machine reaches it
    listen    address of its own on which what arrives there is heard; empty: the same. Behind the
              gateway of a user-mode network it is the loopback
    """

    relation: Relation
    machine: Machine
    address: str
    listen: str = ""


async def peer_for(neighbours: Sequence[Neighbour], case: Case) -> tuple[Neighbour, Peer] | None:
    """The neighbour that a case wants, and a port of it that is free now; None without one.

    Raises MachineError `bench.peer-failed`, and whatever `Machine.run` raises.
    """
    wanted = (each for each in neighbours if each.relation == case.params.get("peer"))
    neighbour = next(wanted, None)
    if neighbour is None:
        return None
    machine = neighbour.machine
    argv = ("sh", "-c", _FREE, "sh", str(FIRST_PORT))
    with of_the_peer():
        done = await check(
            machine, argv, deadline=Deadline.after(_ASK), code="bench.peer-failed", limit=4096
        )
    port = done.text.strip()
    if not port.isdecimal() or not FIRST_PORT <= int(port) < FIRST_PORT + 1000:
        raise MachineError(
            "bench.peer-failed",
            f"{machine.path} does not say which port is free",
            where=f"{machine.path}, while looking for a port",
            hint="it needs awk and /proc",
        )
    return neighbour, Peer(machine.path, neighbour.address, int(port), neighbour.listen)


@contextmanager
def of_the_peer() -> Iterator[None]:
    """A peer that is lost is no loss of the machine that is measured: `bench.peer-failed`."""
    try:
        yield
    except MachineError as problem:
        if problem.code != "machine.lost":
            raise
        raise replace(problem, code="bench.peer-failed") from problem


@asynccontextmanager
async def serving(machine: Machine, server: Argv, port: int, seconds: float) -> AsyncIterator[None]:
    """Have the server run, from when it listens on the port; afterwards it is gone.

    seconds  how long its client may need; later it is ended in any case

    Raises WorkloadError `workload.failed` when it ends before, MachineError `bench.peer-failed`
    when it does not come to listen or the peer is lost, and whatever `Machine.run` raises.
    """
    deadline = Deadline.after(_START + seconds + _END)
    running = asyncio.create_task(machine.run(server, deadline=deadline, limit=LIMIT))
    try:
        with of_the_peer():
            await _listening(machine, server, port, running)
        yield
        # A server of one test ends with its client; one that stays is ended below.
        await asyncio.wait((running,), timeout=_END)
    finally:
        await _end(running)


async def _listening(
    machine: Machine, server: Argv, port: int, running: asyncio.Task[Completed]
) -> None:
    argv = ("sh", "-c", _LISTENS, "sh", str(port))

    async def probe() -> bool | NotYet:
        if running.done():
            raise failed(f"{server[0]} on {machine.path}", running.result())
        done = await machine.run(argv, deadline=Deadline.after(_ASK), limit=4096)
        if done.text.strip() and not running.done():  # else it is another program that listens
            return True
        return NotYet(f"nobody listens on port {port}")

    await wait_for(
        probe,
        deadline=Deadline.after(_START),
        what=f"{server[0]} on {machine.path}",
        where=machine.path,
        code="bench.peer-failed",
        hint=f"start it there by hand: {shlex.join(server)}",
    )


async def _end(running: asyncio.Task[Completed]) -> None:
    """End it and wait until it is gone; how it ended is no matter by now.

    Its client has said what there is to say, and an error that is on its way comes first.
    """
    running.cancel()
    done, _ = await asyncio.wait((running,), timeout=_ASK)
    for task in done:
        if not task.cancelled():
            task.exception()  # looked at, so that asyncio does not complain
