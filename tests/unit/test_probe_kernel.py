"""What the probe reads of modules and their configuration, from copies."""

from pathlib import Path

import pytest

from nestlab.facts.model import Facts
from probe_trees import KERNEL, WHOLE, facts_of, look, plant

FOLDER = f"lib/modules/{KERNEL}/"
RELEASE = {"proc/sys/kernel/osrelease": KERNEL}
LISTS = {name: WHOLE[name] for name in (FOLDER + "modules.dep", FOLDER + "modules.builtin")}


def state(found: Facts, name: str) -> str | None:
    assert found.modules
    return found.modules[name].state


def test_states_of_modules(tmp_path: Path) -> None:
    found = facts_of(tmp_path, WHOLE)
    assert found.modules
    kvm = found.modules["kvm"]
    assert (kvm.state, kvm.users, kvm.used_by) == ("loaded", 1, ("kvm_intel",))
    assert found.modules["kvm_intel"].used_by == ()
    assert state(found, "tun") == "builtin"
    assert state(found, "vfio_pci") == "available"
    assert state(found, "kvm_amd") == "absent"


def test_a_module_that_shows_itself_without_being_loaded_is_built_in(tmp_path: Path) -> None:
    """As on Windows' Subsystem for Linux, and with KVM on arm64."""
    files = {**RELEASE, "proc/modules": "", "sys/module/kvm/parameters/halt_poll_ns": "0\n"}
    found = facts_of(tmp_path, files)
    assert state(found, "kvm") == "builtin"
    assert state(found, "kvm_amd") is None


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, "loaded"),  # in modules.dep and in /sys/module, and no /proc/modules to ask
        ({"proc/modules": ""}, None),  # they contradict each other
        ({"proc/modules": "", "sys/module/kvm_intel/initstate": "live\n"}, "loaded"),
        ({FOLDER + "modules.dep": ""}, None),
        ({FOLDER + "modules.dep": "", "proc/modules": "\0" * 99}, "builtin"),
    ],
)
def test_what_modules_show_of_themselves(
    tmp_path: Path, change: dict[str, str], expected: str | None
) -> None:
    shown = {"sys/module/kvm_intel/parameters/nested": "Y\n"}
    found = facts_of(tmp_path, {**RELEASE, **LISTS, **shown, **change})
    assert state(found, "kvm_intel") == expected


@pytest.mark.parametrize("name", ["modules.dep", "modules.builtin"])
@pytest.mark.parametrize("content", ["", "kernel/arch/x86/kv", "\0" * 4096])
def test_a_list_of_modules_that_was_cut_proves_no_absence(
    tmp_path: Path, name: str, content: str
) -> None:
    found = facts_of(tmp_path, {**WHOLE, FOLDER + name: content})
    assert state(found, "kvm_amd") is None


def test_parameters(tmp_path: Path) -> None:
    found = facts_of(tmp_path, {**WHOLE, "sys/module/kvm_intel/parameters/odd": "\1\n"})
    assert found.parameters == {"kvm_intel": {"ept": "Y", "nested": "N"}}


@pytest.mark.parametrize("value", ["Y", "1", "N", "0"])
def test_nested(tmp_path: Path, value: str) -> None:
    found = facts_of(tmp_path, {"sys/module/kvm/parameters/nested": value + "\n"})
    assert found.nested == {"kvm": value}


@pytest.mark.parametrize("content", ["", "Y\0\0", "Y" * 9999, b"Y\xff", "Y\n\nY\n", "yes please"])
def test_a_value_of_nested_that_makes_no_sense_is_unknown(
    tmp_path: Path, content: str | bytes
) -> None:
    found = facts_of(tmp_path, {"sys/module/kvm_amd/parameters/nested": content})
    assert found.nested is None
    assert found.unknown["nested"]


def test_the_words_of_the_command_line(tmp_path: Path) -> None:
    line = (
        'root=UUID=1 kvm-intel.nested=1 kvm_amd.nested=0 intel_iommu=on "x y" vfio-pci.ids=1:2'
        " password=hunter2 iommu.passthrough=1 kvmfoo=1 modprobe.blacklist=kvm -- tsc=unstable\n"
    )
    assert facts_of(tmp_path, {"proc/cmdline": line}).cmdline == (
        "kvm-intel.nested=1", "kvm_amd.nested=0", "intel_iommu=on", "vfio-pci.ids=1:2",
        "iommu.passthrough=1", "modprobe.blacklist=kvm",
    )  # fmt: skip


def test_modprobe_obeys_the_order_of_modprobe(tmp_path: Path) -> None:
    root = plant(
        tmp_path,
        {
            "etc/modprobe.d/kvm.conf": "# options kvm nested=0\n\noptions kvm_intel \\\n nested=1\n"
            "blacklist kvm-amd\noptions snd x=1\n",
            "usr/lib/modprobe.d/kvm.conf": "options kvm_intel nested=0\n",
            "usr/lib/modprobe.d/a.conf": "install kvm /bin/false\nalias kvm-any kvm_intel\n",
            "usr/lib/modprobe.d/gone.conf": "options kvm x=1\n",
            "usr/lib/modprobe.d/kvm.conf.bak": "options kvm x=2\n",
            "run/modprobe.d/z.conf/options": "options kvm x=3\n",
        },
    )
    (root / "etc/modprobe.d/gone.conf").symlink_to("/dev/null")
    (root / "lib").symlink_to("usr/lib")
    lines = look(root).modprobe
    assert [(line.file, line.line, line.text) for line in lines or ()] == [
        ("/usr/lib/modprobe.d/a.conf", 1, "install kvm /bin/false"),
        ("/usr/lib/modprobe.d/a.conf", 2, "alias kvm-any kvm_intel"),
        ("/etc/modprobe.d/kvm.conf", 3, "options kvm_intel nested=1"),
        ("/etc/modprobe.d/kvm.conf", 5, "blacklist kvm-amd"),
    ]


@pytest.mark.parametrize(
    ("name", "known"),
    [("proc/version", False), ("etc/hostname", True), ("usr/lib/modprobe.d/README", True)],
)
def test_nothing_in_modprobe_s_folders_is_not_the_same_as_no_folders(
    tmp_path: Path, name: str, known: bool
) -> None:
    found = facts_of(tmp_path, {name: "x\n"})
    assert found.modprobe == (() if known else None)
    assert ("modprobe" in found.unknown) is not known


@pytest.mark.parametrize(
    ("listing", "expected"),
    [
        ("init\nusr/lib/modules/6.1/kernel/arch/x86/kvm/kvm-amd.ko.zst\n", True),
        ("drwxr-xr-x 2 root root 0 Jan 1 usr/lib\n", False),
        ("", None),
        ("\0" * 999, None),
    ],
)
def test_the_initramfs_of_a_copy(tmp_path: Path, listing: str, expected: bool | None) -> None:
    files = {**WHOLE, f"boot/initrd.img-{KERNEL}.ls": listing}
    initramfs = facts_of(tmp_path, files).initramfs
    assert initramfs
    assert (initramfs.tool, initramfs.image) == ("update-initramfs", f"/boot/initrd.img-{KERNEL}")
    assert initramfs.has_kvm is expected


def test_tools_and_versions_of_a_copy(tmp_path: Path) -> None:
    assert facts_of(tmp_path, WHOLE).tools == {"qemu-system-x86_64": "7.2", "update-initramfs": ""}
