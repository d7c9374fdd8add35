"""The OpenSSH configuration of a lab, as OpenSSH itself reads it."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from lab_examples import L1, L2
from nestlab.lab.enter.ssh_config import known_hosts, ssh_config, write_access
from nestlab.lab.record.state import LabState

L3 = L2.model_copy(
    update={"path": "l1/l2/l3", "identity": "nestlab-0a1b2c3d4e-l1.l2.l3", "ssh_port": 5678}
)
STATE = LabState(id="0a1b2c3d4e", place="/tmp/p", sockets="/tmp/s", guests=(L1, L2, L3))


def read_by_ssh(config: Path, host: str) -> dict[str, str]:
    """Option -> value, as `ssh -G` says it would use them."""
    if not shutil.which("ssh"):
        pytest.skip("there is no ssh; install openssh-client")
    argv = ["ssh", "-G", "-F", str(config), host]
    lines = subprocess.check_output(argv, text=True).splitlines()
    return dict(line.partition(" ")[::2] for line in lines)


def read_by_shell(command: str, port: str) -> list[str]:
    """The words that the user's shell makes of a ProxyCommand once ssh has replaced its tokens."""
    expanded = re.sub("%(.)", lambda token: {"p": port, "%": "%"}[token[1]], command)
    script = f"""set -- {expanded}; printf '%s\\n' "$@" """
    return subprocess.check_output(["sh", "-c", script], text=True).splitlines()


@pytest.mark.parametrize(
    "name", ["plain", "with space", "100%", "50%path", "a,b;c#d", "it's $HOME", "`id` $(id)"]
)
def test_openssh_reads_what_is_meant(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    config = write_access(STATE, folder)
    first, second = read_by_ssh(config, "l1"), read_by_ssh(config, "l2")
    assert (first["hostname"], first["port"], first["user"]) == ("127.0.0.1", "34567", "root")
    assert first["stricthostkeychecking"] in {"true", "yes"}
    assert first["identitiesonly"] == "yes"
    assert first["hostkeyalias"] == L1.identity
    assert first["globalknownhostsfile"] == "/dev/null"
    assert {"proxyjump", "proxycommand"}.isdisjoint(first)
    assert second["port"] == "45678"
    assert second["hostkeyalias"] == L2.identity
    for host, port, parent in (("l2", "45678", "l1"), ("l3", "5678", "l2")):
        command = read_by_ssh(config, host)["proxycommand"]
        words = ["ssh", "-F", str(config), "-W", f"127.0.0.1:{port}", parent]
        assert read_by_shell(command, port) == words
    for found in (first, second):
        # `ssh -G` shows paths before the tokens of `man ssh_config` are replaced: %% is one %
        assert found["identityfile"].replace("%%", "%") == str(folder / "id_ed25519")
        assert found["userknownhostsfile"].replace("%%", "%") == str(folder / "known_hosts")
        assert "%" not in found["identityfile"].replace("%%", "")


def test_the_command_for_a_deeper_level_is_read_by_ssh_itself(tmp_path: Path) -> None:
    folder = tmp_path / "with space"
    folder.mkdir()
    command = read_by_ssh(write_access(STATE, folder), "l2")["proxycommand"]
    argv = read_by_shell(command, "45678")
    told = subprocess.check_output([argv[0], "-G", *argv[1:]], text=True).splitlines()
    assert {f"hostkeyalias {L1.identity}", "port 34567", "hostname 127.0.0.1"} <= set(told)


def test_another_host_is_not_touched(tmp_path: Path) -> None:
    found = read_by_ssh(write_access(STATE, tmp_path), "example.net")
    assert found["hostname"] == "example.net"
    assert "nestlab" not in found.get("hostkeyalias", "")


def test_every_host_key_is_known_by_its_alias(tmp_path: Path) -> None:
    write_access(STATE, tmp_path)
    file = tmp_path / "known_hosts"
    assert file.read_text() == known_hosts(STATE)
    if shutil.which("ssh-keygen"):
        for guest in STATE.guests:
            argv = ["ssh-keygen", "-F", guest.identity, "-f", str(file)]
            assert guest.host_key in subprocess.check_output(argv, text=True)
    assert len(file.read_text().splitlines()) == len(STATE.guests)


def test_a_lab_without_guests_has_no_hosts(tmp_path: Path) -> None:
    empty = STATE.model_copy(update={"guests": ()})
    assert ssh_config(empty, tmp_path) == ""
