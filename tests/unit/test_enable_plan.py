"""What is to be done, from facts alone."""

from typing import Any

import pytest

from enable_players import HOLDER, ROOT, intel, line, other
from nestlab.enable.describe import describe
from nestlab.enable.elevation import Elevation
from nestlab.enable.files import FileState
from nestlab.enable.plan import plan_enable
from nestlab.enable.present import Present
from nestlab.enable.steps import Plan, RefreshInitramfs, Reload, WriteFile
from nestlab.facts.model import Facts

FILE = "/etc/modprobe.d/nestlab.conf"


def plan(facts: Facts, present: Present | None = None, **options: Any) -> Plan:
    return plan_enable(facts, present or Present(), **{"elevate": ROOT, **options})


def kinds(of: Plan) -> list[type]:
    return [type(step) for step in of.steps]


def amd(**changes: Any) -> Facts:
    facts = intel(nested={"kvm_amd": "0"}, **changes)
    cpu = facts.cpu.model_copy(update={"flags": ("svm", "npt")}) if facts.cpu else None
    modules = {"kvm_amd": (facts.modules or {})["kvm_intel"]}
    return facts.model_copy(update={"cpu": cpu, "modules": modules})


def test_nesting_that_is_off_is_switched_on_now_and_for_every_boot() -> None:
    found = plan(intel())
    write, reload = found.steps
    assert isinstance(write, WriteFile)
    assert (write.path, write.mode, write.before) == (FILE, 0o644, None)
    assert write.content.splitlines()[-1] == b"options kvm_intel nested=1"
    assert b"nestlab" in write.content.splitlines()[0]
    assert reload == Reload("kvm_intel", "1", "0")
    assert not found.next_boot


@pytest.mark.parametrize(
    ("facts", "module"),
    [
        (amd(), "kvm_amd"),
        (other("s390x", "kvm", "0"), "kvm"),
        (other("ppc64le", "kvm_hv", "N"), "kvm_hv"),
    ],
)
def test_every_architecture_has_its_module(facts: Facts, module: str) -> None:
    write, reload = plan(facts).steps
    assert isinstance(write, WriteFile)
    assert f"options {module} nested=1".encode() in write.content
    assert reload == Reload(module, "1", "0")


@pytest.mark.parametrize(
    "facts",
    [
        intel(nested={"kvm_intel": "Y"}),
        intel(nested={"kvm_intel": "1"}),
        intel(nested={"kvm_intel": "Y"}, kernel="4.15.0-38", modprobe=[line(
            "options kvm-intel nested=y")]),
        intel(nested={"kvm_intel": "Y"}, kernel="4.15.0-38", cmdline=["kvm-intel.nested=1"]),
        intel(nested={"kvm_intel": "Y"}, state="builtin"),
        other("ppc64le", "kvm_hv", "Y"),
        other("aarch64", "kvm", "", nested={}, cmdline=["kvm-arm.mode=nested"]),
    ],
)  # fmt: skip
def test_what_is_on_now_and_at_the_next_boot_is_left_alone(facts: Facts) -> None:
    found = plan(facts)
    assert found.nothing_to_do
    assert describe(found) == ("nothing to do",)


@pytest.mark.parametrize(
    "facts",
    [
        intel(nested={"kvm_intel": "Y"}, kernel="4.15.0-38"),
        intel(nested={"kvm_intel": "Y"}, kernel=None),
        intel(nested={"kvm_intel": "Y"}, modprobe=[line("options kvm_intel nested=0")]),
        other("s390x", "kvm", "1"),
    ],
)
def test_what_is_on_only_until_the_next_boot_is_written_down(facts: Facts) -> None:
    found = plan(facts)
    assert kinds(found) == [WriteFile]
    assert not found.next_boot


def test_at_boot_never_reloads() -> None:
    found = plan(intel(), at_boot=True)
    assert kinds(found) == [WriteFile]
    assert found.next_boot
    assert not found.in_use


def test_a_module_that_is_not_loaded_is_loaded() -> None:
    found = plan(intel(nested={}, state="available"))
    assert found.steps[1] == Reload("kvm_intel", "1", None)
    assert describe(found)[-1] == "modprobe kvm_intel nested=1"


@pytest.mark.parametrize("changes", [{"users": 1}, {"holders": [HOLDER]}])
def test_a_module_in_use_is_left_for_the_next_boot(changes: dict[str, Any]) -> None:
    found = plan(intel(**{"holders": [], **changes}))
    assert kinds(found) == [WriteFile]
    assert found.next_boot
    assert found.in_use
    if found.held_by:
        assert (found.held_by[0].pid, found.held_by[0].guest) == (4711, "l1")
    else:
        assert any("by whom could not be seen" in each for each in found.warnings)


def test_guests_do_not_matter_when_nesting_is_on() -> None:
    assert plan(intel(nested={"kvm_intel": "Y"}, users=1, holders=[HOLDER])).nothing_to_do


@pytest.mark.parametrize(
    ("tool", "argv"),
    [
        ("update-initramfs", ("update-initramfs", "-u", "-k", "6.1")),
        ("dracut", ("dracut", "--force", "/boot/i", "6.1")),
        ("mkinitcpio", ("mkinitcpio", "-P")),
    ],
)
def test_an_initramfs_that_has_the_module_is_refreshed(tool: str, argv: tuple[str, ...]) -> None:
    initramfs = {"tool": tool, "image": "/boot/i", "has_kvm": True}
    found = plan(intel(kernel="6.1", initramfs=initramfs))
    assert found.steps[-1] == RefreshInitramfs(argv)
    unsure = plan(intel(kernel="6.1", initramfs={**initramfs, "has_kvm": None}))
    assert RefreshInitramfs(argv) not in unsure.steps
    assert any(" ".join(argv) in each for each in unsure.warnings)


def test_a_later_file_that_contradicts_is_reported_with_its_line() -> None:
    late = line("options kvm_intel nested=0", "/etc/modprobe.d/virt.conf", 7)
    found = plan(intel(modprobe=[late]))
    assert kinds(found) == [WriteFile, Reload]
    assert "/etc/modprobe.d/virt.conf:7 says `options kvm_intel nested=0`" in found.warnings[0]
    assert "off after the next boot" in found.warnings[0]


def test_an_earlier_file_that_contradicts_loses_and_is_reported() -> None:
    (warning,) = plan(intel(modprobe=[line("options kvm_intel nested=0")])).warnings
    assert "kvm.conf:3" in warning
    assert "comes later and wins" in warning


def test_the_kernel_command_line_has_the_last_word() -> None:
    late = line("options kvm_intel nested=1", "/etc/modprobe.d/zz.conf")
    (warning,) = plan(intel(modprobe=[late], cmdline=["kvm_intel.nested=0"])).warnings
    assert "the kernel command line says `kvm_intel.nested=0`" in warning


@pytest.mark.parametrize(
    "text",
    [
        "options kvm_amd nested=0",
        "options kvm_intel ept=0",
        "options kvm_intel nested",
        "options kvm_intel nested=0 nested=1",
        "alias x kvm_intel",
    ],
)
def test_lines_that_do_not_contradict_are_not_reported(text: str) -> None:
    assert plan(intel(modprobe=[line(text, "/etc/modprobe.d/z.conf")])).warnings == ()


def test_a_module_that_is_kept_from_loading_is_reported() -> None:
    (warning,) = plan(intel(modprobe=[line("blacklist kvm-intel")])).warnings
    assert "not loaded by itself" in warning


def test_configuration_that_could_not_be_read_is_said() -> None:
    assert len(plan(intel(modprobe=None, cmdline=None)).warnings) == 2


def test_what_others_wrote_into_the_file_stays_and_nestlab_has_the_last_word() -> None:
    there = FileState(b"options kvm_intel ept=0 \\", 0o600, 0, 0)
    write = plan(intel(), Present(options=there)).steps[0]
    assert isinstance(write, WriteFile)
    assert write.content.startswith(there.content + b"\n\n#")
    assert write.before == there


def test_the_same_line_put_there_by_somebody_else_is_theirs() -> None:
    there = FileState(b"options kvm_intel nested=1\n", 0o644, 0, 0)
    found = plan(intel(), Present(options=there))
    assert kinds(found) == [Reload]
    assert found.journal
    assert found.journal.file is None


def test_a_plan_is_shown_as_a_diff_and_as_commands() -> None:
    initramfs = {"tool": "update-initramfs", "image": "/boot/i", "has_kvm": True}
    there = FileState(b"# mine\x1b[31m", 0o644, 0, 0)
    found = plan(
        intel(initramfs=initramfs), Present(options=there), elevate=Elevation.of(1000, "s3cret")
    )
    shown = describe(found)
    assert shown[:2] == (f"--- {FILE}", f"+++ {FILE}")
    assert "+options kvm_intel nested=1" in shown
    assert "-# mine\\x1b[31m (no newline at the end)" in shown
    assert shown[-3:] == (
        "sudo rmmod kvm_intel",
        "sudo modprobe kvm_intel nested=1",
        "sudo update-initramfs -u -k 6.1.0-44-cloud-amd64",
    )
    assert "s3cret" not in repr(found)
    assert "s3cret" not in " ".join(shown)
