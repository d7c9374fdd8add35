"""What virsh says, in the words of our errors."""

import difflib
import re
from collections.abc import Sequence

from nestlab.errors import HostError, MachineError, NestlabError, UsageError
from nestlab.machine import failures
from nestlab.machine.protocol import Completed

NOT_FOUND = 127
_SOCKET = re.compile(r"Failed to connect socket to '([^']+)'")
_DENIED = ("Permission denied", "access denied", "authentication", "polkit", "not authorized")


def no_virsh(path: str) -> HostError:
    """`expose.no-virsh`."""
    return HostError(
        "expose.no-virsh",
        f"there is no virsh on {path}",
        where=f"{path}, while asking libvirt",
        hint="install it there: `sudo apt-get install libvirt-clients` (Fedora: libvirt-client)",
    )


def of_virsh(path: str, uri: str, done: Completed, known: Sequence[str] = ()) -> NestlabError:
    """The error for a virsh that did not end well.

    known  names of domains, to tell the nearest of one that is not there
    """
    said = done.error_text
    notes = failures.last_lines(done.stderr) or failures.last_lines(done.stdout)
    where = f"{path}, while asking libvirt ({uri})"
    if done.status == NOT_FOUND:
        return no_virsh(path)
    # A socket that may not be opened is a matter of permission, whatever else is said.
    if any(word in said for word in _DENIED):
        return _not_permitted(uri, where, notes)
    if "failed to connect to the hypervisor" in said or _SOCKET.search(said):
        return _unreachable(uri, said, where, notes)
    if "Domain not found" in said or "failed to get domain" in said:
        return _no_such_domain(done.argv[-1], where, known)
    return MachineError(
        "expose.virsh-failed",
        f"virsh did not do it (it exited with {done.status})",
        where=where,
        hint="its own words are above",
        notes=notes,
    )


def _unreachable(uri: str, said: str, where: str, notes: tuple[str, ...]) -> HostError:
    socket = _SOCKET.search(said)
    path = socket[1] if socket else ""
    service = "virtqemud" if "virtqemud" in path else "libvirtd"
    if uri == "qemu:///session":
        remedy = f"`{service} --daemon` starts one for this user"
    else:
        remedy = f"`sudo systemctl start {service}`; --connect names another one"
    return HostError(
        "expose.libvirt-unreachable",
        f"no libvirt answers at {path or uri}",
        where=where,
        hint=remedy,
        notes=notes,
    )


def _not_permitted(uri: str, where: str, notes: tuple[str, ...]) -> HostError:
    return HostError(
        "expose.not-permitted",
        f"this user may not manage {uri}",
        where=where,
        hint="`sudo usermod -aG libvirt $USER` and log in again, run it as root, or use your own "
        "guests with --connect qemu:///session",
        notes=notes,
    )


def _no_such_domain(word: str, where: str, known: Sequence[str]) -> UsageError:
    name = word.partition("=")[2] or word
    near = difflib.get_close_matches(name, known, 1)
    there = f"did you mean {near[0]!r}?" if near else "`virsh list --all` shows them"
    return UsageError(
        "expose.no-such-domain", f"there is no domain {name!r}", where=where, hint=there
    )
