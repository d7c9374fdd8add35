"""Ubuntu's installer (Subiquity): autoinstall, which cloud-init of the live system brings.

Sources: the autoinstall reference manual and its JSON schema; curtin's storage documentation.
"""

from collections.abc import Iterator
from typing import Any

import yaml

from nestlab.install.answers import CONSOLE, DEVICE, FILE_SYSTEMS, Answers
from nestlab.install.family import Family, Place, Source, signs
from nestlab.install.finish import script
from nestlab.units import MIB

_PACKAGES = ("cloud-init", "cloud-guest-utils", "sudo")


def write(answers: Answers, _source: Source) -> str:
    """The user-data of the seed for the live system; the root is the last partition."""
    document = {"autoinstall": configuration(answers)}
    return "#cloud-config\n" + yaml.safe_dump(document, sort_keys=False, width=1000)


def configuration(answers: Answers) -> dict[str, Any]:
    """The section `autoinstall`.

    The account is made by the last command and not by `identity`, which leaves it to cloud-init of
    the installed system, whose seed is a lab's.
    """
    found: dict[str, Any] = {
        "version": 1,
        "locale": "en_US.UTF-8",
        "keyboard": {"layout": "us"},
        "refresh-installer": {"update": False},
        "network": {"version": 2, "ethernets": {"any": {"match": {"name": "e*"}, "dhcp4": True}}},
        "identity": {"hostname": answers.hostname, "username": answers.user, "password": "!"},
        "ssh": {"install-server": True, "allow-pw": False, "authorized-keys": list(answers.keys)},
        "storage": {"swap": {"size": 0}, "config": list(_storage(answers))},
        "packages": [*_PACKAGES, *answers.packages],
        "updates": "security",
        "late-commands": [*_grub(), ["curtin", "in-target", "--", "sh", "-c", script(answers)]],
        "shutdown": "poweroff",
    }
    if answers.mirror:
        found["apt"] = {"primary": [{"arches": ["default"], "uri": answers.mirror.served}],
                        "geoip": False}  # fmt: skip
    return found


def _storage(answers: Answers) -> Iterator[dict[str, Any]]:
    yield {"id": "disk", "type": "disk", "path": DEVICE, "ptable": "gpt", "preserve": False,
           "wipe": "superblock-recursive", "grub_device": True}  # fmt: skip
    sizes: list[tuple[str, int, dict[str, str]]] = [("bios", MIB, {"flag": "bios_grub"})]
    if answers.swap:
        sizes.append(("swap", answers.swap - answers.swap % MIB, {"flag": "swap"}))
    sizes.append(("root", -1, {}))
    for number, (name, size, flag) in enumerate(sizes, start=1):
        yield {"id": name, "type": "partition", "device": "disk", "number": number, "size": size,
               "preserve": False, **flag}  # fmt: skip
    if answers.swap:
        yield {"id": "swap-fs", "type": "format", "fstype": "swap", "volume": "swap"}
        yield {"id": "swap-on", "type": "mount", "device": "swap-fs", "path": ""}
    yield {"id": "root-fs", "type": "format", "fstype": answers.filesystem, "volume": "root"}
    yield {"id": "root-on", "type": "mount", "device": "root-fs", "path": "/"}


def _grub() -> Iterator[list[str]]:
    """The consoles of the installed system; update-grub(8) reads the folder."""
    line = f'GRUB_CMDLINE_LINUX_DEFAULT="{" ".join(CONSOLE)}"'
    yield ["curtin", "in-target", "--", "sh", "-c",
           f"echo '{line}' >/etc/default/grub.d/60-nestlab.cfg && update-grub"]  # fmt: skip


def arguments(_source: Source) -> tuple[str, ...]:
    """`autoinstall` says that the disk may be overwritten without a question."""
    return ("autoinstall", "ds=nocloud", "---")


_SIGNS = signs(
        ("prompt", r"Continue with autoinstall\? \(yes\|no\)", ""),
        ("prompt", r"\[ Continue in rich mode|\[ Continue in basic mode|View SSH instructions", ""),
        ("failed", r"^An error occurred\. Press enter to start a shell", ""),
        ("failed", r"finish: subiquity/\S+: FAIL|Autoinstall config not valid", ""),
        ("failed", r"A system program crashed", ""),
        ("step", r"start: subiquity/(Network|Proxy|Mirror)\b", "detecting network"),
        ("step", r"start: subiquity/(Filesystem|Storage)\b", "partitioning"),
        ("step", r"start: .*cmd-install/stage-partitioning", "partitioning"),
        ("step", r"start: .*(cmd-install/stage-extract|curtin_install/run_curtin_step/extract)",
         "installing the base system"),
        ("step", r"start: .*stage-curthooks.*(grub|bootloader)", "installing the boot loader"),
        ("step", r"start: .*(stage-curthooks|installing-kernel)", "installing the kernel"),
        ("step", r"start: .*postinstall/install_\w+", "installing packages"),
        ("step", r"start: .*postinstall/configure_cloud_init", "configuring the system"),
        ("step", r"start: .*run_unattended_upgrades", "installing updates"),
        ("step", r"start: subiquity/Late\b", "running the last commands"),
        ("step", r"start: subiquity/Shutdown|finish: subiquity/Install/install: SUCCESS",
         "shutting down"),
)  # fmt: skip

FAMILY = Family(
    name="autoinstall",
    systems={"ubuntu": "Ubuntu"},
    file="user-data",
    injected=None,
    write=write,
    arguments=arguments,
    places=(Place("casper/vmlinuz", "casper/initrd"),
            Place("casper/hwe-vmlinuz", "casper/hwe-initrd")),
    signs=_SIGNS,
    memory=3072 * MIB,
    filesystems=lambda _system: FILE_SYSTEMS,
    wants="maybe a mirror",
    whole=True,
)  # fmt: skip
