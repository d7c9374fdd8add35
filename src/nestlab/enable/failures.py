"""The words for what goes wrong while a plan is carried out."""

from nestlab.enable.files import Purpose
from nestlab.enable.reload import How, Reloaded
from nestlab.enable.steps import Reload
from nestlab.errors import HostError
from nestlab.machine import failures
from nestlab.machine.protocol import Completed

_STATES = {
    How.NO_EFFECT: "{module} took nested={nested} and says that it is as before",
    How.RESTORED: "{module} does not load with nested={nested}; {before}",
    How.GONE: "{module} does not load with nested={nested}, nor as it was: this machine has no "
    "KVM now",
}

_NOT_ON = (
    "the CPU, or the hypervisor below, may lack what nesting needs (EPT on Intel, nested paging on "
    "AMD): see `nestlab doctor`"
)


def reload_failed(path: str, purpose: Purpose, step: Reload, end: Reloaded) -> HostError:
    """`….reload-failed` or `….no-effect`: what was asked for, what is there now, what was said."""
    before = "it is not loaded, as before" if step.before is None else "KVM works as before"
    words = {"module": step.module, "nested": step.nested, "before": before}
    if end.how is How.GONE:
        hint = f"run `modprobe {step.module}` as root, look at `dmesg | tail`, or reboot"
    elif end.how is How.NO_EFFECT:
        hint = _NOT_ON if purpose == "enable" else "reboot"
    else:
        hint = "the kernel says why: `dmesg | tail`"
    no_effect = end.how is How.NO_EFFECT
    return HostError(
        f"{purpose}.no-effect" if no_effect else f"{purpose}.reload-failed",
        _STATES[end.how].format(**words),
        where=f"{path}, while loading {step.module}",
        hint=hint,
        notes=end.notes,
    )


def initramfs_failed(path: str, purpose: Purpose, done: Completed) -> HostError:
    """`….initramfs-failed`: the file is changed, the copy in the initramfs is the old one."""
    return HostError(
        f"{purpose}.initramfs-failed",
        "the initramfs could not be brought up to date, so the next boot uses the old options",
        where=f"{path}, while refreshing the initramfs",
        hint=f"make room in /boot, then run `nestlab {purpose}` again: it goes on where it stopped",
        notes=failures.last_lines(done.stderr) or failures.last_lines(done.stdout),
    )
