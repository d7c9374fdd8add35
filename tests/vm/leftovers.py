"""What a run may have left on this machine."""

import contextlib
import re
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path


def _running() -> Iterator[tuple[int, list[bytes]]]:
    """Process ids and command lines."""
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            yield int(file.parent.name), file.read_bytes().split(b"\0")


def _is_guest(argv: list[bytes]) -> bool:
    return any(word.startswith(b"guest=nestlab-") for word in argv)


def qemu_pids() -> list[int]:
    """Processes of all guests of nestlab."""
    return [pid for pid, argv in _running() if _is_guest(argv)]


def processes() -> list[str]:
    """Command lines of all guests of nestlab and of image builds."""
    return sorted(
        b" ".join(argv).decode("utf-8", "replace")[:200]
        for _, argv in _running()
        if _is_guest(argv) or b"mmdebstrap" in argv
    )


def mounts() -> list[str]:
    """Mount points of every mount namespace that can be seen."""
    return sorted(Path("/proc/self/mounts").read_text().splitlines())


def temporary_files() -> list[str]:
    """Entries of the temporary folder that look like ours or like mmdebstrap's."""
    pattern = re.compile(r"nestlab-(?!cli|tests)|mmdebstrap")
    return sorted(path.name for path in Path(tempfile.gettempdir()).iterdir()
                  if pattern.match(path.name))  # fmt: skip


def listeners() -> list[str]:
    """Listening sockets of QEMU."""
    done = subprocess.run(["ss", "-Hlntxp"], capture_output=True, text=True, check=True)
    return sorted(line for line in done.stdout.splitlines() if "qemu" in line)


def snapshot() -> dict[str, list[str]]:
    """Everything, to be compared before and after."""
    return {
        "processes": processes(),
        "mounts": mounts(),
        "files": temporary_files(),
        "listeners": listeners(),
    }
