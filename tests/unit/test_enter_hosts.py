"""Hosts of a lab for the user's OpenSSH and for Ansible."""

import shlex
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from lab_examples import L1, L2
from nestlab.lab.enter.inventory import dynamic_inventory, host_vars, static_inventory
from nestlab.lab.enter.ssh_config import host_aliases, hosts_config, write_hosts
from nestlab.lab.record.state import LabState

WIDE = (
    L1.model_copy(update={"path": "l1-0"}),
    L1.model_copy(update={"path": "l1-1", "ssh_port": 2}),
    L2.model_copy(update={"path": "l1-0/l2", "ssh_port": 3}),
    L2.model_copy(update={"path": "l1-1/l2", "ssh_port": 4}),
    L2.model_copy(update={"path": "l1-1/l3", "ssh_port": None}),
)
STATE = LabState(id="0a1b", name="seed", place="/tmp/p", sockets="/tmp/s", guests=WIDE)


def read_by_ssh(config: Path, host: str) -> dict[str, str]:
    if not shutil.which("ssh"):
        pytest.skip("there is no ssh; install openssh-client")
    argv = ["ssh", "-G", "-F", str(config), host]
    lines = subprocess.check_output(argv, text=True).splitlines()
    return dict(line.partition(" ")[::2] for line in lines)


@pytest.mark.parametrize("folder", ["plain", "with space", "100% it's $HOME"])
def test_no_two_machines_have_one_name(tmp_path: Path, folder: str) -> None:
    (tmp_path / folder).mkdir()
    config = write_hosts(STATE, tmp_path / folder)
    for host, port in (("l1-0.l2.seed", "3"), ("l1-1.l2.seed", "4"), ("l1-1.l2.0a1b", "4")):
        found = read_by_ssh(config, host)
        assert found["port"] == port
        assert found["stricthostkeychecking"] in {"true", "yes"}
        parent = host.partition(".")[0]
        assert found["proxycommand"].endswith(f" {parent}.0a1b")
        words = shlex.split(found["proxycommand"].replace("%%", "%"))
        assert words[:3] == ["ssh", "-F", str(config)]
    assert "l3" not in config.read_text()


def test_the_files_are_private_and_alone(tmp_path: Path) -> None:
    for _ in range(2):
        config = write_hosts(STATE, tmp_path)
    assert {each.name for each in tmp_path.iterdir()} == {"known_hosts", "ssh_hosts"}
    assert stat.S_IMODE(config.stat().st_mode) == 0o600
    assert config.read_text() == hosts_config(STATE, tmp_path)


@pytest.mark.parametrize("name", [None, "a b", "*", "!x", "a\nHost *", ""])
def test_a_name_that_ssh_would_take_for_a_pattern_is_left_out(name: str | None) -> None:
    state = STATE.model_copy(update={"name": name})
    assert host_aliases(state, "l1-0/l2") == ("l1-0.l2.0a1b",)


def test_inventories(tmp_path: Path) -> None:
    hosts = host_vars(STATE, tmp_path / "a b" / "ssh_hosts")
    assert list(hosts) == ["l1-0.seed", "l1-1.seed", "l1-0.l2.seed", "l1-1.l2.seed"]
    told = dynamic_inventory(hosts)
    assert told["level2"] == {"hosts": ["l1-0.l2.seed", "l1-1.l2.seed"]}
    assert told["hypervisors"] == {"hosts": ["l1-0.seed", "l1-1.seed"]}
    words = shlex.split(str(hosts["l1-0.seed"]["ansible_ssh_common_args"]))
    assert words == ["-F", str(tmp_path / "a b" / "ssh_hosts")]
    assert "all" in static_inventory(hosts)
