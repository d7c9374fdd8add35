"""The exact command for this machine's distribution (pure)."""

from typing import Literal

from nestlab.facts.model import Facts

Distribution = Literal["debian", "fedora", "suse", "arch", "alpine", "unknown"]

# by ID or ID_LIKE of os-release(5)
_DISTRIBUTIONS: dict[str, Distribution] = {
    "debian": "debian", "ubuntu": "debian", "raspbian": "debian", "linuxmint": "debian",
    "fedora": "fedora", "rhel": "fedora", "centos": "fedora", "rocky": "fedora",
    "almalinux": "fedora", "ol": "fedora", "amzn": "fedora", "openeuler": "fedora",
    "suse": "suse", "opensuse": "suse", "sles": "suse", "sle-micro": "suse",
    "opensuse-leap": "suse", "opensuse-tumbleweed": "suse",
    "arch": "arch", "manjaro": "arch", "alpine": "alpine",
}  # fmt: skip
_INSTALL: dict[Distribution, str] = {
    "debian": "apt install", "fedora": "dnf install", "suse": "zypper install",
    "arch": "pacman -S", "alpine": "apk add",
}  # fmt: skip
_QEMU_DEBIAN = {
    "x86_64": "qemu-system-x86", "aarch64": "qemu-system-arm", "ppc64le": "qemu-system-ppc",
    "ppc64": "qemu-system-ppc",
}  # fmt: skip
_PACKAGES: dict[str, dict[Distribution, str]] = {
    "qemu": {
        "fedora": "qemu-kvm qemu-img", "suse": "qemu-kvm qemu-tools", "arch": "qemu-base",
    },
    "libvirt": {
        "debian": "libvirt-daemon-system virtinst", "fedora": "libvirt virt-install",
        "suse": "libvirt virt-install", "arch": "libvirt virt-install",
        "alpine": "libvirt-daemon libvirt-qemu virt-install",
    },
}  # fmt: skip
_INITRAMFS = {
    "update-initramfs": "update-initramfs -u", "dracut": "dracut --force",
    "mkinitcpio": "mkinitcpio -P",
}  # fmt: skip
_INITRAMFS_BY_DISTRIBUTION: dict[Distribution, str] = {
    "debian": "update-initramfs -u", "fedora": "dracut --force", "suse": "dracut --force",
    "arch": "mkinitcpio -P", "alpine": "mkinitfs",
}  # fmt: skip


def distribution(facts: Facts) -> Distribution:
    """Whose package manager and boot loader this machine has."""
    release = facts.os_release
    if release is None:
        return "unknown"
    for name in (release.id, *release.id_like.split()):
        if found := _DISTRIBUTIONS.get(name.lower()):
            return found
    return "unknown"


def root(facts: Facts, command: str) -> str:
    """The command with sudo, unless root is asking."""
    return command if facts.user and facts.user.uid == 0 else f"sudo {command}"


def install(facts: Facts, *what: str) -> str:
    """A step that installs `qemu`, `libvirt`, or both."""
    family = distribution(facts)
    if family == "unknown":
        return f"install {' and '.join(what)} with this system's package manager"
    names = " ".join(_package(facts, family, each) for each in what)
    return f"`{root(facts, f'{_INSTALL[family]} {names}')}`"


def _package(facts: Facts, family: Distribution, what: str) -> str:
    arch = facts.arch or "x86_64"
    if what == "qemu" and family == "debian":
        return f"{_QEMU_DEBIAN.get(arch, f'qemu-system-{arch}')} qemu-utils"
    if what == "qemu" and family == "alpine":
        return f"qemu-system-{arch} qemu-img"
    return _PACKAGES.get(what, {}).get(family, what)


def refresh_initramfs(facts: Facts) -> str:
    """The command that builds the running kernel's initial RAM file system anew."""
    tool = facts.initramfs.tool if facts.initramfs else None
    command = _INITRAMFS.get(tool or "") or _INITRAMFS_BY_DISTRIBUTION.get(distribution(facts))
    return f"`{root(facts, command)}`" if command else "build the initramfs anew"


def kernel_word(facts: Facts, word: str) -> str:
    """A step that puts `word` on the kernel command line for good; it takes a reboot."""
    return f"{_boot_loader(facts, word)}, then reboot"


def _boot_loader(facts: Facts, word: str) -> str:
    tools, family = facts.tools or {}, distribution(facts)
    if "grubby" in tools or family == "fedora":
        return f"`{root(facts, f'grubby --update-kernel=ALL --args={word}')}`"
    if facts.arch == "s390x":
        return f"add `{word}` to `parameters` in /etc/zipl.conf, then `{root(facts, 'zipl')}`"
    if grub := _grub(facts):
        place = "GRUB_CMDLINE_LINUX_DEFAULT in /etc/default/grub"
        return f"add `{word}` to {place}, then `{root(facts, grub)}`"
    if family == "alpine":
        place = "default_kernel_opts in /etc/update-extlinux.conf"
        return f"add `{word}` to {place}, then `{root(facts, 'update-extlinux')}`"
    if "bootctl" in tools:
        return f"append `{word}` to the `options` line of the entry in /boot/loader/entries"
    return f"add `{word}` to the kernel command line in the boot loader's configuration"


def _grub(facts: Facts) -> str | None:
    """The command that writes GRUB's configuration, where GRUB is the likely boot loader."""
    tools, family = facts.tools or {}, distribution(facts)
    if "update-grub" in tools or (family == "debian" and "bootctl" not in tools):
        return "update-grub"
    if "grub2-mkconfig" in tools or family == "suse":
        return "grub2-mkconfig -o /boot/grub2/grub.cfg"
    return "grub-mkconfig -o /boot/grub/grub.cfg" if "grub-mkconfig" in tools else None


def set_parameter(facts: Facts, module: str, setting: str) -> str:
    """Steps that set `name=value` of a KVM module, now and for good.

    A module that is built in has only the kernel command line: modprobe never sees it.
    """
    known = (facts.modules or {}).get(module)
    if known and known.state == "builtin":
        return kernel_word(facts, f"{module}.{setting}")
    unload, load = root(facts, f"modprobe -r {module}"), root(facts, f"modprobe {module} {setting}")
    keep = f"put `options {module} {setting}` into /etc/modprobe.d/nestlab.conf"
    if facts.initramfs and facts.initramfs.has_kvm:
        keep += f" and run {refresh_initramfs(facts)}"
    return f"with no guest running: `{unload} && {load}`; to keep it, {keep}"


def add_group(facts: Facts, group: str = "kvm") -> str:
    """A step that lets the user open what `group` may open."""
    command = f"addgroup $USER {group}" if distribution(facts) == "alpine" else None
    return f"`{root(facts, command or f'usermod -aG {group} $USER')}`, then log in again"
