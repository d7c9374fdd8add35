"""Send the probe to a machine and read what it says.

The models are imported when there is an answer: Pydantic takes longer to load than the probe to
run, and `nestlab doctor` does both at the same time.
"""

from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

from nestlab.deadline import Deadline
from nestlab.errors import MachineError
from nestlab.facts import bundle
from nestlab.machine.protocol import Completed, Machine

if TYPE_CHECKING:
    from nestlab.facts.model import Facts

_LIMIT = 4 << 20
_PYTHON = ("python3", "-S", "-E", "-")  # neither site-packages nor the environment have a say
_SHELL = ("sh", "-s")


@dataclass(frozen=True)
class ProbeOptions:
    """What the probe may do, and where it looks.

    functional  whether /dev/kvm is opened and a few instructions are run in a guest
    anonymous   whether what identifies the machine or its guests is left out
    programs    whether programs are started for their versions, which takes an emulated guest long
    root        a folder on that machine with a copy of another one's /proc, /sys, /etc …, which
                is read instead; nothing is run then
    """

    functional: bool = True
    anonymous: bool = False
    programs: bool = True
    root: str | None = None

    @property
    def words(self) -> tuple[str, ...]:
        """The same as words for the probe's command line."""
        return (
            *(() if self.root is None else ("--root", self.root)),
            *(() if self.functional else ("--no-probe",)),
            *(() if self.programs else ("--no-programs",)),
            *(("--anonymous",) if self.anonymous else ()),
        )


DEFAULT = ProbeOptions()


def probing(options: ProbeOptions = DEFAULT) -> tuple[tuple[str, ...], bytes]:
    """The probe's argv and stdin."""
    return (*_PYTHON, *options.words), bundle.source()


async def gather(
    machine: Machine, *, deadline: Deadline, options: ProbeOptions = DEFAULT
) -> "Facts":
    """Run the probe on `machine`; without python3 there its shell tells the little that it can.

    Raises MachineError: `facts.no-python` (there is no python3, and the shell could not help),
    `facts.unreadable` (the probe failed or what it printed is not `nestlab.facts/1`), and
    whatever `run` raises.
    """
    try:
        done = await _run(machine, *probing(options), deadline)
    except MachineError as problem:
        if problem.code != "machine.no-such-program":
            raise
        return await _ask_shell(machine, deadline, options, problem)
    if not done.ok:
        raise _unreadable(machine, f"the probe ended with status {done.status}", done.error_text)
    try:
        return _read(done.stdout)
    except ValueError as problem:
        raise _unreadable(machine, "the probe's output is not nestlab.facts/1", str(problem)) from (
            problem
        )


def _read(text: bytes) -> "Facts":
    """Raises ValidationError, which is a ValueError."""
    from nestlab.facts.model import Facts  # noqa: PLC0415  (see above)

    return Facts.model_validate_json(text)


async def _run(
    machine: Machine, argv: tuple[str, ...], program: bytes, deadline: Deadline
) -> Completed:
    return await machine.run(argv, stdin=program, deadline=deadline, limit=_LIMIT)


async def _ask_shell(
    machine: Machine, deadline: Deadline, options: ProbeOptions, missing: MachineError
) -> "Facts":
    """The facts without Python; the shell reads no copies. It tells nothing that identifies."""
    if options.root is not None:
        raise _no_python(machine) from missing
    try:
        script = files("nestlab.facts").joinpath("probe.sh").read_bytes()
        done = await _run(machine, _SHELL, script, deadline)
    except MachineError as problem:
        if problem.code != "machine.no-such-program":
            raise
        raise _no_python(machine) from missing
    if not done.ok:
        raise _no_python(machine, done.error_text) from missing
    try:
        return _read(done.stdout)
    except ValueError as problem:
        raise _no_python(machine, str(problem)) from problem


def _no_python(machine: Machine, evidence: str = "") -> MachineError:
    return MachineError(
        "facts.no-python",
        f"{machine.path} has no python3, which the probe needs",
        where=f"{machine.path}, while reading its facts",
        notes=tuple(evidence.splitlines()[-5:]),
        hint="install the package python3 there",
    )


def _unreadable(machine: Machine, message: str, evidence: str) -> MachineError:
    return MachineError(
        "facts.unreadable",
        message,
        where=f"{machine.path}, while reading its facts",
        notes=tuple(evidence.splitlines()[-5:]),
        hint="python3 on that machine may be broken: run `python3 -c 'import ctypes, json'` there",
    )
