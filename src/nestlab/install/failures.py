"""What goes wrong while an installer runs, as errors that quote it (pure)."""

from nestlab.deadline import Deadline
from nestlab.errors import HostError, MachineError
from nestlab.install.console import Reader, Seen
from nestlab.machine.failures import last_lines
from nestlab.machine.protocol import Completed
from nestlab.units import format_duration

_NO_STEP = "starting the installer"


def from_console(seen: Seen, name: str, step: str) -> MachineError:
    """The error for what the console says. name: of the image."""
    where = f"{name}, while {step or _NO_STEP}"
    if seen.kind == "panicked":
        return MachineError(
            "install.panicked",
            f"the installer's kernel panicked: {seen.text}",
            where=where,
            hint="give it more with --memory; kernel and initrd must be of one version",
            notes=seen.quote,
        )
    if seen.kind == "prompt":
        return MachineError(
            "install.prompt",
            f"the installer waits for a person: {seen.text}",
            where=where,
            hint="the lines above are its question. Answer it in a file of your own:"
            " --print-answers shows ours, --answers takes yours",
            notes=seen.quote,
        )
    return MachineError(
        "install.failed",
        f"the installer gave up: {seen.text}",
        where=where,
        hint="the lines above are its own words; the log has all of them",
        notes=seen.quote,
    )


def too_late(
    name: str, deadline: Deadline, step: str = "", notes: tuple[str, ...] = ()
) -> MachineError:
    """`install.deadline`. step, notes: the last ones that the console told."""
    return MachineError(
        "install.deadline",
        f"the installer is not through after {format_duration(deadline.allowed)};"
        f" last: {step or _NO_STEP}",
        where=f"{name}, while {step or _NO_STEP}",
        hint="--timeout allows more; under emulation an installation takes an hour",
        notes=notes,
    )


def died(done: Completed, reader: Reader, name: str) -> MachineError:
    """`install.died`: QEMU has gone, and nobody switched the machine off."""
    how = f"was ended by {done.signal}" if done.signal else f"exited with {done.status}"
    return MachineError(
        "install.died",
        f"QEMU {how} before the installer was through",
        where=f"{name}, while {reader.step or _NO_STEP}",
        hint="the lines above are QEMU's own words, or the console's last ones",
        notes=last_lines(done.stderr) or reader.last,
    )


def unfinished(reader: Reader, name: str) -> MachineError:
    """`install.unfinished`: switched off without the last command of our answers."""
    return MachineError(
        "install.unfinished",
        "the installer switched the machine off before the last command of its answers ran",
        where=f"{name}, while {reader.step or _NO_STEP}",
        hint="the log tells where it stopped",
        notes=reader.last,
    )


def other_architecture(found: str, supported: str) -> HostError:
    """`install.architecture`."""
    return HostError(
        "install.architecture",
        f"images are installed on {supported} only, and l0 is {found}",
        where="l0, while planning the installation",
        hint="build or pull one: `nestlab image ls --all`",
    )
