"""Somebody at a terminal, with a lab file and a home of their own."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nestlab.home import Home


@dataclass
class User:
    """Somebody at a terminal in the lab file's folder."""

    folder: Path
    enter: tuple[str, ...] = ()

    @classmethod
    def in_folder(cls, folder: Path, lab: str, enter: tuple[str, ...] = ()) -> "User":
        """With the images of the one who runs the tests, and nothing else.

        enter  what their commands begin with, to run in other namespaces
        """
        (folder / "home").mkdir()
        (folder / "home" / "cache").symlink_to(Home.from_environment().cache)
        (folder / "lab.yaml").write_text(lab)
        return cls(folder, enter)

    @property
    def labs(self) -> Path:
        return self.folder / "home" / "state" / "labs"

    @property
    def environment(self) -> dict[str, str]:
        own = {"HOME": str(self.folder), "NESTLAB_HOME": str(self.folder / "home")}
        return {**os.environ, **own}

    def nestlab(self, *words: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [*self.enter, sys.executable, "-m", "nestlab", *words],
            check=False,
            capture_output=True,
            input=stdin,
            cwd=self.folder,
            env=self.environment,
        )

    def said(self, *words: str) -> str:
        done = self.nestlab(*words)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode()

    def begins(self, *words: str) -> subprocess.Popen[str]:
        """A nestlab whose progress is read line by line from `stderr`."""
        return subprocess.Popen(
            [*self.enter, sys.executable, "-m", "nestlab", *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=self.folder,
            env=self.environment,
            text=True,
        )

    def revive(self) -> None:
        """Start again what is lost to emulation, be it that it does not answer or that it ended."""
        if not labs_left(self):
            return  # the test itself makes one
        for path, state in self.states.items():
            if state == "stopped":
                continue  # by the test itself
            answers = (
                state == "running" and self.nestlab("exec", path, "--", "true").returncode == 0
            )
            if not answers and self.nestlab("reboot", path).returncode != 0:
                self.said("start", path)  # emulation can lose it once more while it boots

    @property
    def machines(self) -> dict[str, dict[str, Any]]:
        """What `status` says of the only lab."""
        (lab,) = json.loads(self.said("status", "--json"))["labs"]
        return {machine["path"]: machine for machine in lab["machines"]}

    @property
    def states(self) -> dict[str, str]:
        return {path: machine["state"] for path, machine in self.machines.items()}

    @property
    def pids(self) -> dict[str, int | None]:
        """The processes that the lab's state names."""
        (folder,) = (each for each in self.labs.iterdir() if not each.name.startswith("."))
        guests = json.loads((folder / "lab.json").read_text())["guests"]
        return {guest["path"]: guest["pid"] for guest in guests}


def labs_left(user: User) -> list[str]:
    """Labs, or halves of such, that are still there; the lock on their names stays."""
    return sorted(each.name for each in user.labs.iterdir() if each.name != ".names")
