"""Root's small files on a machine: read, replaced and removed whole, and only as they were seen.

Plain sh and coreutils do it, so that no Python is needed there. The content's checksum is compared
on the machine before the file takes its name: a connection that breaks in the middle changes
nothing. Between the comparison with what was there and the rename lies one system call.
"""

import hashlib
from dataclasses import dataclass
from typing import Literal

from nestlab.deadline import Deadline
from nestlab.enable.elevation import Elevation, as_root
from nestlab.errors import HostError
from nestlab.machine import failures
from nestlab.machine.protocol import Completed, Machine
from nestlab.units import MIB

Purpose = Literal["enable", "disable"]

ABSENT = "absent"
_CHANGED = 9

_READ = """
if [ -L "$1" ] || { [ -e "$1" ] && [ ! -f "$1" ]; }; then echo other; exit; fi
[ -e "$1" ] || { echo absent; exit; }
stat -c 'file %a %u %g' -- "$1" && cat -- "$1"
"""

_CHECK = """
seen() {
  if [ -L "$1" ]; then echo link; elif [ -e "$1" ]; then sum < "$1"; else echo absent; fi
}
sum() { sha256sum | cut -d ' ' -f 1; }
unchanged() { [ "$(seen "$1")" = "$2" ] || { echo "$1 is not what it was" >&2; exit 9; }; }
"""

# path, checksum of what is there, checksum of what comes, mode, owner or -
_WRITE = (
    _CHECK
    + """
folder=$(dirname -- "$1") && umask 022 && mkdir -p -- "$folder" || exit 1
temporary=$(mktemp -- "$folder/.nestlab.XXXXXX") || exit 1
trap 'rm -f -- "$temporary"' 0
trap 'exit 1' HUP INT PIPE TERM
cat > "$temporary" && [ "$(sum < "$temporary")" = "$3" ] || { echo "cannot write" >&2; exit 1; }
if [ "$5" != - ] && [ "$(stat -c %u:%g -- "$temporary")" != "$5" ]; then
  chown -- "$5" "$temporary" || exit 1
fi
chmod -- "$4" "$temporary" && sync -- "$temporary" || exit 1
unchanged "$1" "$2"
mv -f -- "$temporary" "$1" && sync -- "$folder"
"""
)

# path, checksum of what is there; -, or a folder that goes when it is empty
_REMOVE = (
    _CHECK
    + """
unchanged "$1" "$2"
rm -f -- "$1" || exit 1
sync -- "$(dirname -- "$1")"
[ "$3" = - ] || rmdir -- "$3" 2>/dev/null || :
"""
)


@dataclass(frozen=True)
class Paths:
    """Where things are on a machine; tests put them elsewhere."""

    modprobe_d: str = "/etc/modprobe.d"
    state: str = "/var/lib/nestlab"
    modules: str = "/sys/module"
    device: str = "/dev/kvm"

    @property
    def options(self) -> str:
        """The file with nestlab's options for modprobe; no other file there is ever written."""
        return f"{self.modprobe_d}/nestlab.conf"

    @property
    def journal(self) -> str:
        """What `disable` needs to know."""
        return f"{self.state}/enable.json"


@dataclass(frozen=True)
class FileState:
    """A regular file as it is: bytes, permission bits, and numeric owner and group."""

    content: bytes
    mode: int
    uid: int
    gid: int


def checksum(content: bytes | None) -> str:
    """SHA-256 in hexadecimal, or `absent` for a file that is not there."""
    return ABSENT if content is None else hashlib.sha256(content).hexdigest()


@dataclass(frozen=True)
class RootFiles:
    """Files of one machine, handled as root. Errors are `PURPOSE.…` (`enable.changed`)."""

    machine: Machine
    elevate: Elevation
    deadline: Deadline
    purpose: Purpose = "enable"

    async def read(self, path: str) -> FileState | None:
        """The file, or None when it is not there.

        Raises HostError: `….not-a-file` (a link, a folder), `….unreadable` (or over 1 MiB).
        """
        done = await self._run(_READ, path)
        head, _, content = done.stdout.partition(b"\n")
        if head == b"absent":
            return None
        if head == b"other":
            raise self._error(
                f"{self.purpose}.not-a-file", f"{path} is a link or no regular file", "move it away"
            )
        words = head.decode("ascii", "replace").split()
        if not done.ok or len(words) != 4 or len(content) > MIB:
            hint = f"look at it: `ls -l {path}`"
            raise self._error(f"{self.purpose}.unreadable", f"cannot read {path}", hint, done)
        mode, uid, gid = words[1:]
        return FileState(content, int(mode, 8), int(uid), int(gid))

    async def write(
        self,
        path: str,
        content: bytes,
        *,
        before: bytes | None,
        mode: int,
        owner: tuple[int, int] | None = None,
    ) -> None:
        """Replace the file, or make it, with its folder; no owner: root's.

        Raises HostError: `….changed` (it is not `before` any more), `….not-written`.
        """
        to = "-" if owner is None else "{}:{}".format(*owner)
        words = (path, checksum(before), checksum(content), f"{mode:o}", to)
        self._settle(await self._run(_WRITE, *words, data=content), path)

    async def remove(self, path: str, *, before: bytes, folder: str | None = None) -> None:
        """Remove the file, and `folder` if that leaves it empty. Raises as `write` does."""
        words = (path, checksum(before), folder or "-")
        self._settle(await self._run(_REMOVE, *words), path)

    async def _run(self, script: str, *words: str, data: bytes = b"") -> Completed:
        return await as_root(
            self.machine, self.elevate, script, *words, deadline=self.deadline, data=data
        )

    def _settle(self, done: Completed, path: str) -> None:
        if done.status == _CHANGED:
            message = f"{path} was changed by somebody else in the meantime"
            hint = f"look at it, then run `nestlab {self.purpose}` again"
            raise self._error(f"{self.purpose}.changed", message, hint, done)
        if not done.ok:
            hint = "make room there, or make the file system writable; nothing was changed in it"
            raise self._error(f"{self.purpose}.not-written", f"cannot change {path}", hint, done)

    def _error(
        self, code: str, message: str, hint: str, done: Completed | None = None
    ) -> HostError:
        return HostError(
            code,
            message,
            where=f"{self.machine.path}, while changing its configuration",
            hint=hint,
            notes=failures.last_lines(done.stderr) if done else (),
        )
