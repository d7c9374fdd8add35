"""The last script of every installation, run in the installed system (pure).

The same for all: it makes the user, takes away what belongs to one machine only, and hands the
network over to cloud-init, which seeds each guest of the image (nestlab/image/nocloud.py).
"""

from collections.abc import Iterable, Iterator
from itertools import chain, repeat

from nestlab.install.answers import DONE, Answers, Mirror

_ACCOUNT = """set -e
user={user}
id "$user" >/dev/null 2>&1 || useradd --create-home --shell /bin/bash "$user"
usermod --lock "$user"
usermod --lock root
mkdir -p /etc/sudoers.d
echo "$user ALL=(ALL) NOPASSWD:ALL" >/etc/sudoers.d/90-nestlab
chmod 440 /etc/sudoers.d/90-nestlab"""

_KEYS = """home=$(getent passwd "$user" | cut -d: -f6)
mkdir -p "$home/.ssh"
{keys}
chmod 700 "$home/.ssh"
chmod 600 "$home/.ssh/authorized_keys"
chown -R "$user:" "$home/.ssh\""""

# NoCloud's seed says what the network is; the installer's own answers would contradict it. Ubuntu's
# installer also leaves files that make cloud-init look for no seed at all.
_NETWORK = """rm -f /etc/netplan/*.yaml /etc/NetworkManager/system-connections/*
rm -f /etc/sysconfig/network-scripts/ifcfg-e* /etc/sysconfig/network/ifcfg-e*
rm -f /etc/cloud/cloud-init.disabled /etc/cloud/ds-identify.cfg
rm -f /etc/cloud/cloud.cfg.d/99-installer.cfg /etc/cloud/cloud.cfg.d/*subiquity*
if [ -f /etc/network/interfaces ]; then
echo "source /etc/network/interfaces.d/*" >/etc/network/interfaces
echo "auto lo" >>/etc/network/interfaces
echo "iface lo inet loopback" >>/etc/network/interfaces
fi"""

# machine-id(5): an empty file is filled at the first boot
_IDENTITY = """rm -rf /var/lib/cloud/instance /var/lib/cloud/instances
rm -f /var/lib/dbus/machine-id /etc/ssh/ssh_host_*_key /etc/ssh/ssh_host_*_key.pub
: >/etc/machine-id
for unit in local main network config final; do
if [ -e "/usr/lib/systemd/system/cloud-init-$unit.service" ]; then
systemctl enable "cloud-init-$unit.service"
fi
done
for unit in cloud-init cloud-config cloud-final; do
if [ -e "/usr/lib/systemd/system/$unit.service" ]; then systemctl enable "$unit.service"; fi
done"""


def script(answers: Answers) -> str:
    """POSIX sh without backslashes and single quotes, which answer files and debconf read too."""
    return "\n".join(_parts(answers)) + "\n"


def _parts(answers: Answers) -> Iterator[str]:
    yield _ACCOUNT.format(user=answers.user)
    if answers.keys:
        yield _KEYS.format(keys=_written(answers.keys, "$home/.ssh/authorized_keys"))
    if answers.mirror and answers.mirror.kept:
        yield from _sources(answers.mirror)
    yield _NETWORK
    yield _IDENTITY
    yield f'echo "{DONE}" >/dev/console'


def _sources(mirror: Mirror) -> Iterator[str]:
    yield ". /etc/os-release"
    yield "rm -f /etc/apt/sources.list.d/*.sources"
    release = "${VERSION_CODENAME}"
    yield _written(
        (f"deb {url} {release}{suffix} {mirror.components}" for url, suffix in mirror.kept),
        "/etc/apt/sources.list",
    )


def _written(lines: Iterable[str], file: str) -> str:
    """Commands that make a file of lines, which have no quotes."""
    signs = chain((">",), repeat(">>"))
    return "\n".join(
        f'echo "{line}" {sign}"{file}"' for line, sign in zip(lines, signs, strict=False)
    )
