"""A lab as Ansible sees it (pure)."""

import shlex
from collections import defaultdict
from pathlib import Path

from nestlab.lab.enter.ssh_config import host_alias, host_aliases
from nestlab.lab.record.state import LabState

Vars = dict[str, str | int]


def host_vars(state: LabState, config: Path) -> dict[str, Vars]:
    """Host -> its variables, for machines that are up.

    config  what `write_hosts` wrote: it has ports, keys and the way through the parents
    """
    return {
        host_aliases(state, guest.path)[0]: {
            "ansible_host": host_alias(state.id, guest.path),
            "ansible_user": "root",
            "ansible_ssh_common_args": f"-F {shlex.quote(str(config))}",
            "nestlab_path": guest.path,
            "nestlab_level": guest.path.count("/") + 1,
        }
        for guest in state.guests
        if guest.ssh_port is not None
    }


def groups(hosts: dict[str, Vars]) -> dict[str, list[str]]:
    """Group -> hosts: `level1`, `level2` and so on, and `hypervisors`, which have guests."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    parents = {str(each["nestlab_path"]).rpartition("/")[0] for each in hosts.values()}
    for name, each in hosts.items():
        found[f"level{each['nestlab_level']}"].append(name)
        if each["nestlab_path"] in parents:
            found["hypervisors"].append(name)
    return dict(sorted(found.items()))


def static_inventory(hosts: dict[str, Vars]) -> dict[str, object]:
    """What Ansible's `yaml` inventory plugin reads: JSON is YAML."""
    children = {group: {"hosts": dict.fromkeys(names)} for group, names in groups(hosts).items()}
    return {"all": {"hosts": hosts, "children": children}}


def dynamic_inventory(hosts: dict[str, Vars]) -> dict[str, object]:
    """What Ansible expects of an inventory script that is called with `--list`."""
    found = groups(hosts)
    return {
        **{group: {"hosts": names} for group, names in found.items()},
        "all": {"children": ["ungrouped", *found]},
        "_meta": {"hostvars": hosts},
    }
