"""The program `nestlab` as a user starts it."""

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

NESTLAB = (sys.executable, "-m", "nestlab")


@dataclass(frozen=True)
class Ended:
    """How it ended."""

    status: int
    out: str
    err: str


def nestlab(*words: str, home: Path, environment: Mapping[str, str] | None = None) -> Ended:
    """Run it with all of its state below `home`, and the user's own home beside it."""
    (home / "user").mkdir(exist_ok=True)
    done = subprocess.run(
        [*NESTLAB, *words],
        check=False,
        capture_output=True,
        stdin=subprocess.DEVNULL,
        text=True,
        env={
            "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
            "HOME": str(home / "user"),
            "NESTLAB_HOME": str(home / "nestlab"),
            "LC_ALL": "C.UTF-8",
            **(environment or {}),
        },
    )
    assert list((home / "user").iterdir()) == [], "it wrote into the user's home"
    return Ended(done.returncode, done.stdout, done.stderr)
