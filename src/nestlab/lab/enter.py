"""How people enter a lab's machines: an OpenSSH configuration (pure)."""

import shlex
from pathlib import Path

from nestlab.lab.state import LabState

_CONFIG = "ssh_config"


def ssh_config(state: LabState, folder: Path) -> str:
    """Text for `ssh -F`: one host per machine, deeper ones are reached through their parents."""
    blocks = []
    for guest in state.guests:
        parent, _, _ = guest.path.rpartition("/")
        through = f"  ProxyCommand {_proxy(folder, _alias(parent))}\n" if parent else ""
        blocks.append(
            f"Host {_alias(guest.path)}\n"
            f"  HostName 127.0.0.1\n  Port {guest.ssh_port}\n  User root\n"
            f"  IdentityFile {_file(folder / 'id_ed25519')}\n  IdentitiesOnly yes\n"
            f"  UserKnownHostsFile {_file(folder / 'known_hosts')}\n"
            f"  GlobalKnownHostsFile /dev/null\n  StrictHostKeyChecking yes\n"
            f"  HostKeyAlias {guest.identity}\n{through}"
        )
    return "\n".join(blocks)


def known_hosts(state: LabState) -> str:
    """One line per machine, by the alias that its configuration uses."""
    return "".join(f"{guest.identity} {guest.host_key}\n" for guest in state.guests)


def write_access(state: LabState, folder: Path) -> Path:
    """Write both files; returns the configuration's path."""
    (folder / "known_hosts").write_text(known_hosts(state))
    config = folder / _CONFIG
    config.write_text(ssh_config(state, folder))
    return config


def _alias(path: str) -> str:
    """`l2` for `l1/l2`: in a chain the last name says it all."""
    return path.rpartition("/")[2]


def _file(path: Path) -> str:
    """Quoted for spaces; a percent sign would begin a token (ssh_config(5), TOKENS)."""
    return '"{}"'.format(str(path).replace("%", "%%"))


def _proxy(folder: Path, parent: str) -> str:
    """What ProxyJump would run, quoted: ssh(1) itself passes the path of `-F` on unquoted.

    The user's shell reads it after ssh has replaced the tokens.
    """
    config = shlex.quote(str(folder / _CONFIG)).replace("%", "%%")
    return f"ssh -F {config} -W 127.0.0.1:%p {shlex.quote(parent)}"
