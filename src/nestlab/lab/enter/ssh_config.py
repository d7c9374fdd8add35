"""How people enter a lab's machines: an OpenSSH configuration (pure)."""

import re
import shlex
import tempfile
from pathlib import Path

from nestlab.lab.record.keys import FILE
from nestlab.lab.record.state import GuestRecord, LabState
from nestlab.machine.address import parse_address

_CONFIG, _HOSTS = "ssh_config", "ssh_hosts"
_LITERAL = re.compile(r"[\w.-]+", re.ASCII)


def ssh_config(state: LabState, folder: Path) -> str:
    """Text for `ssh -F`: one host per machine, deeper ones are reached through their parents."""
    blocks = []
    for guest in state.guests:
        parent, _, _ = guest.path.rpartition("/")
        through = _through(state, _proxy(folder, _alias(parent)) if parent else None)
        blocks.append(f"Host {_alias(guest.path)}\n{_login(guest, folder)}{through}")
    return "\n".join(blocks)


def _login(guest: GuestRecord, folder: Path) -> str:
    """What every way in has in common."""
    return (
        f"  HostName 127.0.0.1\n  Port {guest.ssh_port}\n  User root\n"
        f"  IdentityFile {_file(folder / FILE)}\n  IdentitiesOnly yes\n"
        f"  UserKnownHostsFile {_file(folder / 'known_hosts')}\n"
        f"  GlobalKnownHostsFile /dev/null\n  StrictHostKeyChecking yes\n"
        f"  HostKeyAlias {guest.identity}\n"
    )


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


def _proxy(folder: Path, parent: str, file: str = _CONFIG) -> str:
    """What ProxyJump would run, quoted: ssh(1) itself passes the path of `-F` on unquoted.

    The user's shell reads it after ssh has replaced the tokens.
    """
    config = shlex.quote(str(folder / file)).replace("%", "%%")
    return f"ssh -F {config} -W 127.0.0.1:%p {shlex.quote(parent)}"


def _through(state: LabState, parent: str | None) -> str:
    """The way to a guest: through its parent, or through the lab's host as the user enters it."""
    if parent is None and state.host:
        address = parse_address(state.host)
        port = f"-p {address.port} " if address.port else ""
        user = f"{address.user}@" if address.user else ""
        target = shlex.quote(f"{user}{address.host}").replace("%", "%%")
        parent = f"ssh -W 127.0.0.1:%p {port}{target}"
    return f"  ProxyCommand {parent}\n" if parent else ""


def host_alias(lab: str, path: str) -> str:
    """`l1.l2.seed`: no two machines of the labs of one user have the same, by the lab's id."""
    return f"{path.replace('/', '.')}.{lab}"


def host_aliases(state: LabState, path: str) -> tuple[str, ...]:
    """By the lab's name, if it has one that ssh takes literally, and by its id."""
    named = state.name if state.name and _LITERAL.fullmatch(state.name) else None
    return tuple(host_alias(lab, path) for lab in (named, state.id) if lab)


def hosts_config(state: LabState, folder: Path) -> str:
    """Text for ~/.ssh/config: one host per machine that is up, under all of its aliases.

    Deeper ones are reached through their parents, by the file that `write_hosts` writes.
    """
    blocks = []
    for guest in state.guests:
        if guest.ssh_port is None:
            continue
        parent, _, _ = guest.path.rpartition("/")
        command = _proxy(folder, host_alias(state.id, parent), _HOSTS) if parent else None
        through = _through(state, command)
        names = " ".join(host_aliases(state, guest.path))
        blocks.append(f"Host {names}\n{_login(guest, folder)}{through}")
    return "\n".join(blocks)


def write_hosts(state: LabState, folder: Path) -> Path:
    """Write the configuration and the known hosts for another process; returns its path."""
    _replace(folder / "known_hosts", known_hosts(state))
    _replace(folder / _HOSTS, hosts_config(state, folder))
    return folder / _HOSTS


def _replace(file: Path, text: str) -> None:
    """In one step: another nestlab's ssh may be reading it."""
    with tempfile.NamedTemporaryFile(
        "w", dir=file.parent, prefix=f".{file.name}-", delete=False
    ) as new:
        new.write(text)
    Path(new.name).replace(file)
