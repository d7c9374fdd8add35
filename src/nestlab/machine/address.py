"""Where a host behind SSH is, in the words that `ssh` takes (pure)."""

import re
from dataclasses import dataclass

from nestlab.errors import UsageError

_HOST = re.compile(
    r"(?:ssh://)?(?:(?P<user>[^@\s:/-][^@\s:/]*)@)?"
    r"(?P<host>\[[0-9A-Fa-f:.%\w]+\]|[^\s:/@\[\]-][^\s:/@\[\]]*)(?::(?P<port>\d{1,5}))?/?"
)


@dataclass(frozen=True)
class Address:
    """`user@host:port`; what is None comes from ~/.ssh/config or is SSH's default."""

    host: str
    user: str | None = None
    port: int | None = None

    def __str__(self) -> str:
        user = f"{self.user}@" if self.user else ""
        host = f"[{self.host}]" if ":" in self.host and self.port else self.host
        return f"{user}{host}" + (f":{self.port}" if self.port else "")

    @property
    def typed(self) -> str:
        """How a user types it for OpenSSH's client."""
        port = f"-p {self.port} " if self.port else ""
        return f"ssh {port}{self.user + '@' if self.user else ''}{self.host}"


def parse_address(text: str) -> Address:
    """`host`, `user@host`, `user@host:port`, `ssh://…`. Raises UsageError `target.unreadable`."""
    found = _HOST.fullmatch(text)
    if found is None or int(found["port"] or 1) not in range(1, 65536):
        raise UsageError(
            "target.unreadable", f"{text!r} is not a host", hint="give user@host or user@host:port"
        )
    port = int(found["port"]) if found["port"] else None
    return Address(found["host"].strip("[]"), found["user"], port)
