"""What lets a user open /dev/kvm: its group, udev's rule, a container's options (pure)."""

from nestlab.check.links import module_name
from nestlab.check.remedy import add_group, root
from nestlab.facts.model import Facts

# what systemd's 50-udev-default.rules has, with the group that distributions choose
_UDEV = 'KERNEL=="kvm", GROUP="kvm", MODE="0660", OPTIONS+="static_node=kvm"'
_RULE_FILE = "/etc/udev/rules.d/65-kvm.rules"


def how_to_open(facts: Facts) -> str:
    """The step for this machine, by the device's permissions and the user's groups."""
    kvm = facts.kvm
    if kvm is None:
        return add_group(facts)
    if facts.outer and facts.outer.container:
        group = f" --group-add {kvm.gid}" if kvm.gid else ""
        return f"start the container with `--device /dev/kvm{group}`"
    if kvm.problem and "Permission denied" not in kvm.problem:
        return _not_a_matter_of_groups(facts, kvm.problem)
    if kvm.mode is not None and (kvm.mode & 0o060 != 0o060 or kvm.gid == 0):
        write = f"echo '{_UDEV}' | {root(facts, f'tee {_RULE_FILE}')}"
        load = root(facts, "udevadm control --reload")
        apply = root(facts, "udevadm trigger --name-match=kvm")
        return f"restore udev's rule: `{write} && {load} && {apply}`; then {add_group(facts)}"
    if facts.user and kvm.gid in facts.user.gids:
        return (
            "its permissions allow it: look for a device cgroup or a security module that refuses"
        )
    group = kvm.group or (str(kvm.gid) if kvm.gid is not None else "kvm")
    return f"join its group: {add_group(facts, group)}"


def _not_a_matter_of_groups(facts: Facts, problem: str) -> str:
    if "Operation not permitted" in problem:
        return "a device cgroup refuses: allow `char 10:232 rw` where this session is confined"
    load = root(facts, f"modprobe {module_name(facts) or 'kvm'}")
    return f"no driver is behind the device: load KVM's modules, `{load}`"
