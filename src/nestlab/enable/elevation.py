"""How root's work is done: as root, or through sudo with a password that only stdin carries."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field

from nestlab.deadline import Deadline
from nestlab.errors import HostError, MachineError
from nestlab.machine import failures
from nestlab.machine.protocol import Completed, Machine

_LIMIT = 4 << 20

_PREAMBLE = (
    # sudo leaves the password on stdin when it needs none (NOPASSWD, a recent login): whatever
    # comes before the token is thrown away, so that it never ends up in a file.
    "found=; while IFS= read -r line; do "
    '[ "$line" = "$1" ] && { found=yes; break; }; done; unset line; '
    '[ "$found" ] || { echo "nothing came by stdin" >&2; exit 7; }; shift; '
    "PATH=$PATH:/usr/sbin:/sbin; LC_ALL=C; export PATH LC_ALL\n"
)

COMMAND = 'exec "$@" </dev/null'
"""A script that runs its arguments as a command."""


@dataclass(frozen=True)
class Elevation:
    """How to become root on one machine.

    prefix    what is put before an argv: nothing for root
    password  sent on stdin when sudo asks; in no argv, no log and no `repr`
    """

    prefix: tuple[str, ...] = ()
    password: str | None = field(default=None, repr=False)

    @classmethod
    def of(cls, uid: int | None, password: str | None = None) -> "Elevation":
        """For this user: root needs nothing; others sudo, which asks nothing without a password."""
        if uid == 0:
            return cls()
        if password is None:
            return cls(("sudo", "-n"))
        return cls(("sudo", "-S", "-p", ""), password)

    def argv(self, words: Sequence[str]) -> tuple[str, ...]:
        """The command with what makes it root's."""
        return (*self.prefix, *words)

    def shown(self, words: Sequence[str]) -> tuple[str, ...]:
        """The command as a person would type it."""
        return (*self.prefix[:1], *words)

    @property
    def secret(self) -> bytes:
        """What sudo reads first."""
        return b"" if self.password is None else self.password.encode() + b"\n"


async def authorize(machine: Machine, elevate: Elevation, *, deadline: Deadline) -> None:
    """Make sure that root's work can be done, before anything is changed.

    The password is sent alone: were more on stdin, sudo would take it for further attempts.
    Raises HostError `enable.needs-root`, and whatever `Machine.run` raises.
    """
    try:
        argv = elevate.argv(("id", "-u"))
        done = await machine.run(argv, deadline=deadline, stdin=elevate.secret)
    except MachineError as problem:
        if problem.code != "machine.no-such-program":
            raise
        raise _needs_root(machine, (f"there is no program {argv[0]}",), elevate) from problem
    if not done.ok or done.text.strip() != "0":
        raise _needs_root(machine, failures.last_lines(done.stderr), elevate)


async def as_root(
    machine: Machine,
    elevate: Elevation,
    script: str,
    *words: str,
    deadline: Deadline,
    data: bytes = b"",
    limit: int = _LIMIT,
) -> Completed:
    """Run a constant script with positional parameters; it finds `data` on its stdin.

    Its messages are in English and /usr/sbin is on its PATH. It exits with 7 when stdin was lost.
    """
    token = secrets.token_hex(16)
    argv = elevate.argv(("sh", "-c", _PREAMBLE + script, "sh", token, *words))
    stdin = elevate.secret + token.encode() + b"\n" + data
    return await machine.run(argv, deadline=deadline, stdin=stdin, limit=limit)


def _needs_root(machine: Machine, notes: tuple[str, ...], elevate: Elevation) -> HostError:
    if elevate.password is not None:
        hint = "sudo did not take this password, or this user may not use sudo there"
    elif elevate.prefix:
        hint = "run it where sudo can ask for a password, log in as root, or allow sudo without one"
    else:
        hint = "log in as root or use sudo"
    return HostError(
        "enable.needs-root",
        f"changing kernel modules needs root on {machine.path}",
        where=f"{machine.path}, while becoming root",
        hint=hint,
        notes=notes,
    )
