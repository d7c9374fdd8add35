"""The lines that are ours in a machine's /etc/hosts; all others are its user's."""

import hashlib

from nestlab.deadline import Deadline
from nestlab.errors import MachineError
from nestlab.machine.failures import last_lines
from nestlab.machine.protocol import Machine
from nestlab.net.hosts import Hosts

FILE = "/etc/hosts"
_BEGIN = "# begin: machines of this lab, written by nestlab"
_END = "# end: machines of this lab"

# An end that somebody removed makes no line of the user's ours: then what follows the beginning
# stays, and the mark alone goes, or it would meet another end one day. The new file takes the place
# of the old one whole, with its owner and its mode.
_WRITE = r"""
set -eu
export LC_ALL=C
file=$(readlink -f -- "$1") begin=$2 end=$3
[ -e "$file" ] || : >"$file"
new=$(mktemp "$file.XXXXXX")
trap 'rm -f -- "$new"' EXIT
cp -p -- "$file" "$new"
{
    awk -v begin="$begin" -v end="$end" '
        $0 == begin { printf "%s", held; held = ""; inside = 1; next }
        $0 == end { held = ""; inside = 0; next }
        inside { held = held $0 ORS; next }
        { print }
        END { printf "%s", held }
    ' "$file"
    cat
} >"$new"
cmp -s -- "$file" "$new" && exit 0
sync -- "$new" 2>/dev/null || sync
mv -f -- "$new" "$file"
echo changed
"""


def hosts_block(hosts: Hosts) -> str:
    """The lines between their marks."""
    lines = (f"{address} {' '.join(names)}\n" for address, names in hosts)
    return f"{_BEGIN}\n{''.join(lines)}{_END}\n"


def digest(hosts: Hosts) -> str:
    """What tells one block from another."""
    return hashlib.sha256(hosts_block(hosts).encode()).hexdigest()


async def write_hosts_block(
    machine: Machine, hosts: Hosts, *, deadline: Deadline, file: str = FILE
) -> bool:
    """Put the lines in place of those that were there; whether that changed anything.

    Raises MachineError `guest.names-not-written`, `machine.*`.
    """
    argv = ("sh", "-c", _WRITE, "sh", file, _BEGIN, _END)
    done = await machine.run(argv, stdin=hosts_block(hosts).encode(), deadline=deadline)
    if not done.ok:
        last = last_lines(done.stderr)
        raise MachineError(
            "guest.names-not-written",
            f"{file} of {machine.path} cannot be written: {last[-1] if last else 'no reason said'}",
            where=f"{machine.path}, while it was told names",
            notes=last,
        )
    return done.text.strip() == "changed"
