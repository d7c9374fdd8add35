"""What the autoinstall reference manual of Ubuntu says of the keys that nestlab uses.

Written from the manual, stricter than the installer: a key that is not here is a mistake of ours.
"""

from typing import Any

_COMMANDS = {
    "type": "array",
    "items": {"type": ["string", "array"], "items": {"type": "string"}},
}


def _only(required: tuple[str, ...] = (), **properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


_ACTION = {
    "type": "object",
    "required": ["id", "type"],
    "properties": {
        "type": {"enum": ["disk", "partition", "format", "mount"]},
        "size": {"type": "integer"},
        "fstype": {"enum": ["ext4", "xfs", "btrfs", "swap"]},
        "flag": {"enum": ["bios_grub", "swap"]},
        "ptable": {"enum": ["gpt", "msdos"]},
        "wipe": {"enum": ["superblock", "superblock-recursive"]},
    },
}

AUTOINSTALL: dict[str, Any] = _only(
    required=("version",),
    version={"const": 1},
    locale={"type": "string"},
    keyboard=_only(("layout",), layout={"type": "string"}),
    network=_only(("version",), version={"const": 2}, ethernets={"type": "object"}),
    apt={
        "type": "object",
        "properties": {
            "geoip": {"type": "boolean"},
            "primary": {"type": "array", "items": {"type": "object", "required": ["arches"]}},
        },
    },
    identity=_only(
        ("username", "hostname", "password"),
        username={"type": "string"},
        hostname={"type": "string"},
        password={"type": "string"},
        realname={"type": "string"},
    ),
    ssh=_only(
        (),
        **{
            "install-server": {"type": "boolean"},
            "allow-pw": {"type": "boolean"},
            "authorized-keys": {"type": "array", "items": {"type": "string"}},
        },
    ),
    storage=_only(
        ("config",),
        swap=_only((), size={"type": "integer"}),
        config={"type": "array", "items": _ACTION},
    ),
    packages={"type": "array", "items": {"type": "string"}},
    updates={"enum": ["security", "all"]},
    shutdown={"enum": ["reboot", "poweroff"]},
    **{
        "late-commands": _COMMANDS,
        "refresh-installer": _only((), update={"type": "boolean"}, channel={"type": "string"}),
    },
)
