"""Where nestlab keeps things: images in the cache, labs and runs in the state folder.

XDG Base Directory Specification; `NESTLAB_HOME` moves everything into one folder.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nestlab.errors import HostError


@dataclass(frozen=True)
class Home:
    """The folders of one user."""

    cache: Path
    state: Path

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Home":
        """The folders that the environment names."""
        if chosen := environment.get("NESTLAB_HOME"):
            base = Path(chosen).expanduser().absolute()
            return cls(base / "cache", base / "state")
        return cls(
            _xdg(environment, "XDG_CACHE_HOME", ".cache"),
            _xdg(environment, "XDG_STATE_HOME", ".local/state"),
        )

    @property
    def images(self) -> Path:
        """Base images."""
        return self.cache / "images"

    @property
    def labs(self) -> Path:
        """One folder per lab that is up."""
        return self.state / "labs"

    @property
    def snapshots(self) -> Path:
        """What was saved of labs."""
        return self.state / "snapshots"

    @property
    def exposed(self) -> Path:
        """What domains of libvirt were before `nestlab expose`."""
        return self.state / "expose"

    @property
    def runs(self) -> Path:
        """One folder per measurement."""
        return self.state / "runs"


def _xdg(environment: Mapping[str, str], name: str, default: str) -> Path:
    value = environment.get(name, "")
    # the specification says that relative paths are to be ignored
    base = Path(value) if Path(value).is_absolute() else Path.home() / default
    return base / "nestlab"


def make_folder(path: Path) -> Path:
    """Create a private folder (0700) with its parents; raises HostError `home.not-writable`."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not os.access(path, os.W_OK | os.X_OK):
            raise PermissionError(13, "Permission denied")
    except OSError as problem:
        raise HostError(
            "home.not-writable",
            f"cannot write to {path}: {problem.strerror}",
            hint="set NESTLAB_HOME to a folder of yours on a disk with at least 5 GiB free",
        ) from problem
    return path
