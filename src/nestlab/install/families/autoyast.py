"""YaST: openSUSE up to Leap 15.6 and Tumbleweed, answered by AutoYaST.

Sources: the AutoYaST guide and the schema in yast-autoinstallation (`autoinst.xml` at the root of
the initrd is read by itself), linuxrc's documentation of boot options. Leap 16 has another
installer, Agama.
"""

from collections.abc import Iterator
from typing import Any

from nestlab.install.answers import CONSOLE, DEVICE, FILE_SYSTEMS, Answers
from nestlab.install.family import Family, Place, Source, signs
from nestlab.install.finish import script
from nestlab.units import MIB

_PACKAGES = ("openssh", "cloud-init", "growpart", "sudo")
_PROFILE = "http://www.suse.com/1.0/yast2ns"
_CONFIG = "http://www.suse.com/1.0/configns"

_BIOS_BOOT, _SWAP, _LINUX = 263, 130, 131
"""YaST's numbers for kinds of partition; 263 is the BIOS boot partition of a GPT."""


class _Symbol(str):
    """A word that YaST takes for one of its own names."""

    __slots__ = ()


_NAMES: dict[Any, str] = {None: _PROFILE, "config": _CONFIG}

Value = str | int | bool | dict[str, Any] | list[Any]


def write(answers: Answers, _source: Source) -> str:
    """The control file; the root is the last partition, so that it can grow."""
    # this family alone needs it, and only when it is asked for
    from lxml import etree  # noqa: PLC0415

    root = etree.Element(f"{{{_PROFILE}}}profile", nsmap=_NAMES)
    for name, value in profile(answers).items():
        _add(root, name, value)
    text = etree.tostring(root, pretty_print=True, xml_declaration=True, encoding="UTF-8",
                          doctype="<!DOCTYPE profile>")  # fmt: skip
    return text.decode()


def _add(parent: Any, name: str, value: Value) -> None:
    """A value with its `config:type`; the elements of a list are called by their kind."""
    from lxml import etree  # noqa: PLC0415

    element = etree.SubElement(parent, f"{{{_PROFILE}}}{name}")
    kinds = {bool: "boolean", int: "integer", list: "list", _Symbol: "symbol"}
    if kind := kinds.get(type(value)):
        element.set(f"{{{_CONFIG}}}type", kind)
    if isinstance(value, dict):
        for inner, each in value.items():
            _add(element, inner, each)
    elif isinstance(value, list):
        for each in value:
            _add(element, _ENTRIES.get(name, "listentry"), each)
    else:
        element.text = str(value).lower() if isinstance(value, bool) else str(value)


_ENTRIES = {
    "packages": "package", "partitions": "partition", "partitioning": "drive", "users": "user",
    "chroot-scripts": "script", "interfaces": "interface", "enable": "service",
    "patterns": "pattern", "authorized_keys": "listentry",
}  # fmt: skip


def profile(answers: Answers) -> dict[str, Value]:
    """The sections."""
    return {
        "general": {"mode": {"confirm": False, "final_halt": False, "halt": True,
                             "second_stage": False}},
        "report": {part: {"log": True, "show": part == "errors", "timeout": 0}
                   for part in ("errors", "messages", "warnings", "yesno_messages")},
        "language": {"language": "en_US"},
        "timezone": {"hwclock": "UTC", "timezone": "Etc/UTC"},
        "networking": {
            "dns": {"hostname": answers.hostname},
            "interfaces": [{"bootproto": "dhcp", "name": "eth0", "startmode": "auto"}],
        },
        "bootloader": {"global": {"append": " ".join(CONSOLE), "terminal": "serial console",
                                  "serial": "serial --speed=115200 --unit=0", "timeout": 1}},
        "partitioning": [{"device": DEVICE, "disklabel": "gpt", "enable_snapshots": False,
                          "initialize": True, "partitions": list(_partitions(answers)),
                          "use": "all"}],
        "software": {"install_recommended": False,
                     "packages": [*_PACKAGES, *answers.packages],
                     "patterns": ["enhanced_base"]},
        "services-manager": {"default_target": "multi-user", "services": {"enable": ["sshd"]}},
        "users": [_user("root", ()), _user(answers.user, answers.keys)],
        "scripts": {"chroot-scripts": [{"chrooted": True, "filename": "nestlab-finish.sh",
                                        "interpreter": "shell", "source": script(answers)}]},
    }  # fmt: skip


def _partitions(answers: Answers) -> Iterator[dict[str, Value]]:
    yield {"create": True, "format": False, "partition_id": _BIOS_BOOT, "size": "8M"}
    if answers.swap:
        yield {"create": True, "filesystem": _Symbol("swap"), "format": True, "mount": "swap",
               "partition_id": _SWAP, "size": f"{answers.swap // MIB}M"}  # fmt: skip
    yield {"create": True, "filesystem": _Symbol(answers.filesystem), "format": True, "mount": "/",
           "partition_id": _LINUX, "size": "max"}  # fmt: skip


def _user(name: str, keys: tuple[str, ...]) -> dict[str, Value]:
    """`!` is nobody's hash: there is no password."""
    found: dict[str, Value] = {"encrypted": True, "user_password": "!", "username": name}
    return found | ({"authorized_keys": list(keys)} if keys else {})


def arguments(source: Source) -> tuple[str, ...]:
    """Both linuxrc and YaST on the serial console, without colours and windows where they can."""
    install = source.url or "cd:/"
    return (
        f"install={install}",
        "autoyast=file:///autoinst.xml",
        "textmode=1",
        "linuxrc.log=/dev/console",
    )


_SIGNS = signs(
        ("prompt", r"^> ?$", ""),
        ("prompt", r"^(Please make sure|Please choose|Enter the)\b", ""),
        ("prompt", r"\[ ?(OK|Yes|Retry|Continue)\](\s+\[ ?(No|Abort|Cancel|Skip)\])?\s*$", ""),
        ("prompt", r"\*\*\* sending .* \*\*\*$|Back to main menu", ""),
        ("failed", r"No repository found|Could not find the .* Repository", ""),
        ("failed", r"AutoYaST (profile|control file).*(error|invalid)", ""),
        ("step", r"^>>> .* installation program", "loading components"),
        ("step", r"^Starting hardware detection", "detecting hardware"),
        ("step", r"(Sending DHCP request|wicked.*(setup|dhcp))", "detecting network"),
        ("progress", r"Loading .*\((?P<percent>\d+)%\)", "loading components"),
        ("step", r"\*\*\* Starting YaST|Starting Installer", "starting the installer"),
        ("step", r"(Retrieving|Parsing|Processing).*(control file|profile)", "reading the answers"),
        ("step", r"(Preparing disks|Formatting|Creating partition|Partitioning)", "partitioning"),
        ("progress", r"(Installing|Performing Installation).*?(?P<percent>\d+) ?%",
         "installing packages"),
        ("step", r"(Install|Installing|Saving) [Bb]oot ?[Ll]oader", "installing the boot loader"),
        ("step", r"(Finishing|Finish) [Bb]asic [Ii]nstallation|Copy(ing)? log files",
         "configuring the system"),
)  # fmt: skip

FAMILY = Family(
    name="autoyast",
    systems={"opensuse": "openSUSE", "sles": "SUSE Linux Enterprise Server"},
    file="autoinst.xml",
    injected="autoinst.xml",
    write=write,
    arguments=arguments,
    places=(Place("boot/x86_64/loader/linux", "boot/x86_64/loader/initrd", "CHECKSUMS"),),
    signs=_SIGNS,
    memory=2048 * MIB,
    filesystems=lambda _system: FILE_SYSTEMS,
    wants="tree",
)
