"""How a word comes onto the kernel command line, by distribution and boot loader.

Sources: grubby(8); update-grub(8) and /etc/default/grub; kernel-install(8) and its
/etc/kernel/cmdline for systemd-boot; WSL's documentation of `kernelCommandLine` in .wslconfig.
"""

from nestlab.facts.model import Facts

_GRUBBY_FAMILY = {"fedora", "rhel", "centos", "almalinux", "rocky"}
_DEBIAN_FAMILY = {"debian", "ubuntu"}


def how_to_add(word: str, facts: Facts) -> str:
    """The steps that put `word` onto this machine's kernel command line; ends with a reboot."""
    if facts.outer and facts.outer.wsl:
        return (
            f"add `kernelCommandLine={word}` below `[wsl2]` in %UserProfile%\\.wslconfig on "
            "Windows, then run `wsl --shutdown` there"
        )
    release = facts.os_release
    family = {release.id, *release.id_like.split()} if release else set()
    grubby = f'`grubby --update-kernel=ALL --args="{word}"`'
    grub = f"GRUB: add `{word}` to GRUB_CMDLINE_LINUX in /etc/default/grub and run "
    systemd = (
        f"systemd-boot: add `{word}` to /etc/kernel/cmdline and run "
        '`kernel-install add "$(uname -r)" "/lib/modules/$(uname -r)/vmlinuz"`'
    )
    if "grubby" in (facts.tools or {}) or family & _GRUBBY_FAMILY:
        return f"{grubby}, then reboot"
    if family & _DEBIAN_FAMILY:
        return f"{grub}`update-grub` ({systemd}), then reboot"
    make = "`grub-mkconfig -o /boot/grub/grub.cfg`"
    return f"{grub}{make} (with grubby: {grubby}; {systemd}), then reboot"
