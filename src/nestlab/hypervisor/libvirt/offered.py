"""What this back end does not offer, found as early as it can be known (pure)."""

from nestlab.errors import HostError, UsageError
from nestlab.hypervisor.plan import GuestPlan
from nestlab.libvirt.version import Version, dotted

_ON, _OFF = frozenset({"on", "yes", "true"}), frozenset({"off", "no", "false"})

_EMULATED: Version = (8, 0, 0)
"""`<tb-cache>` came with it, and `maximum` with 7.1 (libvirt docs/formatdomain)."""

_SWITCHED = "a lab network at l0, which is a switch process"


def must_be_offered(path: str, *, cpu: str | None, networks: bool) -> None:
    """What a lab file alone shows.

    cpu       QEMU's spelling: `max,svm=on`
    networks  whether the guest is on lab networks

    Raises UsageError `libvirt.not-offered`, `libvirt.cpu-option`.
    """
    if networks and "/" not in path:
        raise _not_offered(path, _SWITCHED)
    for option in (cpu or "").split(",")[1:]:
        if option:
            feature_of(option, path)


def must_be_startable(plan: GuestPlan) -> None:
    """What only the machine shows on which the guest is started.

    Raises UsageError `libvirt.not-offered`.
    """
    if plan.nat != "slirp":
        raise _not_offered(plan.path, "a NAT by passt (its QEMU has no user-mode network)")
    if plan.saved is not None:
        raise _not_offered(plan.path, "a resumed snapshot")
    if any(port.on_switch for port in plan.ports):
        raise _not_offered(plan.path, _SWITCHED)


def must_be_new_enough(plan: GuestPlan, version: Version | None) -> None:
    """Whether a libvirt knows all that a domain of ours needs; one that does not say is tried.

    Raises HostError `libvirt.too-old`.
    """
    if not plan.accelerator.emulated or version is None or version >= _EMULATED:
        return
    raise HostError(
        "libvirt.too-old",
        f"libvirt {dotted(version)} cannot limit what an emulated guest translates, so that"
        f" {plan.path} would outgrow its memory",
        where=f"{plan.path}, while starting it",
        hint=f"libvirt {dotted(_EMULATED)} can; or write `hypervisor: qemu` for this guest",
    )


def feature_of(option: str, path: str) -> tuple[str, bool]:
    """A feature and whether it shall be there: `svm=on`, `+svm` and `svm`, or `svm=off` and `-svm`.

    Raises UsageError `libvirt.cpu-option` for what is no switch, such as `phys-bits=40`.
    """
    name, given, value = option.partition("=")
    if not given and name[:1] in {"+", "-"}:
        name, value = name[1:], "off" if name[0] == "-" else "on"
    elif not given:
        value = "on"
    if not name or value not in _ON | _OFF:
        raise UsageError(
            "libvirt.cpu-option",
            f"{path}: `{option}` of cpu is no feature that libvirt can switch on or off",
            hint="write features as `svm=on` or `svm=off`, or use `hypervisor: qemu`",
        )
    return name, value in _ON


def _not_offered(path: str, what: str) -> UsageError:
    return UsageError(
        "libvirt.not-offered",
        f"{path}: `hypervisor: libvirt` does not offer {what}",
        hint="write `hypervisor: qemu` for this guest",
    )
