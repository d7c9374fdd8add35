"""Settings and programs that contradict each other."""

from nestlab.check.links import module_name
from nestlab.check.modules import state_of
from nestlab.check.parameters import Setting, configured, is_on, on_command_line, running
from nestlab.check.remedy import refresh_initramfs, set_parameter
from nestlab.check.rule import Rule, Seen, rule
from nestlab.facts.model import Facts


def _settings(facts: Facts) -> tuple[Setting, ...]:
    """What modprobe.d says about `nested` of this machine's module."""
    name = module_name(facts)
    return configured(facts, name, "nested") if name else ()


@rule(
    "conflict.virtualbox",
    meaning="VirtualBox' module is loaded beside KVM.",
    why="Both want VMX or SVM: since Linux 6.12 KVM takes it while its module is loaded, unless"
    " kvm.enable_virt_at_load=0; VirtualBox 7.2.10 and later needs 1, older ones 0.",
    remedy="Run guests of one of them at a time; set kvm.enable_virt_at_load for your VirtualBox.",
    source="VirtualBox issues 188 and 711; Linux commit b4886fab6fb6",
)
def virtualbox(facts: Facts) -> Seen | None:
    """Warns both ways, since the right value depends on VirtualBox' version."""
    if state_of(facts, "vboxdrv") != "loaded":
        return None
    at_load = is_on(running(facts, "kvm", "enable_virt_at_load"))
    what = "VirtualBox' vboxdrv is loaded beside KVM"
    if at_load is None:
        return Seen("warning", what, "run guests of one of them at a time")
    if at_load:
        return Seen(
            "warning",
            f"{what}, and kvm.enable_virt_at_load is on: VirtualBox before 7.2.10 starts no guest",
            "update VirtualBox to 7.2.10 or later, or put `options kvm enable_virt_at_load=0` into"
            " /etc/modprobe.d; run guests of one of them at a time",
        )
    return Seen(
        "warning",
        f"{what}, and kvm.enable_virt_at_load is off: VirtualBox 7.2.10 and later starts no guest",
        "with VirtualBox 7.2.10 or later take `enable_virt_at_load=0` out of /etc/modprobe.d; run"
        " guests of one of them at a time",
    )


@rule(
    "conflict.vmware",
    meaning="VMware's module vmmon is loaded beside KVM.",
    why="Guests of the one may not start, or hang, while guests of the other run.",
    remedy="Stop VMware's guests, or its service, before KVM's are started.",
    source="VMware Workstation documentation: other hypervisors on the host",
)
def vmware(facts: Facts) -> Seen | None:
    """Workstation and Player."""
    if state_of(facts, "vmmon") != "loaded":
        return None
    return Seen(
        "warning",
        "VMware's vmmon is loaded beside KVM",
        "run guests of one of them at a time",
    )


@rule(
    "conflict.modprobe",
    meaning="Lines of modprobe.d say opposite things about `nested`.",
    why="The last one in modprobe's order wins, which is seldom the one that was edited.",
    remedy="Keep one line.",
    source="modprobe.d(5); crowbar pull request 1261",
)
def contradiction(facts: Facts) -> Seen | None:
    """Between files, or within one."""
    found = _settings(facts)
    if len({is_on(each.value) for each in found}) < 2:
        return None
    said = ", ".join(f"{each.place} says nested={each.value}" for each in found)
    return Seen("warning", f"{said}; the last one wins", f"keep {found[-1].place}, or remove it")


@rule(
    "conflict.not-applied",
    meaning="modprobe.d says something else about `nested` than the module that is loaded.",
    why="After the next reboot or reload nesting will be on or off, contrary to now.",
    remedy="Reload the module while no guest runs, or correct the line.",
    source="modprobe.d(5); tp-qemu pull request 2230",
)
def not_applied(facts: Facts) -> Seen | None:
    """The line that wins against /sys/module."""
    name, found = module_name(facts), _settings(facts)
    if name is None or not found or on_command_line(facts, name, "nested"):
        return None
    now, wanted = is_on(running(facts, name, "nested")), is_on(found[-1].value)
    if now is None or wanted is None or now == wanted or state_of(facts, name) == "builtin":
        return None
    what = f"{found[-1].place} says nested={found[-1].value}, but {name} runs with it"
    return Seen(
        "warning",
        f"{what} {'on' if now else 'off'}",
        set_parameter(facts, name, f"nested={int(wanted)}")
        if wanted
        else f"correct {found[-1].place}, or nesting is off after the next reboot",
    )


@rule(
    "conflict.command-line",
    meaning="The kernel command line and modprobe.d disagree about `nested`.",
    why="modprobe adds the words of the command line last, so that they win.",
    remedy="Take one of them away.",
    source="modprobe.d(5); Linux Documentation/admin-guide/kernel-parameters.rst",
)
def command_line(facts: Facts) -> Seen | None:
    """`kvm_intel.nested=…`, spelt with `-` or `_`."""
    name, found = module_name(facts), _settings(facts)
    word = on_command_line(facts, name, "nested") if name else None
    if word is None or not found or is_on(word.value) == is_on(found[-1].value):
        return None
    return Seen(
        "warning",
        f"the kernel command line says {name}.nested={word.value},"
        f" {found[-1].place} says {found[-1].value}; the command line wins",
        f"take `{name}.nested={word.value}` off the kernel command line",
    )


@rule(
    "conflict.initramfs",
    meaning="KVM's module is inside the initramfs, and modprobe.d has options for it.",
    why="It is loaded from there, with the options that were there when the image was built.",
    remedy="Build the initramfs anew after each change of modprobe.d.",
    source="update-initramfs(8), dracut(8), mkinitcpio(8)",
)
def initramfs(facts: Facts) -> Seen | None:
    """A warning when the running value already differs."""
    found, name = _settings(facts), module_name(facts)
    if not facts.initramfs or not facts.initramfs.has_kvm or not found or name is None:
        return None
    differs = is_on(running(facts, name, "nested")) != is_on(found[-1].value)
    return Seen(
        "warning" if differs else "info",
        f"{name} is loaded from the initramfs, which may have other options than"
        f" {found[-1].place.rpartition(':')[0]}",
        refresh_initramfs(facts),
    )


RULES: tuple[Rule, ...] = (
    virtualbox, vmware, contradiction, not_applied, command_line, initramfs,
)  # fmt: skip
