"""/dev/kvm: there, openable, able to run a guest, and what it offers to that guest."""

from nestlab.check.links import (
    cpu_has,
    extension,
    family,
    has_device,
    is_software,
    may_open,
    module_name,
    offers,
    on_paper,
)
from nestlab.check.modules import blocking, cannot_be, state_of
from nestlab.check.nested import arm_too_old, nested_disabled
from nestlab.check.permission import how_to_open
from nestlab.check.remedy import root
from nestlab.check.rule import Rule, Seen, rule
from nestlab.facts.model import Facts

_CONTAINER = "start the container with `--device /dev/kvm`"
_RUNNING = "Linux Documentation/virt/kvm/x86/running-nested-guests.rst"


@rule(
    "kvm.no-device",
    meaning="The processor can virtualize, but there is no /dev/kvm.",
    why="QEMU and libvirt reach KVM through it; without it they emulate or fail.",
    remedy="Load the module: `sudo modprobe kvm_intel` or kvm_amd; pass it into a container.",
    source=f"{_RUNNING}; kubevirt issue 1128",
)
def no_device(facts: Facts) -> Seen | None:
    """Absent, or nobody looked and the module that makes it is not loaded."""
    kvm, module = facts.kvm, module_name(facts)
    state = state_of(facts, module)
    absent = kvm is not None and kvm.device == "absent"
    # udev makes the node before the module is loaded (static_node), so a copy may show one
    unseen = offers(facts) is None and state == "available"
    if not (absent or unseen) or cannot_be(facts) or state == "absent" or blocking(facts):
        return None
    if family(facts) == "x86" and cpu_has(facts) is None:
        return None  # cpu.no-virtualization says so
    shows = extension(facts)
    although = f" although the CPU has {shows.upper()}" if shows else ""
    command = root(facts, f"modprobe {module or 'kvm'}")
    load = f"load the module: `{command}`"
    if facts.outer and facts.outer.container:
        load = (
            _CONTAINER if state in {"loaded", "builtin"} else f"on the host, {load}; {_CONTAINER}"
        )
    elif state in {"loaded", "builtin"}:
        load = "read `dmesg | grep -i kvm`: the module is there but did not make its device"
    elif family(facts) == "power" and facts.outer and facts.outer.firmware:
        load += "; if it refuses, start this guest with `cap-nested-hv=on` on its host"
    what = "there is no /dev/kvm" if absent else f"{module} is not loaded"
    return Seen("error", f"{what}{although}", load)


@rule(
    "kvm.not-a-device",
    meaning="/dev/kvm is a file or a folder.",
    why="Somebody wrote to it before the module was loaded, or a container's bind mount made it.",
    remedy="Remove it and make the device: character device, major 10, minor 232.",
    source="Linux Documentation/admin-guide/devices.txt",
)
def not_a_device(facts: Facts) -> Seen | None:
    """Anything that is not a character device."""
    if facts.kvm is None or facts.kvm.device != "other":
        return None
    make = " && ".join(
        root(facts, command)
        for command in (
            "rm -r /dev/kvm", "mknod -m 660 /dev/kvm c 10 232", "chgrp kvm /dev/kvm",
        )
    )  # fmt: skip
    return Seen(
        "error",
        "/dev/kvm is a file or a folder, not a character device",
        f"remove it and make the device: `{make}`; {_CONTAINER}",
    )


@rule(
    "kvm.not-openable",
    meaning="/dev/kvm is there, but this user cannot open it.",
    why="QEMU then emulates or fails, while checks that only look for the file pass.",
    remedy="Join the device's group and log in again; where it has none, restore udev's rule.",
    source="libbpf pull request 747; NVIDIA/OpenShell pull request 2566; systemd"
    " 50-udev-default.rules",
)
def not_openable(facts: Facts) -> Seen | None:
    """By opening it; in a copy, by its permissions."""
    if not has_device(facts) or may_open(facts) is not False or facts.kvm is None:
        return None
    mode = "" if facts.kvm.mode is None else f" (mode {facts.kvm.mode:04o}, {_owner(facts)})"
    reason = f": {facts.kvm.problem}" if facts.kvm.problem else ""
    return Seen("error", f"/dev/kvm cannot be opened{mode}{reason}", how_to_open(facts))


def _owner(facts: Facts) -> str:
    kvm = facts.kvm
    assert kvm is not None  # noqa: S101  (the caller has looked)
    return f"group {kvm.group or ('unknown' if kvm.gid is None else kvm.gid)}"


@rule(
    "kvm.no-guest",
    meaning="/dev/kvm opens, but a guest of a few instructions does not run.",
    why="Another hypervisor may hold the extensions, or what this machine was given is broken.",
    remedy="Read the kernel's log about kvm; stop VirtualBox and VMware.",
    source="nixpkgs issue 27930; Linux Documentation/virt/kvm/api.rst (KVM_RUN)",
)
def no_guest(facts: Facts) -> Seen | None:
    """KVM_CREATE_VM, memory, a vCPU, and instructions up to HLT."""
    kvm = facts.kvm
    if kvm is None or not has_device(facts) or not kvm.open or kvm.guest_ran is not False:
        return None
    others = [name for name in ("vboxdrv", "vmmon") if state_of(facts, name) == "loaded"]
    held = f"; {' and '.join(others)} is loaded: stop its guests first" if others else ""
    return Seen(
        "error",
        f"/dev/kvm opens but runs no guest: {kvm.problem}",
        f"read `dmesg | grep -i kvm`; another hypervisor may hold the extensions{held}",
    )


@rule(
    "kvm.software",
    meaning="This KVM runs guests without VMX or SVM: it is a software implementation.",
    why="/dev/kvm being there proves nothing: its guests are never offered VMX or SVM.",
    remedy="Use bare metal or a host that passes the extensions on; else let nestlab emulate.",
    source="PVM: lore.kernel.org/kvm, 'KVM: x86/PVM' (2024); TencentCloud/CubeSandbox",
)
def software(facts: Facts) -> Seen | None:
    """kvm_pvm, or a guest that ran on a processor that shows no extension."""
    if not is_software(facts):
        return None
    how = (
        "by kvm_pvm" if state_of(facts, "kvm_pvm") == "loaded" else "without VMX or SVM in the CPU"
    )
    return Seen(
        "error",
        f"KVM is done in software here ({how}) and offers guests neither VMX nor SVM",
        "take a machine whose CPU shows vmx or svm; until then leave out --accel kvm: TCG"
        " emulates SVM, and the lab is labelled emulated",
    )


@rule(
    "kvm.cannot-nest",
    meaning="Guests run with KVM, but are offered no virtualization extension.",
    why="`nested` may say what it likes: a guest without VMX, SVM or EL2 cannot run guests.",
    remedy="Look at the host of this machine; else leave out --accel kvm and let QEMU emulate.",
    source="Linux Documentation/virt/kvm/api.rst: KVM_GET_SUPPORTED_CPUID, KVM_CAP_ARM_EL2,"
    " KVM_CAP_PPC_NESTED_HV; lima issue 4498",
)
def cannot_nest(facts: Facts) -> Seen | None:
    """KVM's own word against the parameter."""
    refused = offers(facts) is False and has_device(facts) and may_open(facts)
    ran = facts.kvm is not None and facts.kvm.guest_ran is not False
    if not (refused and ran) or is_software(facts) or _nested_says_why(facts):
        return None
    lacks = {"arm": "no EL2", "power": "no nested HV", "s390x": "no SIE"}
    return Seen(
        "error",
        f"KVM runs guests but offers them {lacks.get(family(facts) or '', 'neither VMX nor SVM')}",
        "look at what this machine's own host gives it; until then leave out --accel kvm: where"
        " TCG can emulate, the lab is labelled emulated",
    )


def _nested_says_why(facts: Facts) -> bool:
    seen = (arm_too_old.look(facts), nested_disabled.look(facts))
    return any(each is not None and each.severity == "error" for each in seen)


@rule(
    "kvm.unknown",
    meaning="Whether KVM works here could not be found out.",
    why="A missing fact is never taken for a good one.",
    remedy="Look at /dev/kvm on that machine, or run nestlab doctor there.",
    source="nestlab: the probe",
)
def unknown(facts: Facts) -> Seen | None:
    """An error when files do not tell either, else only a word about the missing proof."""
    if offers(facts) is not None:
        return None
    reason = facts.kvm.problem if facts.kvm else facts.unknown.get("kvm")
    said = f": {reason}" if reason else ""
    if on_paper(facts) is not None:
        return Seen("info", f"no guest was run to prove it{said}", "run `nestlab doctor` there")
    tried = facts.kvm is not None and facts.kvm.open
    what = (
        "what KVM offers to guests could not be asked" if tried else "/dev/kvm could not be probed"
    )
    return Seen("error", f"{what}{said}", "look at it there: `ls -ld /dev /dev/kvm`")


@rule(
    "kvm.proved",
    meaning="A guest ran with KVM and is offered what it needs to run guests itself.",
    why="This is the only proof: flags, modules and parameters are mere promises.",
    remedy="",
    source="Linux Documentation/virt/kvm/api.rst: KVM_RUN, KVM_GET_SUPPORTED_CPUID",
)
def proved(facts: Facts) -> Seen | None:
    """The word that `ready` rests on."""
    if not offers(facts) or facts.kvm is None:
        return None
    what = {"arm": "EL2", "power": "nested HV", "s390x": "SIE"}.get(family(facts) or "")
    what = what or ("SVM" if facts.kvm.svm else "VMX")
    ran = "a guest ran with KVM and is" if facts.kvm.guest_ran else "KVM says that guests are"
    return Seen("ok", f"{ran} offered {what}")


RULES: tuple[Rule, ...] = (
    no_device, not_a_device, not_openable, no_guest, software, cannot_nest, unknown, proved,
)  # fmt: skip
