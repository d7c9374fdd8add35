"""How long `nestlab up` takes for one L1 with several L2, against one L1 with one.

    .venv/bin/python benchmarks/siblings.py [PAIRS] [SIBLINGS]

Each pair brings both labs up once, in turns that change, and takes them down again. Prints seconds
for each, the ratio many / one as median with its lowest and highest pair, and how long each machine
took from power-on to its shell: where emulated L2 boot one after the other, these add up.
"""

import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from nestlab.home import Home

LAB = """\
name: {name}
guests:
  - name: l1
    vcpus: 2
    memory: 4GiB
    guests:
      - {{name: l2, count: {count}, vcpus: 1, memory: 768MiB, disk: 8GiB}}
"""
_UP = re.compile(r"\] (\S+): ok up after ([\d.]+) s")


def up(name: str, folder: Path) -> tuple[float, dict[str, float]]:
    """Seconds from `up` to its end, and those of each machine to its shell."""
    nestlab = (sys.executable, "-m", "nestlab")
    environment = {**os.environ, "NESTLAB_HOME": str(folder / "home")}
    started = time.monotonic()
    try:
        done = subprocess.run(
            [*nestlab, "up", str(folder / f"{name}.yaml")],
            check=True, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        )  # fmt: skip
        taken = time.monotonic() - started
    finally:
        down = [*nestlab, "down", name]
        subprocess.run(down, check=False, env=environment, stderr=subprocess.DEVNULL)
    return taken, {path: float(seconds) for path, seconds in _UP.findall(done.stderr)}


def main() -> None:
    """Take turns, and print."""
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    counts = {"one": 1, "many": int(sys.argv[2]) if len(sys.argv) > 2 else 3}
    taken: dict[str, list[float]] = {name: [] for name in counts}
    with tempfile.TemporaryDirectory(prefix="siblings-") as name:
        folder = Path(name)
        (folder / "home").mkdir()
        (folder / "home" / "cache").symlink_to(Home.from_environment().cache)
        for lab, count in counts.items():
            (folder / f"{lab}.yaml").write_text(LAB.format(name=lab, count=count))
        for pair in range(pairs):
            for lab in counts if pair % 2 == 0 else reversed(counts):
                seconds, machines = up(lab, folder)
                taken[lab].append(seconds)
                steps = ", ".join(f"{path} {each:.1f} s" for path, each in machines.items())
                print(f"{lab} ({counts[lab]} L2): {seconds:.1f} s  ({steps})")
    ratios = [many / one for many, one in zip(taken["many"], taken["one"], strict=True)]
    print(
        f"{counts['many']} L2 against one: {statistics.median(ratios):.2f} times"
        f" ({min(ratios):.2f} to {max(ratios):.2f})"
    )


if __name__ == "__main__":
    main()
