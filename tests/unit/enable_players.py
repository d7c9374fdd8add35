"""A machine whose root, kernel modules, sudo and initramfs are played in one folder."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from facts_examples import cpu, document
from nestlab.deadline import Deadline
from nestlab.enable.elevation import Elevation
from nestlab.enable.files import Paths
from nestlab.enable.present import Present, look
from nestlab.enable.run import disable, enable
from nestlab.enable.steps import Outcome
from nestlab.events import Sink, discard
from nestlab.facts.model import Facts
from nestlab.machine.local import LocalMachine
from nestlab.machine.protocol import Machine

ROOT = Elevation()
WITH_PASSWORD = Elevation.of(1000, "s3cret word")
INITRAMFS = {"tool": "update-initramfs", "image": "/boot/initrd.img", "has_kvm": True}
HOLDER = {"pid": 4711, "name": "qemu-system-x86", "guest": "l1"}

_LOG = 'echo "${0##*/} $*" >> "$FAKE/calls"\n'
# Each program does what the real one does to the part of the world that nestlab looks at, and
# fails in the way that a file in the folder `fail` asks for.
PROGRAMS = {
    "id": "echo 0\n",
    "rmmod": """
[ -e "$FAKE/fail/in-use" ] && { echo "rmmod: ERROR: Module $1 is in use" >&2; exit 1; }
rm -r "$FAKE/modules/$1" "$FAKE/kvm"
if [ -e "$FAKE/fail/killed" ]; then rm "$FAKE/fail/killed"; kill -KILL "$CONTROLLER"; fi
""",
    "modprobe": """
if { [ "$2" ] && [ -e "$FAKE/fail/$2" ]; } || [ -e "$FAKE/fail/all" ]; then
  echo "modprobe: ERROR: could not insert '$1': Input/output error" >&2; exit 1
fi
mkdir -p "$FAKE/modules/$1/parameters"
[ -e "$FAKE/fail/no-effect" ] && set -- "$1" nested=0
case $2 in nested=1) echo Y;; *) echo N;; esac > "$FAKE/modules/$1/parameters/nested"
ln -sf /dev/null "$FAKE/kvm"
""",
    "update-initramfs": """
[ -e "$FAKE/fail/initramfs" ] && { echo "No space left on device" >&2; exit 1; }
echo "$$ made" > "$FAKE/initramfs"
""",
    "sudo": """
[ -e "$FAKE/fail/sudo" ] && { echo "sudo: a password is required" >&2; exit 1; }
case $1 in
-n) shift;;
-S) shift 3; [ -e "$FAKE/cached" ] || { IFS= read -r word; [ "$word" = "s3cret word" ]; } ||
  { echo "sudo: 1 incorrect password attempt" >&2; exit 1; };;
esac
exec "$@"
""",
}


@dataclass(frozen=True)
class World:
    """The played machine; `folder` holds all of it, `path` is the PATH on which programs are."""

    folder: Path

    @property
    def paths(self) -> Paths:
        base = self.folder
        return Paths(
            *(str(base / name) for name in ("etc/modprobe.d", "var/nestlab", "modules", "kvm"))
        )

    @property
    def options(self) -> Path:
        return Path(self.paths.options)

    @property
    def journal(self) -> Path:
        return Path(self.paths.journal)

    @property
    def environment(self) -> dict[str, str]:
        return {"PATH": f"{self.folder / 'bin'}:/usr/bin:/bin", "FAKE": str(self.folder)}

    @property
    def nested(self) -> str | None:
        value = self.folder / "modules/kvm_intel/parameters/nested"
        return value.read_text().strip() if value.exists() else None

    @property
    def calls(self) -> list[str]:
        """Programs that changed something, in order."""
        file = self.folder / "calls"
        lines = file.read_text().splitlines() if file.exists() else []
        return [line for line in lines if not line.startswith(("id", "sudo"))]

    def fail(self, *names: str) -> None:
        for name in names:
            (self.folder / "fail" / name).touch()

    def heal(self) -> None:
        for file in (self.folder / "fail").iterdir():
            file.unlink()

    def facts(self, **changes: Any) -> Facts:
        """Intel's facts with what the world says now."""
        nested = {} if self.nested is None else {"kvm_intel": self.nested}
        state = "available" if self.nested is None else "loaded"
        return intel(nested=nested, state=state, **changes)

    async def look(self, machine: Machine | None = None, elevate: Elevation = ROOT) -> Present:
        where = machine or LocalMachine()
        return await look(where, elevate, deadline=Deadline.after(20), paths=self.paths)

    async def enable(self, tell: Sink = discard, **options: Any) -> Outcome:
        return await enable(
            LocalMachine(),
            options.pop("facts", None) or self.facts(),
            elevate=options.pop("elevate", ROOT),
            deadline=Deadline.after(20),
            paths=self.paths,
            tell=tell,
            **options,
        )

    async def disable(self, tell: Sink = discard, **options: Any) -> Outcome:
        return await disable(
            LocalMachine(),
            options.pop("facts", None) or self.facts(),
            elevate=options.pop("elevate", ROOT),
            deadline=Deadline.after(20),
            paths=self.paths,
            tell=tell,
            **options,
        )


def make_world(folder: Path, nested: str | None = "N") -> World:
    """A machine with kvm_intel loaded and nesting off."""
    for name in ("bin", "etc/modprobe.d", "fail"):
        (folder / name).mkdir(parents=True)
    for name, text in PROGRAMS.items():
        program = folder / "bin" / name
        program.write_text(f"#!/bin/sh\n{_LOG}{text}")
        program.chmod(0o755)
    if nested is not None:
        (folder / "modules/kvm_intel/parameters").mkdir(parents=True)
        (folder / "modules/kvm_intel/parameters/nested").write_text(f"{nested}\n")
        (folder / "kvm").symlink_to("/dev/null")
    return World(folder)


def intel(
    *, nested: dict[str, str] | None = None, state: str = "loaded", users: int = 0, **changes: Any
) -> Facts:
    """An Intel machine with nesting off, nobody using KVM, and nothing configured."""
    module = {"state": state, "users": users if state == "loaded" else None}
    plain = document(
        cpu=cpu("vmx", "ept"),
        nested={"kvm_intel": "N"} if nested is None else nested,
        modules={"kvm_intel": module, "kvm": {"state": "loaded", "users": 1}},
        modprobe=[],
        cmdline=[],
        holders=[],
        initramfs={
            "tool": "update-initramfs",
            "image": "/boot/initrd.img-6.1.0-44-cloud-amd64",
            "has_kvm": False,
        },
    )
    return Facts.model_validate_json(json.dumps({**plain, **changes}))


def other(arch: str, module: str, value: str, **changes: Any) -> Facts:
    state = {module: {"state": "loaded", "users": 0}}
    return intel(arch=arch, **{"nested": {module: value}, "modules": state, **changes})


def line(text: str, file: str = "/etc/modprobe.d/kvm.conf", number: int = 3) -> dict[str, Any]:
    return {"file": file, "line": number, "text": text}
