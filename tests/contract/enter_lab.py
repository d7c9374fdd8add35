"""A lab that is "up" without a virtual machine: each of its guests is one sshd on loopback."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import nestlab
from nestlab.lab.record.state import GuestRecord, LabState, save_state
from sshd_world import Sshd

LAB = "0a1b2c3d4e"
SOURCE = str(Path(nestlab.__file__).parent.parent)
NESTLAB = (sys.executable, "-m", "nestlab")


HOSTILE_LOG = b"Linux \x1b[2J\x9b31m\xff\r\r\n\tok \xe2\x82\xac\n\xe2\x80\xaeend"


@dataclass(frozen=True)
class EnterLab:
    """l1 with l1/l2, which is reached through it; `base` has everything, guests' files too."""

    base: Path
    state: LabState

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "NESTLAB_HOME": str(self.base / "nestlab"),
            "PYTHONPATH": SOURCE,
            "NO_COLOR": "1",
            "LC_ALL": "C.UTF-8",
        }

    def guest(self, path: str) -> Path:
        """The folder of a guest's files."""
        return self.base / path.replace("/", ".")

    @property
    def far(self) -> Path:
        """A folder that the tests use as one of the guests' own."""
        folder = self.base / "far"
        folder.mkdir(exist_ok=True)
        return folder

    def start(self, *words: str, **streams: int) -> subprocess.Popen[bytes]:
        """Start the program; what is not said of its streams is piped."""
        default = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        chosen = {**default, **streams}
        return subprocess.Popen(
            [*NESTLAB, *words],
            cwd=self.base,
            env=self.environment,
            stdin=chosen["stdin"],
            stdout=chosen["stdout"],
            stderr=chosen["stderr"],
        )

    def run(self, *words: str, stdin: bytes = b"") -> tuple[int, bytes, str]:
        """Status, stdout, stderr."""
        with self.start(*words) as process:
            out, err = process.communicate(stdin, timeout=60)
        return process.returncode, out, err.decode()

    def does(self, *words: str, stdin: bytes = b"") -> bytes:
        """What it prints on stdout; it must succeed and complain of nothing."""
        status, out, err = self.run(*words, stdin=stdin)
        assert (status, err) == (0, "")
        return out

    @contextmanager
    def qemu(self, path: str) -> Iterator[None]:
        """A process that is taken for a guest's QEMU."""
        identity = next(each.identity for each in self.state.guests if each.path == path)
        argv = [sys.executable, "-S", "-E", "-c", "input()", f"guest={identity}"]
        with subprocess.Popen(argv, stdin=subprocess.PIPE) as process:
            yield
            process.kill()


def enter_lab(base: Path, server: Sshd, *, name: str | None = "seed") -> EnterLab:
    """Write the lab's folder."""
    folder = base / "nestlab" / "state" / "labs" / LAB
    folder.mkdir(parents=True)
    server.client_key.write_private_key(folder / "id_ed25519")
    (folder / "id_ed25519").chmod(0o600)
    guests = tuple(_guest(base, server, path) for path in ("l1", "l1/l2"))
    state = LabState(
        id=LAB,
        name=name,
        place=str(folder),
        kept=True,
        sockets=str(base),
        guests=guests,
    )
    save_state(state, folder)
    return EnterLab(base, state)


def _guest(base: Path, server: Sshd, path: str) -> GuestRecord:
    folder = base / path.replace("/", ".")
    folder.mkdir()
    return GuestRecord(
        path=path,
        identity=f"nestlab-{LAB}-{folder.name}",
        folder=str(folder),
        sockets=str(folder),
        ssh_port=server.port,
        host_key=server.host_key,
        address="10.0.2.15",
        vcpus=2,
        memory=4 << 30,
        accelerator="kvm" if path == "l1" else "tcg",
        emulated=path != "l1",
    )
