"""How long `nestlab up` takes with libvirt at each level, against QEMU alone.

    .venv/bin/python benchmarks/back_ends.py [PAIRS] [--enter 'nsenter …']

Each pair brings the same lab up once with each back end, L1 with an L2 in it, in turns that change,
and takes it down again. libvirtd has to run. `--enter` is what the commands begin with, where it
runs in other namespaces.

Prints seconds for each, and the ratio libvirt / QEMU as median with its lowest and highest pair.
"""

import argparse
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from nestlab.home import Home

LAB = """\
name: {name}
defaults: {{hypervisor: {name}}}
guests:
  - name: l1
    memory: 4GiB
    disk: 12GiB
    guests:
      - {{name: l2, memory: 1GiB, disk: 8GiB}}
"""
BACK_ENDS = ("qemu", "libvirt")


def seconds(name: str, folder: Path, enter: list[str]) -> float:
    """Seconds from `up` to its end."""
    home = folder / "home"
    nestlab = [*enter, sys.executable, "-m", "nestlab"]
    environment = {**os.environ, "NESTLAB_HOME": str(home)}
    started = time.monotonic()
    try:
        subprocess.run(
            [*nestlab, "up", str(folder / f"{name}.yaml")],
            check=True, env=environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        return time.monotonic() - started
    finally:
        down = [*nestlab, "down", name]
        subprocess.run(down, check=False, env=environment, stderr=subprocess.DEVNULL)


def main() -> None:
    """Take turns, and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("pairs", type=int, nargs="?", default=3)
    parser.add_argument("--enter", type=shlex.split, default=[])
    given = parser.parse_args()
    taken: dict[str, list[float]] = {name: [] for name in BACK_ENDS}
    with tempfile.TemporaryDirectory(prefix="nestlab-") as name:
        folder = Path(name)
        (folder / "home").mkdir()
        (folder / "home" / "cache").symlink_to(Home.from_environment().cache)
        for back_end in BACK_ENDS:
            (folder / f"{back_end}.yaml").write_text(LAB.format(name=back_end))
        for pair in range(given.pairs):
            for back_end in BACK_ENDS if pair % 2 == 0 else BACK_ENDS[::-1]:
                taken[back_end].append(seconds(back_end, folder, given.enter))
                print(f"{back_end}: {taken[back_end][-1]:.1f} s", flush=True)
    ratios = [one / other for other, one in zip(*taken.values(), strict=True)]
    spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
    print(f"libvirt / qemu: median {statistics.median(ratios):.2f}, {spread}")


if __name__ == "__main__":
    main()
