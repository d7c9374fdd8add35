"""Where a host behind SSH is, in the words that `ssh` takes (pure)."""

from dataclasses import dataclass


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
