"""The user's own OpenSSH client for what people do at a terminal: it knows windows and escapes."""

import os
import signal
import sys
from collections.abc import Sequence
from typing import NoReturn

from nestlab.errors import HostError
from nestlab.lab.access.reach import record_of
from nestlab.lab.enter.ssh_config import host_alias, write_hosts
from nestlab.lab.record.naming import Found
from nestlab.machine.quoting import checked_argv, quote

# The login shell stays, since only a shell says 128 + n of a program that a signal n ended; the
# trap keeps Ctrl-C from ending it first, and is not handed down to the program.
_TERMINAL = "trap : INT QUIT; {words}; exit $?"


def terminal_command(argv: Sequence[str]) -> str:
    """The string for a login shell that runs a program on the terminal it has.

    Raises UsageError `argv.invalid`.
    """
    return _TERMINAL.format(words=" ".join(quote(word) for word in checked_argv(argv)))


def shell_argv(found: Found, argv: Sequence[str] = ()) -> tuple[str, ...]:
    """`ssh` into a machine, for a login shell or, with an argv, one program.

    Raises StoredDataError `lab.no-such-machine` when it is not up; UsageError `argv.invalid`.
    """
    words = " ".join(quote(word) for word in checked_argv(argv)) if argv else None
    return (*_client(found), *((words,) if words else ()))


def terminal_argv(found: Found, argv: Sequence[str]) -> tuple[str, ...]:
    """`ssh` that runs a program on a terminal, even where ours is none. Raises as `shell_argv`."""
    quiet = ("-tt", "-o", "LogLevel=ERROR")  # else it says that the connection is closed
    return (*_client(found, *quiet), terminal_command(argv))


def _client(found: Found, *options: str) -> tuple[str, ...]:
    record_of(found.state, found.guest.path)
    config = write_hosts(found.state, found.folder)
    return ("ssh", *options, "-F", str(config), host_alias(found.state.id, found.guest.path))


def become(argv: Sequence[str]) -> NoReturn:
    """Replace this process by the client. Raises HostError `ssh.no-client`."""
    sys.stdout.flush()
    sys.stderr.flush()
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # Python ignores it, which would be inherited
    try:
        os.execvp(argv[0], [os.fsencode(word) for word in argv])  # noqa: S606
    except FileNotFoundError as problem:
        raise HostError(
            "ssh.no-client",
            "there is no OpenSSH client on this machine",
            hint="install it: `sudo apt-get install openssh-client` (Debian, Ubuntu), "
            "`sudo dnf install openssh-clients` (Fedora)",
        ) from problem
