"""How long a small guest takes from power-on to SSH and to a whole Debian, at a machine's level.

`programs/boot.py` starts it on the machine's parent, whose clock counts.
"""

from dataclasses import dataclass
from typing import ClassVar

from nestlab.errors import WorkloadError
from nestlab.units import MIB
from nestlab.workload.binding import bind
from nestlab.workload.own_program import OwnProgram, Report, between
from nestlab.workload.protocol import Argv, Case, Command, Envelope, Figure, File, Metric, Parsed
from nestlab.workload.startable import MEMORY, VCPUS, Startable

SSH = Metric("ssh", "s", "lower")
MULTI_USER = Metric("multi_user", "s", "lower")

PROGRAM = OwnProgram("boot", "boot.py", schema=1)

_QUOTED = 400
"""Characters of a reason: it has the console's last line."""

_EXPECTED = 60.0
"""Seconds; nobody knows before, and a level under emulation takes several times that of KVM."""


@dataclass(frozen=True)
class Boot:
    """From the start of QEMU to the first word of sshd, and to `multi-user.target`.

    timeout  seconds after which it has failed
    """

    timeout: int = 300

    name: ClassVar[str] = "boot"
    needs: ClassVar[tuple[str, ...]] = ("python3", "taskset", "qemu-img", "rm")
    metrics: ClassVar[tuple[Metric, ...]] = (SSH, MULTI_USER)
    runs_on_parent: ClassVar[bool] = True

    def cases(self, *, vcpus: int, queue_cpus: int) -> tuple[Case, ...]:  # noqa: ARG002 - Workload's
        """One, with caches dropped on every machine that it is read through."""
        params = {"vcpus": VCPUS, "memory_mib": MEMORY // MIB, "timeout": self.timeout}
        return (Case(self.name, "cold", params),)

    def command(self, case: Case, envelope: Envelope) -> Command:
        """The envelope is that of the parent."""
        guest = envelope.guest
        if guest is None:
            raise WorkloadError("workload.unavailable", "there is no guest that could be started")
        folder = f"{envelope.directory.rstrip('/')}/boot"
        program, timeout = f"{folder}/boot.py", case.number("timeout")
        return Command(
            prepare=(),
            argv=bind(envelope, ("python3", "-I", program, *_words(case, guest))),
            cleanup=(("rm", "-rf", "--", folder, guest.folder, guest.sockets),),
            expected_seconds=min(_EXPECTED, timeout),
            files=(File(program, PROGRAM.source),),
            cold=True,
            bound=float(timeout),
        )

    def parse(self, case: Case, stdout: bytes) -> Parsed:
        """Read the program's JSON. Raises WorkloadError as `Workload.parse` says."""
        report = PROGRAM.read(stdout)
        if (reason := PROGRAM.reason(report, "unavailable", limit=_QUOTED)) is not None:
            raise WorkloadError("workload.unavailable", f"boot {case.case}: {reason}")
        if (reason := PROGRAM.reason(report, "failed", limit=_QUOTED)) is not None:
            raise WorkloadError("workload.failed", f"boot {case.case}: {reason}")
        bound = case.number("timeout") + 60  # a machine that stalls is late to look at its clock
        ssh, multi_user = (_seconds(report, f"{m.metric}_seconds", bound) for m in self.metrics)
        return Parsed(
            figures=(Figure.of(SSH, ssh), Figure.of(MULTI_USER, multi_user)),
            tool_version=f"QEMU {_version(report)}",
            elapsed=max(ssh, multi_user),
        )


def _words(case: Case, guest: Startable) -> Argv:
    return (
        *("--folder", guest.folder, "--sockets", guest.sockets, "--seed", guest.seed),
        *("--console", guest.console, "--monitor", guest.monitor),
        *("--memory", str(case.number("memory_mib") * MIB)),
        *("--timeout", str(case.number("timeout"))),
        *("--", *guest.overlay, "--", *guest.argv),
    )


def _version(report: Report) -> str:
    version = report.get("qemu")
    if not isinstance(version, str) or not version:
        raise PROGRAM.unreadable("it does not say which QEMU")
    return version[:50]


def _seconds(report: Report, key: str, bound: int) -> float:
    seconds = between(report.get(key), bound)
    if seconds is None:
        raise PROGRAM.unreadable(f"there are no seconds {key!r}")
    return seconds
