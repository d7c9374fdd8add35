"""What large labs cost nestlab itself: the plan of 1000 machines, the status of 20.

    python benchmarks/lab_scale.py [ROUNDS]

Each round plans a file of 1000 machines and one of a single machine with the command line, in
turns, and asks 20 machines in memory and one for their status. Printed are seconds (median, lowest,
highest), the ratio of large to small in the same round, and the largest resident memory of a plan.
"""

import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from nestlab.deadline import Deadline
from nestlab.lab.access.status import survey_lab
from nestlab.lab.record.state import GuestRecord, LabState
from nestlab.machine.fake import FakeFile, FakeMachine, answer
from nestlab.machine.protocol import Completed, Machine

MANY, SOME = 1000, 20


def lab_file(folder: Path, machines: int) -> Path:
    """L1s with nine guests each."""
    lines = ["name: large", "guests:"]
    for number in range(max(1, machines // 10)):
        inner = ", guests: [{name: l2, count: 9, memory: 512MiB}]" if machines > 1 else ""
        lines.append(f"  - {{name: l1-x{number}, memory: 8GiB{inner}}}")
    file = folder / f"lab-{machines}.yaml"
    file.write_text("\n".join(lines))
    return file


def plan(file: Path) -> tuple[float, int]:
    """Seconds and the largest resident memory in bytes of one `nestlab up --plan`."""
    argv = [sys.executable, "-m", "nestlab", "up", "--plan", "--json", str(file)]
    began = time.monotonic()
    child = subprocess.Popen(argv, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode == 0
    return time.monotonic() - began, usage.ru_maxrss * 1024


def status(machines: int) -> float:
    """Seconds to ask machines in memory: half of them in the first, half on the host."""
    inner = (f"l1/l{number}" if number % 2 else f"l{number}" for number in range(2, machines + 1))
    guests = tuple(_record(path) for path in ("l1", *inner))
    state = LabState(id="x", place="/p", sockets="/s", guests=guests)

    async def enter(guest: GuestRecord, _parent: Machine, _deadline: Deadline) -> Machine:
        return _machine(guest.path)

    began = time.monotonic()
    found = asyncio.run(survey_lab(Path("/none"), state, host=_machine("l0"), enter=enter))
    seconds = time.monotonic() - began
    assert {machine.state for machine in found.machines} == {"running"}
    return seconds


def _machine(path: str) -> FakeMachine:
    def look(_argv: tuple[str, ...], _stdin: bytes) -> Completed:
        return answer("8 512\n4711\n")

    files = {"/proc/uptime": FakeFile(b"12.5 3.0\n", 0o444)}
    return FakeMachine(path, programs={"sh": look}, files=files)


def _record(path: str) -> GuestRecord:
    return GuestRecord(
        path=path,
        identity=f"nestlab-x-{path.replace('/', '.')}",
        folder="/f",
        sockets="/s",
        ssh_port=1,
        host_key="ssh-ed25519 AAAA",
    )


def shown(name: str, large: Sequence[float], small: Sequence[float]) -> str:
    """One line of the outcome."""
    ratios = [a / b for a, b in zip(large, small, strict=True)]
    seconds = f"{statistics.median(large):.3f} s ({min(large):.3f} to {max(large):.3f})"
    ratio = f"{statistics.median(ratios):.1f} ({min(ratios):.1f} to {max(ratios):.1f})"
    return f"{name}: {seconds}, ratio to one machine {ratio}"


def main() -> None:
    """Run the rounds in turns."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    plans: dict[int, list[float]] = {MANY: [], 1: []}
    asked: dict[int, list[float]] = {SOME: [], 1: []}
    memory = 0
    with tempfile.TemporaryDirectory() as name:
        files = {machines: lab_file(Path(name), machines) for machines in plans}
        for _ in range(rounds):
            for machines, times in plans.items():
                seconds, used = plan(files[machines])
                times.append(seconds)
                memory = max(memory, used)
            for machines, times in asked.items():
                times.append(status(machines))
    print(shown(f"plan of {MANY} machines", plans[MANY], plans[1]))
    print(shown(f"status of {SOME} machines", asked[SOME], asked[1]))
    print(f"largest resident memory: {memory / 2**20:.0f} MiB")


main()
