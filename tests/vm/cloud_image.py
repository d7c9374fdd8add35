"""A Debian disk that boots by itself and has cloud-init, made here from packages.

GRUB's first sectors are put where the BIOS looks for them (GRUB's manual, "BIOS installation":
`boot.img` in the first sector, `core.img` in the gap behind it), so neither a mount nor a loop
device is needed. Kept in the image cache under a digest of this file.
"""

import asyncio
import hashlib
import os
import struct
import subprocess
import tempfile
from pathlib import Path

from nestlab.deadline import Deadline
from nestlab.image.mirror import host_sources
from nestlab.machine.local import LocalMachine

_PACKAGES = (
    *("linux-image-cloud-amd64", "initramfs-tools", "systemd-sysv", "udev", "openssh-server"),
    *("cloud-init", "cloud-guest-utils", "fdisk", "ifupdown", "iproute2", "sudo", "python3"),
    *("grub-pc-bin", "grub-common", "procps", "kmod"),
)
_DISK_MIB, _FIRST_MIB = 1536, 1

# What GRUB does as soon as it runs; without a screen its messages go to the serial line.
_GRUB = """\
serial --unit=0 --speed=115200
terminal_input serial
terminal_output serial
set root=(hd0,msdos1)
linux /vmlinuz root=/dev/vda1 ro console=ttyS0 quiet
initrd /initrd.img
boot
"""
_CUSTOMIZE = """
set -eu
printf 'datasource_list: [NoCloud]\\n' >/etc/cloud/cloud.cfg.d/90-nestlab.cfg
printf '/dev/vda1 / ext4 errors=remount-ro 0 1\\n' >/etc/fstab
rm -f /etc/ssh/ssh_host_*
: >/etc/machine-id
for unit in apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer systemd-firstboot.service; do
    ln -sf /dev/null /etc/systemd/system/$unit
done
grub-mkimage -O i386-pc -o /boot/core.img -c /tmp/grub.cfg -p /boot/grub \
    biosdisk part_msdos ext2 serial terminal linux
cp /usr/lib/grub/i386-pc/boot.img /boot/boot.img
rm /tmp/grub.cfg
"""
_MAKE_DISK = """
set -eu
mkdir tree
tar --numeric-owner -xf tree.tar -C tree
truncate -s "$2"M part.img
mkfs.ext4 -q -F -L root -d tree part.img
truncate -s "$1"M disk.img
dd if=tree/boot/boot.img of=disk.img bs=440 count=1 conv=notrunc status=none
dd if=tree/boot/core.img of=disk.img bs=512 seek=1 conv=notrunc status=none
dd if=part.img of=disk.img bs=1M seek="$3" conv=notrunc,sparse status=none
"""


def cloud_image(cache: Path) -> Path:
    """The qcow2, built when the cache has none of this very recipe (some two minutes)."""
    digest = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:16]
    made = cache / f"test-cloud-image-{digest}.qcow2"
    if not made.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="test-cloud-image-", dir=cache) as folder:
            _build(Path(folder))
            Path(folder, "disk.qcow2").rename(made)
    return made


def _build(folder: Path) -> None:
    sources = asyncio.run(host_sources(LocalMachine(), "bookworm", deadline=Deadline.after(60)))
    (folder / "grub.cfg").write_text(_GRUB)
    (folder / "customize").write_text(_CUSTOMIZE)
    root = os.geteuid() == 0
    subprocess.run(
        (
            *("mmdebstrap", f"--mode={'root' if root else 'unshare'}", "--variant=minbase"),
            f"--include={','.join(_PACKAGES)}",
            "--aptopt=APT::Install-Recommends false",
            "--customize-hook=copy-in grub.cfg customize /tmp",
            '--customize-hook=chroot "$1" sh /tmp/customize',
            *("bookworm", "tree.tar", *(source.line for source in sources)),
        ),
        cwd=folder, check=True, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
    )  # fmt: skip
    script = ("sh", "-c", _MAKE_DISK, "sh", str(_DISK_MIB), str(_DISK_MIB - 8), str(_FIRST_MIB))
    path = f"{os.environ['PATH']}:/usr/sbin:/sbin"
    subprocess.run(
        (*(() if root else ("fakeroot", "--")), *script),
        cwd=folder, check=True, env={**os.environ, "PATH": path},
    )  # fmt: skip
    with (folder / "disk.img").open("r+b") as disk:
        disk.seek(446)
        disk.write(_partition_table())
    argv = ("qemu-img", "convert", "-f", "raw", "-O", "qcow2", "disk.img", "disk.qcow2")
    subprocess.run(argv, cwd=folder, check=True)


def _partition_table() -> bytes:
    """One partition, bootable, Linux; the CHS fields say "see LBA"; then the boot signature."""
    sectors = 2048
    first, size = _FIRST_MIB * sectors, (_DISK_MIB - 8) * sectors
    far = b"\xfe\xff\xff"
    one = struct.pack("<B3sB3sII", 0x80, far, 0x83, far, first, size)
    return one + bytes(48) + b"\x55\xaa"
