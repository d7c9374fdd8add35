"""virsh on a machine: what it says when it refuses, in words that name the remedy."""

import re
from dataclasses import dataclass

from nestlab.deadline import Deadline
from nestlab.errors import HostError, MachineError, NestlabError
from nestlab.machine.failures import last_lines
from nestlab.machine.protocol import Completed, Machine

_ENABLE = "`systemctl enable --now libvirtd`"
# libvirt's src/rpc/virnetsocket.c and src/access/viraccessdriverpolkit.c
_NO_DAEMON = re.compile(r"[Ff]ailed to connect socket|Connection refused|[Cc]annot recv data")
_REFUSED = re.compile(
    r"authentication (failed|unavailable|cancelled)|sock.*Permission denied|system bus connection"
)
_LOST = re.compile(r"End of file while reading data|client socket is closed|Broken pipe")
_NO_LOG_DAEMON = re.compile(r"virtlogd")
_DENIED = re.compile(r"Permission denied")
_DENIAL = re.compile(r'apparmor="DENIED"|avc: *denied')
_FULL = re.compile(r"No space left on device")

_DENIALS = """
for source in "journalctl -kq -n 400" dmesg; do
    $source 2>/dev/null | grep -E 'apparmor="DENIED"|avc: *denied' | tail -n 3 | grep . && exit 0
done
exit 0
"""


@dataclass(frozen=True)
class Virsh:
    """virsh of one machine, with one libvirtd.

    uri  `qemu:///system`, or `qemu:///session` for a user without privileges
    """

    machine: Machine
    uri: str

    async def run(self, *words: str, deadline: Deadline, stdin: bytes = b"") -> Completed:
        """Its answer, whatever it is. Raises HostError `libvirt.missing`; MachineError."""
        argv = ("virsh", "--quiet", "--connect", self.uri, *words)
        try:
            return await self.machine.run(argv, deadline=deadline, stdin=stdin)
        except MachineError as problem:
            if problem.code == "machine.no-such-program":
                raise libvirt_missing(self.machine.path) from problem
            raise

    async def said(self, *words: str, deadline: Deadline, stdin: bytes = b"") -> str:
        """What it printed. Raises HostError and MachineError `libvirt.*` with its own words."""
        done = await self.run(*words, deadline=deadline, stdin=stdin)
        if not done.ok:
            raise await self.failure(done, f"`virsh {words[0]}`", deadline)
        return done.text

    async def failure(self, done: Completed, what: str, deadline: Deadline) -> NestlabError:
        """The error for what it refused, with denials of AppArmor and SELinux where it says so."""
        notes = last_lines(done.stderr)
        if any(_DENIED.search(line) for line in notes):
            log = await self.machine.run(("sh", "-c", _DENIALS), deadline=deadline)
            notes = (*notes, *last_lines(log.stdout))
        return explained(notes, what, self.machine.path, self.uri)


def explained(notes: tuple[str, ...], what: str, path: str, uri: str) -> NestlabError:
    """The error for libvirt's own words (pure)."""
    text, where = "\n".join(notes), f"{path}, while asking {uri}"
    if _REFUSED.search(text):
        return HostError(
            "libvirt.refused",
            f"libvirt of {path} does not let this user in",
            where=where,
            hint="join the group that may (`sudo usermod -aG libvirt $USER`, then log in again)",
            notes=notes,
        )
    if _LOST.search(text):
        return MachineError(
            "libvirt.lost",
            f"libvirtd of {path} went away during {what}",
            where=where,
            hint=f"start it again ({_ENABLE}) and repeat the command",
            notes=notes,
        )
    if _NO_DAEMON.search(text):
        daemon = "virtlogd" if _NO_LOG_DAEMON.search(text) else "libvirtd"
        return HostError(
            "libvirt.no-daemon",
            f"{daemon} of {path} does not answer",
            where=where,
            hint=f"start it: `sudo systemctl enable --now {daemon}`",
            notes=notes,
        )
    return _failed(text, notes, what, path, where)


def _failed(text: str, notes: tuple[str, ...], what: str, path: str, where: str) -> NestlabError:
    hint = "the lines above are libvirt's own words"
    if re.search(
        r"DENIED|denied", "\n".join(line for line in notes if "avc" in line or "apparmor" in line)
    ):
        hint = "a security module refused it: see the lines above, and its own tool for exceptions"
    elif _FULL.search(text):
        hint = "free some space on that disk"
    return MachineError(
        "libvirt.failed", f"libvirt of {path} refused {what}", where=where, hint=hint, notes=notes
    )


def libvirt_missing(path: str) -> HostError:
    """The error for a machine without libvirt."""
    return HostError(
        "libvirt.missing",
        f"{path} has no virsh",
        where=f"{path}, while looking for libvirt",
        hint="install it: `sudo apt-get install libvirt-daemon-system libvirt-clients` (Debian,"
        " Ubuntu), `sudo dnf install libvirt` (Fedora)",
    )
