"""Security modules that keep QEMU from its images."""

from nestlab.check.remedy import root
from nestlab.check.rule import Rule, Seen, rule
from nestlab.facts.model import Facts

_WHY = "libvirt confines QEMU: images elsewhere, such as in $HOME, fail with 'Permission denied'."


@rule(
    "security.apparmor",
    meaning="AppArmor is on.",
    why=_WHY,
    remedy="Keep images in /var/lib/libvirt/images, or allow their folder in the local profile.",
    source="libvirt: Security drivers; terraform-provider-libvirt issues 546 and 1163",
)
def apparmor(facts: Facts) -> Seen | None:
    """It matters for libvirt's guests, not for nestlab's own."""
    if facts.lsm is None or not facts.lsm.apparmor:
        return None
    return Seen(
        "info",
        "AppArmor is on: libvirt's guests may open only images that it knows",
        f"keep images in /var/lib/libvirt/images; `{root(facts, 'dmesg')} | grep DENIED` tells",
    )


@rule(
    "security.selinux",
    meaning="SELinux enforces its policy.",
    why=_WHY,
    remedy="Keep images in /var/lib/libvirt/images, or label them virt_image_t.",
    source="libvirt: Security drivers; RHEL: SELinux and virtualization",
)
def selinux(facts: Facts) -> Seen | None:
    """Permissive only logs."""
    if facts.lsm is None or facts.lsm.selinux != "enforcing":
        return None
    label = root(facts, "restorecon -Rv /var/lib/libvirt/images")
    tells = root(facts, "ausearch -m avc -ts recent")
    return Seen(
        "info",
        "SELinux is enforcing: libvirt's guests may open only images with the right label",
        f"`{label}`; `{tells}` tells what was denied",
    )


RULES: tuple[Rule, ...] = (apparmor, selinux)
