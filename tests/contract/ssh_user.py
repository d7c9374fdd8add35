"""A user's ~/.ssh that leads to a server on loopback under as many names as wanted."""

import stat
from pathlib import Path

from sshd_world import Sshd


def ssh_home(server: Sshd, home: Path, *, host_key: str | None = None) -> Path:
    """Write config, key and known_hosts below `home`: every host `t…` is that server.

    host_key  what known_hosts has; empty: nothing; by default the truth
    """
    folder = home / ".ssh"
    folder.mkdir(parents=True, mode=0o700)
    key = folder / "id_ed25519"
    server.client_key.write_private_key(key)
    key.chmod(stat.S_IRUSR | stat.S_IWUSR)
    (folder / "config").write_text(
        f"Host t*\n  HostName 127.0.0.1\n  Port {server.port}\n  User {server.username}\n"
        f"Host silent closed\n  HostName 127.0.0.1\n  User {server.username}\n"
    )
    known = server.host_key if host_key is None else host_key
    (folder / "known_hosts").write_text(f"[127.0.0.1]:{server.port} {known}\n" if known else "")
    return home
