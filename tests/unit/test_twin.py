"""The small guest that is started beside a machine of the lab, to see how long that takes."""

import dataclasses

import pytest

from nestlab.hypervisor.plan import GuestPlan, ScratchDisk
from nestlab.hypervisor.qemu.argv import kernel_command_line, qemu_argv
from nestlab.hypervisor.qemu.twin import twin, why_no_twin
from nestlab.units import GIB
from plan_examples import ARM, CLOUD, L1, L1_LANS, L2, L2_LANS, RESUMED, VIRTIO, plan

QBOOT = "/usr/share/qemu/qboot.rom"
LARGE = dataclasses.replace(
    L1_LANS,
    vcpus=8,
    disk=64 * GIB,
    disks=(ScratchDisk(GIB, "volumes"),),
    devices=("/dev/sdb",),
    kernel=("mitigations=off",),
    cpu="host,-avx",
)


def after(words: tuple[str, ...], option: str) -> str:
    return words[words.index(option) + 1]


@pytest.mark.parametrize("of", [L1, L2, L2_LANS, LARGE, VIRTIO, RESUMED, ARM], ids=lambda p: p.path)
def test_it_has_one_size_and_nothing_of_the_lab(of: GuestPlan) -> None:
    words = twin(of, firmware=QBOOT).argv
    assert (after(words, "-smp"), after(words, "-m")) == ("1", f"size={512 << 10}k")
    files = [word for word in words if word.startswith("if=none,")]
    assert len(files) == 2  # its overlay and the seed
    assert all(f"file={of.folder}/boot/" in word for word in files)
    assert sum(word == "-netdev" for word in words) == 1
    assert "-incoming" not in words


@pytest.mark.parametrize("of", [L1, L2, LARGE, VIRTIO, RESUMED, ARM], ids=lambda p: p.path)
def test_all_else_is_as_the_machine_itself_has_it(of: GuestPlan) -> None:
    twins, own = twin(of, firmware=QBOOT).argv, qemu_argv(of, firmware=QBOOT)
    for option in ("-accel", "-machine", "-cpu", "-kernel", "-bios", "-netdev"):
        assert after(twins, option) == after(own, option)
    assert twins[0] == own[0]
    told, asked = kernel_command_line(of).split(), after(twins, "-append").split()
    assert asked[: len(told)] == told
    assert "systemd.unit=multi-user.target" in asked[len(told) :]
    assert "systemd.show_status=yes" in asked[len(told) :]


def test_the_kernel_chooses_the_port_that_leads_to_its_ssh() -> None:
    assert "hostfwd=tcp:127.0.0.1:0-10.96.1.15:22" in after(twin(L2, firmware=None).argv, "-netdev")


def test_it_starts_at_once_and_stays_a_child() -> None:
    assert not {"-S", "-daemonize"} & set(twin(L1, firmware=None).argv)
    assert "-no-reboot" in twin(L1, firmware=None).argv


def test_it_is_not_taken_for_the_machine_and_its_files_are_its_own() -> None:
    found = twin(L1, firmware=None)
    assert after(found.argv, "-name") == f"guest={L1.identity}~boot"
    assert found.folder == f"{L1.folder}/boot"
    assert found.sockets == f"{L1.sockets}/boot"
    assert found.seed == f"{L1.folder}/seed.tar"
    for file in (found.console, after(found.argv, "-pidfile"), after(found.argv, "-D")):
        assert file.startswith(f"{found.folder}/")
    assert found.monitor == f"{found.sockets}/qmp"


@pytest.mark.parametrize("of", [L1, LARGE, RESUMED], ids=["l1", "large", "resumed"])
def test_its_disk_is_a_fresh_overlay_of_the_image(of: GuestPlan) -> None:
    overlay = twin(of, firmware=None).overlay
    assert after(overlay, "-b") == of.image.disk
    assert overlay[-1] == f"{of.folder}/boot/root.qcow2"  # of the image's size


def test_what_cannot_be_told_what_to_start_has_none() -> None:
    assert why_no_twin(L1) == why_no_twin(RESUMED) == ""
    assert "boot loader of its own" in why_no_twin(CLOUD)
    assert "no user-mode network" in why_no_twin(plan(nat="passt"))
