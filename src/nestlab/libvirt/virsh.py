"""virsh on some machine: the same for this host, a host over SSH, and a machine of a lab."""

from dataclasses import dataclass
from typing import Final

from nestlab.deadline import Deadline
from nestlab.errors import NestlabError
from nestlab.libvirt import failures
from nestlab.machine.failures import last_lines
from nestlab.machine.protocol import Completed, Machine

SYSTEM: Final = "qemu:///system"
SESSION: Final = "qemu:///session"
_PIPED: Final = 'cat | exec virsh "$@"'
"""virsh opens /dev/stdin by name, which a pipe allows and the socket of an sshd does not."""
_ENGLISH: Final = ("env", "LC_ALL=C")
_LIMIT: Final = 16 << 20

_DENIALS: Final = """
for source in "journalctl -kq -n 400" dmesg; do
    $source 2>/dev/null | grep -E 'apparmor="DENIED"|avc: *denied' | tail -n 3 | grep . && exit 0
done
exit 0
"""


@dataclass(frozen=True)
class Virsh:
    """One libvirt, as the programs of one machine reach it.

    uri       as `virsh --connect` takes it
    deadline  for everything; single commands may have a nearer one
    """

    machine: Machine
    uri: str
    deadline: Deadline

    @property
    def is_of_machine(self) -> bool:
        """Whether the guests run on the machine itself, not on one that the URI names."""
        return self.uri.startswith(("qemu:///", "qemu+unix:///"))

    async def run(
        self, *words: str, stdin: bytes | None = None, deadline: Deadline | None = None
    ) -> Completed:
        """Run virsh; a status other than 0 is a result. Raises what `Machine.run` raises."""
        options = ("--quiet", "--connect", self.uri, *words)
        program = ("virsh",) if stdin is None else ("sh", "-c", _PIPED, "sh")
        return await self.machine.run(
            (*_ENGLISH, *program, *options),
            deadline=deadline or self.deadline,
            stdin=stdin or b"",
            limit=_LIMIT,
        )

    async def said(
        self, *words: str, stdin: bytes | None = None, deadline: Deadline | None = None
    ) -> bytes:
        """What virsh prints.

        Raises HostError: `libvirt.missing`, `libvirt.no-daemon`, `libvirt.refused`; UsageError
        `libvirt.no-such-domain`; MachineError `libvirt.failed`, `libvirt.lost`; and what
        `Machine.run` raises.
        """
        done = await self.run(*words, stdin=stdin, deadline=deadline)
        if done.ok:
            return done.stdout
        raise await self.failed(done)

    async def failed(self, done: Completed) -> NestlabError:
        """The error for what a command left behind."""
        denials = await self._denials() if failures.forbidden(done) else ()
        problem = failures.of_virsh(self.machine.path, self.uri, done, denials=denials)
        if problem.code != "libvirt.no-such-domain":
            return problem
        listed = await self.run("list", "--all", "--name")
        return failures.of_virsh(self.machine.path, self.uri, done, listed.text.split("\n"))

    async def _denials(self) -> tuple[str, ...]:
        """The last lines of AppArmor or SELinux in the kernel's log."""
        done = await self.machine.run(("sh", "-c", _DENIALS), deadline=self.deadline)
        return last_lines(done.stdout)
