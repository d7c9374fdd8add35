"""An argv and the one string that a remote login shell turns back into it.

SSH carries a single string, which sshd hands to the login shell of the user (`SHELL -c STRING`,
session.c of OpenSSH). Everything that must survive that shell is decided here and nowhere else.
"""

from collections.abc import Sequence

from nestlab.errors import UsageError

COMMAND_LIMIT = 128 * 1024 - 1
"""Bytes of one argument that Linux executes (MAX_ARG_STRLEN less its NUL, execve(2))."""

NOT_EXECUTABLE, NOT_FOUND = 126, 127
"""What POSIX `sh` exits with when `exec` fails; a program may use both itself."""

_WRAPPER = (
    # The shell leads the process group that sshd made for it, and keeps its pid over `exec`: the
    # number is what the whole group is ended by. When nobody listens any more, start nothing.
    "echo '{token}' $$ >&2 || exit; "
    # A trap is gone after a successful `exec`, so it speaks exactly when the program did not start.
    "trap 'echo {token} $? >&2' 0; "
    "set -- {words}; "
    # bash drops its traps before it tries to execute a path, so ask first.
    'case $1 in */*) [ -e "$1" ] || exit 127; [ -x "$1" ] && [ ! -d "$1" ] || exit 126;; esac; '
    'exec "$@"'
)

_ENDING = (
    "kill -TERM -{group} 2>/dev/null || exit 0; "
    "for pause in 0.1 0.2 0.3 0.4 0.5 0.5; do "
    "sleep $pause; kill -0 -{group} 2>/dev/null || exit 0; "
    "done; kill -KILL -{group}"
)


def checked_argv(argv: Sequence[str]) -> tuple[str, ...]:
    """The argv as a tuple, if every machine can run it.

    Raises UsageError (`argv.invalid`) for no program at all, a NUL byte, which no system call can
    carry, a lone surrogate, and a program name that begins with a dash, which `exec` of bash reads
    as an option (write `./-name`).
    """
    words = tuple(argv)
    if not words or not words[0]:
        raise _invalid("there is no program to run")
    if words[0].startswith("-"):
        raise _invalid(f"the program's name {words[0]!r} begins with a dash")
    if any("\0" in word for word in words):
        raise _invalid(f"an argument of {words[0]!r} has a NUL byte")
    try:
        "".join(words).encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise _invalid(f"an argument of {words[0]!r} cannot be written as bytes") from None
    return words


def quote(word: str) -> str:
    """The word as POSIX `sh` reads it back, whatever it holds.

    Always quoted, unlike `shlex.quote`, which leaves `A=b` bare: an assignment if it comes first.
    """
    return "'" + word.replace("'", "'\\''") + "'"


def remote_command(argv: Sequence[str], token: str) -> bytes:
    """The string that makes a login shell (sh, dash, bash) replace itself by the program.

    The first line of stderr that begins with `token` (letters and digits) ends with the process
    group's number; should the program not be found or not be executable, the last line is
    `token` and 127 or 126 (not always for a script whose interpreter is missing: then the shell's
    own words and status are the result). No process is forked.

    Raises UsageError (`argv.invalid`, `argv.too-long`).
    """
    words = " ".join(quote(word) for word in checked_argv(argv))
    command = _WRAPPER.format(token=token, words=words).encode("utf-8", "surrogateescape")
    if len(command) > COMMAND_LIMIT:
        raise UsageError(
            "argv.too-long",
            f"the command line of {argv[0]!r} is {len(command)} bytes long; "
            f"{COMMAND_LIMIT} bytes fit",
            hint="pass the data by stdin or put a file on the machine",
        )
    return command


def ending_command(group: int) -> str:
    """A string for `sh` that ends a process group: TERM, up to 2 s of patience, then KILL."""
    return _ENDING.format(group=group)


def _invalid(message: str) -> UsageError:
    return UsageError("argv.invalid", message)
