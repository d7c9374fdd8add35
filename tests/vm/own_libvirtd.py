"""A virtlogd and a libvirtd of the test: own folders, own networks, own processes, in namespaces.

There need not be a systemd, and nothing of a libvirt that the machine has is seen or touched.
"""

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_PATIENCE = 30.0

# The folders are compiled in, so they are mounted over. The shell is process 1 of the namespace:
# with it go the daemons, the guests and dnsmasq.
_HOLD = """
set -eu
cd "$1"
mount -t proc proc /proc
for each in etc:/etc/libvirt lib:/var/lib/libvirt run:/run/libvirt log:/var/log/libvirt \
    cache:/var/cache/libvirt; do
    mkdir -p "${each#*:}"
    mount --bind "$1/${each%%:*}" "${each#*:}"
done
if [ "$2" = without-kvm ]; then
    mkdir dev
    mount -t tmpfs dev dev
    cp -a /dev/null /dev/zero /dev/full /dev/random /dev/urandom /dev/tty /dev/net dev/
    mkdir dev/pts dev/shm
    mount --bind /dev/pts dev/pts
    ln -s pts/ptmx dev/ptmx
    ln -s /proc/self/fd dev/fd
    ln -s fd/0 dev/stdin
    mount --rbind dev /dev
fi
ip link set lo up
virtlogd --pid-file "$1/run/virtlogd.pid" &
libvirtd --pid-file "$1/run/libvirtd.pid" &
trap : TERM
while :; do wait || true; sleep 1; done
"""


@dataclass(frozen=True)
class OwnLibvirtd:
    """A libvirtd that is up.

    folder  etc, lib, run, log, cache
    pid     process 1 of its namespaces, as the machine sees it
    """

    folder: Path
    pid: int

    @property
    def uri(self) -> str:
        """For clients outside its namespaces, who do not see its networks."""
        return f"qemu+unix:///system?socket={self.folder}/run/libvirt-sock"

    def enter(self, folder: Path) -> tuple[str, ...]:
        """What a command begins with that shall run in a folder, where the guests' networks are."""
        spaces = ("--mount", "--net", "--pid")
        return ("nsenter", f"--target={self.pid}", *spaces, f"--wdns={folder}", "--")

    def kill(self, daemon: str = "libvirtd") -> None:
        """As a crash or the kernel's out-of-memory killer does it. daemon: or virtlogd."""
        inside = self.enter(self.folder)
        subprocess.run([*inside, "pkill", "-KILL", "-x", daemon], check=True)

    def start(self, daemon: str = "libvirtd") -> None:
        """Again, as its service would be."""
        words = (daemon, "--daemon", "--pid-file", f"{self.folder}/run/{daemon}.pid")
        subprocess.run([*self.enter(self.folder), *words], check=True)
        _until_answers(self)

    def virsh(self, *words: str) -> subprocess.CompletedProcess[str]:
        argv = ("virsh", "--quiet", "--connect", self.uri, *words)
        return subprocess.run(argv, check=False, capture_output=True, text=True)

    def said(self, *words: str) -> str:
        done = self.virsh(*words)
        assert done.returncode == 0, done.stderr
        return done.stdout


@contextmanager
def own_libvirtd(folder: Path, *, kvm: bool = True) -> Iterator[OwnLibvirtd]:
    """Start it in an empty folder, whose path has to be short: sockets allow 107 bytes.

    kvm  whether it sees the machine's /dev/kvm, if there is one. Where that cannot be used, libvirt
         asks QEMU anew at every definition, which takes eight seconds each time.
    """
    shutil.copytree("/etc/libvirt", folder / "etc", symlinks=True)
    with (folder / "etc" / "qemu.conf").open("a") as file:
        file.write("cgroup_controllers = []\n")  # those are the machine's
        if not kvm:
            file.write("namespaces = []\n")  # of guests: none can be made of a /dev over another
    for name in ("lib/qemu", "lib/dnsmasq", "run", "log/qemu", "cache"):
        (folder / name).mkdir(parents=True)
    # with the test runner, however that ends, goes all of it
    argv = ("setpriv", "--pdeathsig", "KILL",
            "unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--propagation",
            "private", "sh", "-c", _HOLD, "sh", str(folder),
            "with-kvm" if kvm else "without-kvm")  # fmt: skip
    with (folder / "daemons.log").open("wb") as log:
        holder = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            daemon = OwnLibvirtd(folder, _child_of(holder.pid))
            _until_answers(daemon)
            yield daemon
        finally:
            holder.kill()
            holder.wait()


def _child_of(pid: int) -> int:
    children = Path(f"/proc/{pid}/task/{pid}/children")
    end = time.monotonic() + _PATIENCE
    while not (found := children.read_text().split()):
        assert time.monotonic() < end
        time.sleep(0.02)
    return int(found[0])


def _until_answers(daemon: OwnLibvirtd) -> None:
    end = time.monotonic() + _PATIENCE
    while (done := daemon.virsh("version")).returncode != 0:
        assert time.monotonic() < end, (done.stderr, (daemon.folder / "daemons.log").read_text())
        time.sleep(0.1)
