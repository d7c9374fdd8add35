"""Where the facts are read: this machine, or a copy of another one's files.

Every read is bounded and waits for nothing.
"""

import errno
import os
import stat

from nestlab.facts.probe.report import MYPY

if MYPY:
    from typing import Any, Callable

SETTING = 4096  # bytes of a file in /sys that holds one value
BIG = 16 << 20  # bytes of the longest file that is read
ENTRIES = 8192  # names in one folder, and processors of one machine
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".split(":")


class Source:
    """Where the facts are read: this machine, or with `root` a copy of another one's files.

    A copy is untrusted: its symbolic links lead to places inside of it, absolute or not.
    """

    def __init__(
        self,
        root: "str | None" = None,
        functional: "bool" = True,
        anonymous: "bool" = False,
        programs: "bool" = True,
    ) -> "None":
        self.offline = root is not None
        self.programs = programs and not self.offline
        self.root = (root or "").rstrip("/")
        self.functional = functional
        self.anonymous = anonymous
        self.kept = {}  # type: dict[str, Any]

    def once(self, reader: "Callable[[Source], Any]") -> "Any":
        """What the reader gives, asked once; what it raises comes every time."""
        name = reader.__name__
        if name not in self.kept:
            try:
                self.kept[name] = (reader(self), None)
            except (OSError, ValueError, LookupError, ImportError) as problem:
                self.kept[name] = (None, problem)
        value, failure = self.kept[name]
        if failure is not None:
            raise failure
        return value

    def resolve(self, path: "str") -> "str":
        """The place of `path` on the machine that runs this; in a copy no link is left in it.

        Raises OSError: what is not there, or more than 40 links (as the kernel has it).
        """
        if not self.offline:
            return path
        ahead = path.split("/")[::-1]
        behind = []  # type: list[str]
        links = 0
        while ahead:
            part = ahead.pop()
            if part == "..":
                del behind[-1:]
            if part in {"", ".", ".."}:
                continue
            try:
                target = os.readlink("/".join([self.root, *behind, part]))
            except OSError as problem:
                if problem.errno != errno.EINVAL:  # EINVAL: not a link
                    raise
                behind.append(part)
                continue
            links += 1
            if links > 40:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
            if target.startswith("/"):
                behind = []
            ahead.extend(target.split("/")[::-1])
        return "/".join([self.root, *behind]) or "/"

    def status(self, path: "str") -> "os.stat_result":
        """`stat` of the path. Raises OSError that names the path as its own machine has it."""
        try:
            return os.stat(self.resolve(path))
        except OSError as problem:
            raise OSError(problem.errno, problem.strerror, path) from problem

    def exists(self, path: "str") -> "bool":
        """Whether something is there."""
        try:
            self.status(path)
        except (OSError, ValueError):  # ValueError: a link to a name with a NUL
            return False
        return True

    def data(self, path: "str", limit: "int" = 1 << 16, head: "bool" = False) -> "bytes":
        """The bytes of a regular file, as those of /proc and /sys are; never waits.

        Raises OSError, and ValueError when it is longer than `limit` and not only its `head` is
        wanted.
        """
        try:
            content = read_file(self.resolve(path), limit + 1)
        except OSError as problem:
            raise OSError(problem.errno, problem.strerror, path) from problem
        if len(content) > limit and not head:
            raise ValueError("%s is longer than %d bytes" % (path, limit))
        return content[:limit]

    def text(self, path: "str", limit: "int" = 1 << 16, head: "bool" = False) -> "str":
        """Text of a file; bytes that are not UTF-8 are kept as escapes."""
        return self.data(path, limit, head).decode("utf-8", "backslashreplace").strip("\0\n ")

    def setting(self, path: "str") -> "str":
        """The one value that a file of /sys holds. Raises ValueError when it is not text."""
        value = self.data(path, SETTING).decode("utf-8").strip()
        if not value.isprintable():
            raise ValueError("%s does not hold text" % path)
        return value

    def setting_or(self, path: "str", default: "Any") -> "Any":
        """The same, or `default` when it is not there or cannot be read."""
        try:
            return self.setting(path)
        except (OSError, ValueError):
            return default

    def names(self, folder: "str") -> "list[str]":
        """What is in a folder, in order. Raises OSError; ValueError when it is too much."""
        try:
            found = sorted(os.listdir(self.resolve(folder)))
        except OSError as problem:
            raise OSError(problem.errno, problem.strerror, folder) from problem
        if len(found) > ENTRIES:
            raise ValueError("%s has more than %d entries" % (folder, ENTRIES))
        return found

    def names_or_none(self, folder: "str") -> "list[str]":
        """The same; nothing when the folder is not there."""
        try:
            return self.names(folder)
        except (FileNotFoundError, NotADirectoryError):
            return []

    def program(self, name: "str") -> "str | None":
        """Path of a program, looked for where systems have theirs, not where the user's are."""
        for folder in PATH:
            path = "%s/%s" % (folder, name)
            try:
                found = self.status(path)
            except (OSError, ValueError):
                continue
            # a copy may have lost the permission bits
            if stat.S_ISREG(found.st_mode) and (self.offline or os.access(path, os.X_OK)):
                return path
        return None

    def has_programs(self) -> "bool":
        """Whether programs can be looked for at all: a copy may have none."""
        return not self.offline or any(self.exists(folder) for folder in PATH)


def read_file(path: "str", limit: "int") -> "bytes":
    """A regular file up to its end or the limit. Raises OSError, also when it is something else."""
    if not stat.S_ISREG(os.stat(path).st_mode):  # opening a device can do something
        raise OSError(errno.EINVAL, "not a regular file")
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    parts = []  # type: list[bytes]
    try:
        while limit > 0:
            part = os.read(descriptor, min(limit, 1 << 20))
            if not part:
                break
            parts.append(part)
            limit -= len(part)
    finally:
        os.close(descriptor)
    return b"".join(parts)
