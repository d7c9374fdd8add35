"""What virsh says, in the words of our errors (pure)."""

import difflib
import re
from collections.abc import Sequence

from nestlab.errors import HostError, MachineError, NestlabError, UsageError
from nestlab.machine import failures
from nestlab.machine.protocol import Completed

NOT_FOUND = 127

# The words of libvirt's src/rpc/virnetsocket.c, src/access/viraccessdriverpolkit.c, tools/virsh.c.
_SOCKET = re.compile(r"Failed to connect socket to '([^']+)'")
_NOT_PERMITTED = re.compile(
    r"socket to '[^']+': Permission denied|access denied|authentication|polkit|not authorized"
    r"|system bus connection"
)
_LOST = re.compile(r"End of file while reading data|client socket is closed|Broken pipe")
_FULL = re.compile(r"No space left on device")
_NO_DOMAIN = re.compile(r"Domain not found|failed to get domain")
_FORBIDDEN = re.compile(r"Permission denied")
_DENIAL = re.compile(r'apparmor="DENIED"|avc: *denied')


def no_virsh(path: str) -> HostError:
    """`libvirt.missing`."""
    return HostError(
        "libvirt.missing",
        f"there is no virsh on {path}",
        where=f"{path}, while asking libvirt",
        hint="install it there: `sudo apt-get install libvirt-daemon-system libvirt-clients`"
        " (Debian, Ubuntu), `sudo dnf install libvirt` (Fedora)",
    )


def forbidden(done: Completed) -> bool:
    """Whether the kernel forbade something, of which a security module may have left a line."""
    said = done.error_text
    return bool(_FORBIDDEN.search(said)) and not _SOCKET.search(said)


def of_virsh(
    path: str, uri: str, done: Completed, known: Sequence[str] = (), denials: Sequence[str] = ()
) -> NestlabError:
    """The error for a virsh that did not end well.

    known    names of domains, to tell the nearest of one that is not there
    denials  lines of a security module's log
    """
    said = done.error_text
    notes = failures.last_lines(done.stderr) or failures.last_lines(done.stdout)
    where = f"{path}, while asking libvirt ({uri})"
    if done.status == NOT_FOUND:
        return no_virsh(path)
    # A socket that may not be opened is a matter of permission, whatever else is said.
    if _NOT_PERMITTED.search(said):
        return _not_permitted(uri, where, notes)
    if _LOST.search(said):
        return _lost(path, where, notes)
    if "failed to connect to the hypervisor" in said or _SOCKET.search(said):
        return _no_daemon(uri, said, where, notes)
    if _NO_DOMAIN.search(said):
        return _no_such_domain(done.argv[-1], where, known)
    return MachineError(
        "libvirt.failed",
        f"virsh did not do it (it exited with {done.status})",
        where=where,
        hint=_hint(said, denials),
        notes=(*notes, *denials),
    )


def _hint(said: str, denials: Sequence[str]) -> str:
    if any(_DENIAL.search(line) for line in denials):
        return "a security module forbade it: see the lines above, and its own tool for exceptions"
    if _FULL.search(said):
        return "free some space on that disk"
    return "its own words are above"


def _lost(path: str, where: str, notes: tuple[str, ...]) -> MachineError:
    return MachineError(
        "libvirt.lost",
        f"libvirtd of {path} went away in the middle of a question",
        where=where,
        hint="start it again (`sudo systemctl enable --now libvirtd`) and repeat the command",
        notes=notes,
    )


def _no_daemon(uri: str, said: str, where: str, notes: tuple[str, ...]) -> HostError:
    socket = _SOCKET.search(said)
    path = socket[1] if socket else ""
    service = next((each for each in ("virtqemud", "virtlogd") if each in path), "libvirtd")
    if uri == "qemu:///session":
        remedy = f"`{service} --daemon` starts one for this user"
    else:
        remedy = f"`sudo systemctl enable --now {service}` starts it"
    return HostError(
        "libvirt.no-daemon",
        f"no libvirt answers at {path or uri}",
        where=where,
        hint=remedy,
        notes=notes,
    )


def _not_permitted(uri: str, where: str, notes: tuple[str, ...]) -> HostError:
    return HostError(
        "libvirt.refused",
        f"this user may not manage {uri}",
        where=where,
        hint="`sudo usermod -aG libvirt $USER` and log in again, run it as root, or use your own "
        "guests of qemu:///session",
        notes=notes,
    )


def _no_such_domain(word: str, where: str, known: Sequence[str]) -> UsageError:
    name = word.partition("=")[2] or word
    near = difflib.get_close_matches(name, known, 1)
    there = f"did you mean {near[0]!r}?" if near else "`virsh list --all` shows them"
    return UsageError(
        "libvirt.no-such-domain", f"there is no domain {name!r}", where=where, hint=there
    )
