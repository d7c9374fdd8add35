"""The QEMU command line of an installation."""

from pathlib import Path

import pytest

from nestlab.hypervisor.accelerator import Accelerator
from nestlab.hypervisor.qemu.arch import arch_of
from nestlab.install.argv import Build, installer_argv
from nestlab.units import GIB

GOLDEN = Path(__file__).parent.parent / "golden" / "install"
WORK = Path("/cache/images/.downloads/install-0123")
PLAIN = Build(
    identity="nestlab-install-0123",
    kernel=WORK / "vmlinuz",
    initrd=WORK / "initrd",
    words=("auto=true", "---", "console=ttyS0,115200"),
    vcpus=2,
    memory=2 * GIB,
    disk=WORK / "disk,1.qcow2",
    console=WORK / "console.log",
)
WITH_CD = Build(**{**vars(PLAIN), "media": Path("/isos/a,b.iso"), "answers": WORK / "cidata.iso"})


@pytest.mark.parametrize(
    ("name", "build", "accelerator"),
    [
        ("qemu-tcg.txt", PLAIN, Accelerator("tcg", "no KVM")),
        ("qemu-kvm-cd.txt", WITH_CD, Accelerator("kvm", "it works")),
    ],
)
def test_the_command_line_is_the_golden_one(
    name: str, build: Build, accelerator: Accelerator
) -> None:
    argv = installer_argv(build, accelerator, arch_of("x86_64", where="l0"))
    text = "".join(f"{' ' if not word.startswith('-') else ''}{word}\n" for word in argv)
    assert text == (GOLDEN / name).read_text()
