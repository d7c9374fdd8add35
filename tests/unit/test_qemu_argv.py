"""The QEMU command line of a plan, word for word.

After a wanted change the golden files are written again with
`python tests/unit/test_qemu_argv.py`; read their diff.
"""

import dataclasses
import json
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nestlab.errors import HostError
from nestlab.hypervisor.plan import BaseImage, GuestPlan, ScratchDisk
from nestlab.hypervisor.qemu.arch import TABLE, arch_of, firmware_for
from nestlab.hypervisor.qemu.argv import kernel_command_line, qemu_argv
from nestlab.hypervisor.qemu.disks import (
    device,
    handed_down,
    initrd_argv,
    overlay_argv,
    scratch_argv,
)
from nestlab.hypervisor.qemu.files import Files
from nestlab.units import GIB
from plan_examples import (
    ARM,
    ARM_CLOUD,
    CLOUD,
    DEBIAN,
    KVM,
    L1,
    L1_LANS,
    L2,
    L2_LANS,
    RESUMED,
    SAVED,
    TCG,
    UBUNTU,
    VIRTIO,
    plan,
)

GOLDEN = Path(__file__).parents[1] / "golden" / "qemu"
AAVMF = "/usr/share/AAVMF/AAVMF_CODE.fd"
QBOOT = "/usr/share/qemu/qboot.rom"
CASES: dict[str, tuple[GuestPlan, str | None]] = {
    "l1-tcg": (L1, None),
    "l1-tcg-qboot": (L1, QBOOT),
    "l1-virtio": (VIRTIO, QBOOT),
    "l2-kvm": (L2, None),
    "l2-kvm-qboot": (L2, QBOOT),
    "l1-tcg-networks": (L1_LANS, None),
    "l1-tcg-passt": (plan(nat="passt"), None),
    "l2-kvm-networks": (L2_LANS, None),
    "l2-disks": (
        dataclasses.replace(
            L2,
            disks=(ScratchDisk(10 * GIB, "volumes"), ScratchDisk(1 * GIB)),
            devices=("/dev/sdb", "/srv/data,old.img"),
        ),
        QBOOT,
    ),
    "cloud-tcg": (CLOUD, None),
    "cloud-leaf-tcg": (dataclasses.replace(CLOUD, handed=()), None),
    "aarch64-tcg": (ARM, None),
    "aarch64-kvm": (dataclasses.replace(ARM, accelerator=KVM), None),
    "aarch64-cloud-tcg": (ARM_CLOUD, AAVMF),
}

folders = st.text(
    st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=20
).map(lambda text: f"/{text}")


def lines(case: str) -> str:
    chosen, firmware = CASES[case]
    return "".join(f"{word}\n" for word in qemu_argv(chosen, firmware=firmware))


@pytest.mark.parametrize("case", CASES)
def test_the_command_line_is_the_golden_one(case: str) -> None:
    assert lines(case) == (GOLDEN / f"{case}.txt").read_text()


def test_firmware_is_the_only_difference_it_makes() -> None:
    assert lines("l1-tcg-qboot").replace(f"-bios\n{QBOOT}\n", "") == lines("l1-tcg")


@given(folders, folders, st.sampled_from([TCG, KVM]), st.integers(1, 64))
def test_every_path_stays_one_word(folder: str, disk: str, accelerator: object, cpus: int) -> None:
    kernel = f"{disk}.kernel"
    image = BaseImage(f"{disk}.img", kernel)
    odd = plan(
        folder=folder,
        sockets=folder,
        image=image,
        accelerator=accelerator,
        vcpus=cpus,
        handed=(image,),
    )
    words = qemu_argv(odd, firmware=None)
    assert not any("\0" in word for word in words)
    assert len(words) == len(qemu_argv(plan(accelerator=accelerator), firmware=None))
    for path in (Files(odd).overlay, Files(odd).seed, image.disk, kernel):
        assert any(f"file={path.replace(',', ',,')}," in word for word in words)
    assert words[words.index("-pidfile") + 1] == Files(odd).pid
    assert words[words.index("-kernel") + 1] == kernel


def test_commas_are_doubled_where_qemu_splits_at_them_and_only_there() -> None:
    image = BaseImage("/i,mage/disk", "/i,mage/kernel")
    odd = plan(folder="/a,b", sockets="/s,t", image=image, handed=(image,))
    words = qemu_argv(odd, firmware=None)
    drives = [words[place + 1] for place, word in enumerate(words) if word == "-drive"]
    assert [drive.split(",file=")[1].split(",format")[0] for drive in drives] == [
        *("/a,,b/root.qcow2", "/a,,b/seed.tar", "/i,,mage/disk", "/i,,mage/kernel"),
    ]
    consoles = [words[place + 1] for place, word in enumerate(words) if word == "-chardev"]
    assert "path=/s,,t/console,server=on" in consoles[0]
    assert consoles[0].endswith("logfile=/a,,b/console.log")
    assert "path=/s,,t/qmp,server=on" in consoles[1]
    assert "/i,mage/kernel" in words
    assert "/a,b/qemu.pid" in words


def test_the_identity_is_one_whole_word() -> None:
    assert L2.identity == "nestlab-0a1b2c3d4e-l1.l2"
    words = qemu_argv(L2, firmware=None)
    assert words[words.index("-name") + 1] == f"guest={L2.identity}"
    assert words.count(f"guest={L2.identity}") == 1
    assert L1.identity != L2.identity


def test_every_level_reads_the_same_clock() -> None:
    outer, inner = kernel_command_line(L1).split(), kernel_command_line(L2).split()
    assert outer == inner
    assert {"clocksource=tsc", "tsc=reliable"} <= set(outer)
    assert "panic=-1" in outer
    assert "-no-reboot" in qemu_argv(L1, firmware=None)


def test_the_guest_can_nest_with_either_accelerator() -> None:
    cpu = {case: lines(case).split("-cpu\n")[1].split("\n")[0] for case in CASES}
    assert cpu["l1-tcg"] == cpu["cloud-tcg"] == "max,svm=on"
    assert cpu["l2-kvm"] == cpu["aarch64-kvm"] == "host"
    assert "virtualization=on" in lines("aarch64-tcg")


def test_networks_add_cards_and_change_nothing_else() -> None:
    for plain, chosen in ((L1, L1_LANS), (L2, L2_LANS)):
        before, after = (qemu_argv(each, firmware=None) for each in (plain, chosen))
        added = [word for word in after if word not in before]
        way_out = f"virtio-net-pci,netdev=net,host_mtu={chosen.mtu},romfile="
        assert way_out in added
        assert len(added) == 1 + 2 * len(chosen.ports)
        for port in chosen.ports:
            assert sum(f",mac={port.mac},host_mtu={port.lan.mtu}," in word for word in added) == 1


def test_a_switch_s_socket_may_have_a_comma_in_its_path() -> None:
    port = dataclasses.replace(L1_LANS.ports[0], uplink="/s,t/storage.net")
    words = qemu_argv(plan(ports=(port,)), firmware=None)
    assert "stream,id=lan0,server=off,addr.type=unix,addr.path=/s,,t/storage.net" in words


def test_what_is_handed_down_is_never_written() -> None:
    handed = {case: len(chosen.handed) for case, (chosen, _) in CASES.items()}
    assert handed["l1-tcg"] == 1
    assert handed["l2-kvm"] == 0
    for case, number in handed.items():
        base = [line for line in lines(case).splitlines() if line.startswith("if=none,id=base")]
        kernel = [line for line in lines(case).splitlines() if line.startswith("if=none,id=kernel")]
        assert all("readonly=on" in line for line in (*base, *kernel))
        assert len(base) == number


def test_the_guest_finds_what_it_was_handed_after_its_own_disks() -> None:
    two = plan(handed=(UBUNTU, DEBIAN))
    assert handed_down(two) == (
        BaseImage("/dev/nvme0n3", None, "qcow2"),
        BaseImage("/dev/nvme0n4", "/dev/nvme0n5", "raw"),
    )
    assert handed_down(CLOUD) == (
        BaseImage("/dev/disk/by-id/virtio-base0", "/dev/disk/by-id/virtio-kernel0", "raw"),
        BaseImage("/dev/disk/by-id/virtio-base1", None, "qcow2"),
    )
    assert handed_down(L2) == ()
    for chosen, prefix, key in (
        (two, "/dev/nvme0n", "nsid"),
        (CLOUD, "/dev/disk/by-id/virtio-", "serial"),
    ):
        words = qemu_argv(chosen, firmware=None)
        devices = [word.split("drive=")[1] for word in words if "drive=" in word]
        for image, seen in zip(chosen.handed, handed_down(chosen), strict=True):
            (drive,) = (
                word.split(",id=")[1].split(",")[0]
                for word in words
                if word.startswith("if=none,id=base") and f"file={image.disk}," in word
            )
            assert f"{drive},{key}={seen.disk.removeprefix(prefix)}" in devices


def test_an_initrd_that_was_handed_down_is_copied_as_qemu_maps_it() -> None:
    image = BaseImage("/dev/vdc", "/dev/vdd", initrd="/dev/vde")
    handed = plan(storage="virtio", image=image, folder="/var/lib/nestlab/x/l2")
    copy = "/var/lib/nestlab/x/l2/initrd"
    assert initrd_argv(handed) == ("cp", "--", "/dev/vde", copy)
    words = qemu_argv(handed, firmware=None)
    assert words[words.index("-initrd") + 1] == copy
    assert initrd_argv(dataclasses.replace(handed, storage="nvme")) is None
    assert (
        initrd_argv(plan(storage="virtio", image=dataclasses.replace(image, initrd="/initrd")))
        is None
    )


def test_an_image_with_a_boot_loader_gets_no_kernel() -> None:
    words = qemu_argv(CLOUD, firmware=None)
    assert "-kernel" not in words
    assert "-append" not in words
    assert Files(CLOUD).seed.endswith("/seed.iso")
    assert Files(L1).seed.endswith("/seed.tar")
    assert overlay_argv(CLOUD)[5:9] == ("-b", UBUNTU.disk, "-F", "qcow2")


def test_firmware_is_asked_for_only_where_nothing_starts_without() -> None:
    arm, x86 = (arch_of(name, where="l0") for name in ("aarch64", "x86_64"))
    assert firmware_for(arm, AAVMF, boots_itself=True, where="l0") == AAVMF
    assert firmware_for(arm, None, boots_itself=False, where="l0") is None
    assert firmware_for(x86, None, boots_itself=True, where="l0") is None
    with pytest.raises(HostError) as caught:
        firmware_for(arm, None, boots_itself=True, where="l0, while starting l1")
    assert caught.value.code == "qemu.no-firmware"
    assert "apt-get install qemu-efi-aarch64" in (caught.value.hint or "")


def test_scratch_disks_are_made_for_the_guest_alone() -> None:
    two = plan(disks=(ScratchDisk(10 * GIB, "volumes"), ScratchDisk(1 * GIB)))
    made = [argv[-2:] for argv in scratch_argv(two)]
    assert made == [
        (Files(two).scratch(0), str(10 * GIB)),
        (Files(two).scratch(1), str(1 * GIB)),
    ]
    assert scratch_argv(L1) == ()


def test_a_disk_that_is_limited_is_so_by_its_drive_alone() -> None:
    limited = plan(disks=(ScratchDisk(10 * GIB, iops=500), ScratchDisk(1 * GIB)))
    words = qemu_argv(limited, firmware=QBOOT)
    (drive,) = (word for word in words if "throttling" in word)
    assert drive.startswith("if=none,id=disk0,")
    assert drive.endswith(",throttling.iops-total=500")


def test_a_resumed_guest_has_the_devices_of_the_one_that_was_saved() -> None:
    booted, resumed = qemu_argv(VIRTIO, firmware=QBOOT), qemu_argv(RESUMED, firmware=QBOOT)
    place = resumed.index("-incoming")
    assert resumed[place : place + 2] == ("-incoming", "defer")
    assert resumed[:place] + resumed[place + 2 :] == booted
    assert not any("nvme" in word for word in booted)


def test_the_disk_of_a_resumed_guest_lies_on_the_one_that_was_saved() -> None:
    words = overlay_argv(RESUMED)
    assert words[words.index("-b") + 1] == SAVED.disk == "/snapshots/it's/root.qcow2"
    assert words[words.index("-F") + 1] == "qcow2"


def test_disks_have_the_names_that_the_kernel_gives_them() -> None:
    assert [device(VIRTIO, number) for number in (1, 4)] == ["/dev/vda", "/dev/vdd"]
    assert [device(L1, number) for number in (1, 4)] == ["/dev/nvme0n1", "/dev/nvme0n4"]
    assert "root=/dev/vda" in kernel_command_line(VIRTIO).split()
    assert "nestlab.seed=/dev/vdb" in kernel_command_line(VIRTIO).split()


def test_an_image_without_initrd_cannot_be_on_virtio() -> None:
    with pytest.raises(HostError) as caught:
        qemu_argv(plan(storage="virtio"), firmware=None)
    assert caught.value.code == "image.no-initrd"


def test_an_architecture_without_a_row() -> None:
    with pytest.raises(HostError) as caught:
        qemu_argv(plan(arch="sparc64"), firmware=None)
    assert caught.value.code == "arch.unsupported"
    assert "sparc64" in caught.value.message


def test_every_row_has_both_accelerators() -> None:
    assert TABLE
    for arch in TABLE.values():
        assert arch.machine.keys() == arch.cpu.keys() == {"kvm", "tcg"}


@pytest.mark.skipif(not shutil.which("qemu-img"), reason="there is no qemu-img here")
def test_the_overlay_is_thin_whatever_its_path(tmp_path: Path) -> None:
    folder = tmp_path / "a, b=c"
    folder.mkdir()
    base = folder / "base,image.raw"
    with base.open("wb") as file:
        file.truncate(1 << 30)
    overlay = plan(folder=str(folder), image=BaseImage(str(base), "/kernel"))
    subprocess.run(overlay_argv(overlay), check=True)
    made = Files(overlay).overlay
    info = json.loads(subprocess.check_output(["qemu-img", "info", "--output=json", made]))
    assert info["virtual-size"] == 1 << 30
    assert info["full-backing-filename"] == str(base)
    assert Path(made).stat().st_blocks * 512 < 1 << 20


if __name__ == "__main__":
    for name in CASES:
        (GOLDEN / f"{name}.txt").write_text(lines(name))
