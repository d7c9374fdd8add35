"""The parameter `nested`, and what it needs on Arm and s390x."""

from nestlab.check.links import (
    ARM_NESTED_SINCE,
    arm_mode_nested,
    cpu_has,
    extension,
    family,
    firmware_lock,
    module_name,
    module_ready,
    nested_on,
    offers,
)
from nestlab.check.parameters import is_on, running
from nestlab.check.remedy import kernel_word, set_parameter
from nestlab.check.rule import Rule, Seen, rule
from nestlab.check.versions import kernel_version, shown
from nestlab.facts.model import Facts


@rule(
    "kvm.arm-too-old",
    meaning="The kernel is older than nested virtualization on Arm.",
    why="KVM on Arm gives guests EL2 since Linux 6.16; before it, `kvm-arm.mode=nested` does not.",
    remedy="Boot Linux 6.16 or later; 6.19 and 7.1 mend deeper guests with several vCPUs.",
    source="Linux 6.16 arch/arm64/kvm; dracut-ng pull request 1915; ejc3/fcvm issue 659",
)
def arm_too_old(facts: Facts) -> Seen | None:
    """Unless KVM says that it gives EL2: a distribution may have back-ported it."""
    number = kernel_version(facts)
    if family(facts) != "arm" or number is None or offers(facts) or cpu_has(facts) is False:
        return None
    if number >= ARM_NESTED_SINCE:
        return Seen("ok", f"Linux {shown(number)} has nested virtualization for Arm")
    if nested_on(facts):
        return None
    what = f"Linux {shown(number)} is older than 6.16, the first that nests on Arm"
    return Seen("error", what, "boot Linux 6.16 or later")


@rule(
    "kvm.nested-disabled",
    meaning="KVM is there, and its parameter `nested` is off.",
    why="Guests then get no VMX, SVM or the like, so that they cannot run guests under KVM.",
    remedy="nestlab enable switches it on, now and for good; or reload the module with nested=1.",
    source="Linux Documentation/virt/kvm/x86/running-nested-guests.rst; kernel-parameters.txt",
)
def nested_disabled(facts: Facts) -> Seen | None:
    """`Y` or `N`, `1` or `0`; on Arm a word of the kernel command line."""
    on = nested_on(facts)
    if on and offers(facts) is not False:
        return Seen("ok", "nested virtualization is on")
    if on is not False or _deeper(facts):
        return None
    if family(facts) == "arm":
        return _arm_disabled(facts)
    module = module_name(facts) or "kvm"
    if running(facts, module, "nested") is None:
        module = facts.nested_module or module
    value = running(facts, module, "nested")
    setting = "nested=1"
    if is_on(running(facts, module, "hpage")):
        setting += " hpage=0"
    return Seen(
        "error",
        f"nested virtualization is off ({module}.nested={value})",
        f"`nestlab enable`; or by hand, {set_parameter(facts, module, setting)}",
    )


def _arm_disabled(facts: Facts) -> Seen | None:
    number = kernel_version(facts)
    if arm_mode_nested(facts) or (number and number < ARM_NESTED_SINCE):
        return None  # it was asked for: kvm.cannot-nest, or kvm.arm-too-old
    return Seen(
        "error",
        "nested virtualization is off (no kvm-arm.mode=nested on the kernel command line)",
        kernel_word(facts, "kvm-arm.mode=nested"),
    )


def _deeper(facts: Facts) -> bool:
    """Nested is on for guests in fact, or the reason why it is off lies deeper."""
    missing = cpu_has(facts) is False or module_ready(facts) is False
    return bool(offers(facts) or missing or firmware_lock(facts))


@rule(
    "kvm.huge-page-guests",
    meaning="s390x: `hpage` is on, which excludes nesting.",
    why="KVM on s390x backs guests either with 1 MiB pages or with nesting, never both.",
    remedy="Choose: `nested=1 hpage=0` for nesting.",
    source="Linux arch/s390/kvm/kvm-s390.c: 'A KVM host that supports nesting cannot back its"
    " KVM guests with huge pages'",
)
def huge_page_guests(facts: Facts) -> Seen | None:
    """The module does not load with both."""
    if family(facts) != "s390x" or not is_on(running(facts, "kvm", "hpage")):
        return None
    advice = set_parameter(facts, "kvm", "nested=1 hpage=0")
    return Seen("warning", "kvm.hpage is on: this host's guests cannot nest", advice)


@rule(
    "kvm.migration",
    meaning="AMD: a guest that runs guests itself must not be saved, migrated or snapshotted.",
    why="What happens to it is undefined: the kernel warns of a crash of the guest or its host.",
    remedy="Shut deeper guests down first.",
    source="Linux Documentation/virt/kvm/x86/running-nested-guests.rst, migration; cubecos 1361",
)
def migration(facts: Facts) -> Seen | None:
    """Documented for AMD; Intel is supported since Linux 5.3 and QEMU 4.2."""
    if extension(facts) != "svm" or not nested_on(facts):
        return None
    what = "on AMD, do not save, migrate or snapshot a guest while it runs guests of its own"
    return Seen("info", what)


RULES: tuple[Rule, ...] = (
    arm_too_old, nested_disabled, huge_page_guests, migration,
)  # fmt: skip
