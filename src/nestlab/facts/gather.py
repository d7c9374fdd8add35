"""Send the probe to a machine and read what it says."""

from importlib.resources import files

from pydantic import ValidationError

from nestlab.deadline import Deadline
from nestlab.errors import MachineError
from nestlab.facts.model import Facts
from nestlab.machine.protocol import Machine

_LIMIT = 1 << 20


async def gather(machine: Machine, *, deadline: Deadline) -> Facts:
    """Run the probe on `machine`.

    Raises MachineError: `facts.no-python` (there is no python3), `facts.unreadable` (the probe
    failed or what it printed is not `nestlab.facts/1`), and whatever `run` raises.
    """
    source = files("nestlab.facts").joinpath("probe.py").read_bytes()
    try:
        # -S -E: neither site-packages nor the environment of the machine have a say
        argv = ("python3", "-S", "-E", "-")
        done = await machine.run(argv, stdin=source, deadline=deadline, limit=_LIMIT)
    except MachineError as problem:
        if problem.code != "machine.no-such-program":
            raise
        raise MachineError(
            "facts.no-python",
            f"{machine.path} has no python3, which the probe needs",
            where=f"{machine.path}, while reading its facts",
            hint="install the package python3 there",
        ) from problem
    if not done.ok:
        raise _unreadable(machine, f"the probe ended with status {done.status}", done.error_text)
    try:
        return Facts.model_validate_json(done.stdout)
    except ValidationError as problem:
        raise _unreadable(machine, "the probe's output is not nestlab.facts/1", str(problem)) from (
            problem
        )


def _unreadable(machine: Machine, message: str, evidence: str) -> MachineError:
    return MachineError(
        "facts.unreadable",
        message,
        where=f"{machine.path}, while reading its facts",
        notes=tuple(evidence.splitlines()[-5:]),
        hint="python3 on that machine may be broken: run `python3 -c 'import ctypes, json'` there",
    )
