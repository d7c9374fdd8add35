"""The seed of a cloud image: an ISO that cloud-init's NoCloud data source reads (pure).

Source of the formats: cloud-init's documentation, "NoCloud", "Network config version 2" and the
modules SSH, Growpart, Resizefs, Runcmd. The documents are data that a YAML writer writes, never
joined text: no host name, key or address becomes anything but the text that it is.
"""

import io
from collections.abc import Mapping

import yaml

from nestlab.image.seed import Seed
from nestlab.net.subnet import GuestNetwork

FIRST_MAC = "52:54:00:12:34:56"
"""What QEMU gives to the first network card of a guest that is told nothing else."""

_CONSOLES = "/dev/console /dev/ttyS0 /dev/ttyAMA0"

# Said at the very end of cloud-init, and not before sshd (or the socket that starts it) listens:
# state 0A on port 22 in /proc/net/tcp (Linux, Documentation/networking/proc_net_tcp.rst).
_SAY_READY = f"""
n=0
until grep -Eq '^ *[0-9]+: [0-9A-F]+:0016 [0-9A-F]+:0000 0A' /proc/net/tcp /proc/net/tcp6; do
    n=$((n + 1)); [ $n -lt 600 ] || exit 0; sleep 0.2
done
for console in {_CONSOLES}; do
    if [ -c $console ]; then echo 'nestlab: ready' >$console; fi
done
exit 0
"""

Document = dict[str, object]


def nocloud_iso(seed: Seed, user: str, *, mac: str = FIRST_MAC) -> bytes:
    """The whole ISO.

    user  who can log in with the lab's key besides root
    mac   address of the network card that leads to the parent
    """
    return cidata_iso(files(seed, user, mac=mac))


def cidata_iso(texts: Mapping[str, str]) -> bytes:
    """An ISO with the label `cidata`. texts: name -> text."""
    # loaded for cloud images only
    from pycdlib import PyCdlib  # noqa: PLC0415

    iso = PyCdlib()
    iso.new(interchange_level=3, joliet=3, rock_ridge="1.09", vol_ident="cidata")
    for number, (name, text) in enumerate(texts.items()):
        data = text.encode()
        iso.add_fp(
            io.BytesIO(data),
            len(data),
            f"/FILE{number}.;1",
            rr_name=name,
            joliet_path=f"/{name}",
        )
    buffer = io.BytesIO()
    iso.write_fp(buffer)
    iso.close()
    return buffer.getvalue()


def files(seed: Seed, user: str, *, mac: str = FIRST_MAC) -> dict[str, str]:
    """Name -> text."""
    return {
        "meta-data": _yaml(meta_data(seed)),
        "user-data": f"#cloud-config\n{_yaml(user_data(seed, user))}",
        "network-config": _yaml(network_config(seed.network, mac)),
    }


def _yaml(document: Document) -> str:
    return yaml.safe_dump(document, sort_keys=False)


def meta_data(seed: Seed) -> Document:
    """A new instance for each guest, so that cloud-init takes its boot for the first."""
    return {"instance-id": seed.machine_id, "local-hostname": seed.hostname}


def user_data(seed: Seed, user: str) -> Document:
    """Login, host key, host name, the grown root, and the line that says it is up."""
    return {
        "hostname": seed.hostname,
        "preserve_hostname": False,
        "manage_etc_hosts": "localhost",
        "users": ["default", *_users(seed, user)],
        "disable_root": False,
        "ssh_pwauth": False,
        # these are for root and the image's default user
        "ssh_authorized_keys": [seed.authorized_key],
        "ssh_deletekeys": True,
        "ssh_keys": {
            "ed25519_private": seed.host_key,
            "ed25519_public": seed.host_key_public,
        },
        "growpart": {"mode": "auto", "devices": ["/"]},
        "resize_rootfs": True,
        "locale": "false",  # the image's own stays: making another takes long under emulation
        "package_update": False,
        "package_upgrade": False,
        "runcmd": [["sh", "-c", _SAY_READY]],
    }


def _users(seed: Seed, user: str) -> list[Document]:
    if user == "root":
        return []
    return [
        {
            "name": user,
            "lock_passwd": True,
            "shell": "/bin/bash",
            "sudo": "ALL=(ALL) NOPASSWD:ALL",
            "ssh_authorized_keys": [seed.authorized_key],
        }
    ]


def network_config(network: GuestNetwork, mac: str) -> Document:
    """A static address on `eth0`, as guests of our own images have it.

    The card is known by its MAC: cloud-init's back ends for ifupdown and sysconfig know nothing
    else. `set-name` makes its name the same on every distribution.
    """
    return {
        "version": 2,
        "ethernets": {
            "eth0": {
                "match": {"macaddress": mac},
                "set-name": "eth0",
                "dhcp4": False,
                "addresses": [str(network.guest)],
                "gateway4": str(network.gateway),
                "nameservers": {"addresses": [str(network.resolver)]},
            }
        },
    }
