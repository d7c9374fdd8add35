"""Anaconda: CentOS Stream, RHEL, Rocky Linux, AlmaLinux and Fedora are answered by kickstart.

Sources: pykickstart's documentation of the commands; anaconda's boot options (`inst.ks`,
`inst.repo`, `inst.text`). Only commands that every version from RHEL 8 on knows are used.
"""

import re
from collections.abc import Iterator

from nestlab.install.answers import CONSOLE, DEVICE, FILE_SYSTEMS, Answers, FileSystem
from nestlab.install.family import Family, Place, Source, signs
from nestlab.install.finish import script
from nestlab.units import MIB

_PACKAGES = ("@core", "openssh-server", "cloud-init", "cloud-utils-growpart", "sudo")
_DISK = DEVICE.removeprefix("/dev/")

_BOOT = 1024
"""MiB of /boot where the root is btrfs, whose subvolumes not every GRUB of these can write to."""


def write(answers: Answers, source: Source) -> str:
    """The kickstart file; the root is the last partition, so that it can grow."""
    return "\n".join(_lines(answers, source)) + "\n"


def _lines(answers: Answers, source: Source) -> Iterator[str]:
    yield "text"
    yield f"url --url={source.url}" if source.url else "cdrom"
    for name, url in source.beside:
        yield f"repo --name={name} --baseurl={url}"
    yield "lang en_US.UTF-8"
    yield "keyboard us"
    yield "timezone Etc/UTC --utc"
    yield f"network --bootproto=dhcp --device=link --activate --hostname={answers.hostname}"
    yield "rootpw --lock"
    yield f"user --name={answers.user} --lock"
    yield "firstboot --disable"
    yield f"ignoredisk --only-use={_DISK}"
    yield f"clearpart --all --initlabel --drives={_DISK}"
    yield "zerombr"
    consoles = " ".join(CONSOLE)
    yield f'bootloader --location=mbr --boot-drive={_DISK} --timeout=1 --append="{consoles}"'
    yield from _partitions(answers)
    yield "poweroff"
    yield ""
    yield "%packages"
    yield from (*_PACKAGES, *answers.packages)
    yield "%end"
    yield ""
    yield "%post --erroronfail"
    yield from script(answers).splitlines()
    yield "%end"


def _partitions(answers: Answers) -> Iterator[str]:
    """`reqpart` makes what the firmware needs, a boot partition of 1 MiB on a GPT."""
    yield "reqpart"
    if answers.swap:
        yield f"part swap --ondisk={_DISK} --size={answers.swap // MIB}"
    if answers.filesystem != "btrfs":
        yield f"part / --fstype={answers.filesystem} --ondisk={_DISK} --size=2048 --grow"
        return
    yield f"part /boot --fstype=ext4 --ondisk={_DISK} --size={_BOOT}"
    yield f"part btrfs.01 --fstype=btrfs --ondisk={_DISK} --size=2048 --grow"
    yield "btrfs none --label=root --data=single btrfs.01"
    yield "btrfs / --subvol --name=root LABEL=root"


def arguments(source: Source) -> tuple[str, ...]:
    """The file is in the initrd; without `inst.repo` the initrd would not find its second stage."""
    repo = (f"inst.repo={source.url}",) if source.url else ()
    return ("inst.ks=file:/ks.cfg", *repo, "inst.text", "inst.sshd=0")


def filesystems(system: str) -> tuple[FileSystem, ...]:
    """RHEL and what is made from it have had no btrfs since version 8."""
    return FILE_SYSTEMS if system == "fedora" else ("ext4", "xfs")


_SIGNS = signs(
        ("prompt", r"Please make a selection from the above|Please make your choice", ""),
        ("prompt", r"Press ENTER to (exit|continue|quit)|Would you like to ignore this", ""),
        ("failed", r"^\s*(An unknown error has occurred|Pane is dead|Kickstart insufficient)", ""),
        ("failed", r"^\s*The following (mandatory )?(error|problem) occurred", ""),
        ("failed", r"dracut-initqueue.*(timeout|Warning: .*failed to download)", ""),
        ("step", r"^Starting installer, one moment", "starting the installer"),
        ("step", r"^Starting automated install", "reading the answers"),
        ("step", r"^Saving storage configuration|^Checking storage configuration", "partitioning"),
        ("step", r"^(Setting up the installation environment|Creating disklabel)", "partitioning"),
        ("step", r"^Creating (ext4|xfs|btrfs|swap|biosboot|lvm)\b", "partitioning"),
        ("step", r"^(Running pre-installation scripts|Starting package installation)",
         "installing packages"),
        ("step", r"^(Downloading|Preparing transaction)", "fetching packages"),
        ("progress", r"^Installing \S+ \((?P<at>\d+)/(?P<of>\d+)\)", "installing packages"),
        ("progress", r"^(Configuring|Verifying) \S+ \((?P<at>\d+)/(?P<of>\d+)\)",
         "configuring packages"),
        ("step", r"^Installing boot ?loader", "installing the boot loader"),
        ("step", r"^Performing post-installation setup|^Configuring (installed system|storage)",
         "configuring the system"),
        ("step", r"^(Creating users|Configuring addons|Generating initramfs|Storing configuration)",
         "configuring the system"),
        ("step", r"^Running post-installation scripts", "running the last commands"),
)  # fmt: skip

FAMILY = Family(
    name="kickstart",
    systems={
        "centos-stream": "CentOS Stream",
        "rhel": "Red Hat Enterprise Linux",
        "rocky": "Rocky Linux",
        "almalinux": "AlmaLinux",
        "fedora": "Fedora",
    },
    file="ks.cfg",
    injected="ks.cfg",
    write=write,
    arguments=arguments,
    places=(Place("images/pxeboot/vmlinuz", "images/pxeboot/initrd.img", ".treeinfo"),),
    signs=_SIGNS,
    memory=2560 * MIB,
    filesystems=filesystems,
    wants="tree",
    parent=re.compile(r"/BaseOS/[^/]+/os/?$"),
)
