"""Time `nestlab --help` against an interpreter that does nothing, in turns.

.venv/bin/python benchmarks/help_time.py [PAIRS]
"""

import statistics
import subprocess
import sys
import time
from pathlib import Path


def seconds(*argv: str) -> float:
    """Wall time of one run."""
    started = time.monotonic()
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - started


def main() -> None:
    """Run the pairs and print medians and the ratio."""
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    nestlab = str(Path(sys.executable).with_name("nestlab"))
    taken = [(seconds(nestlab, "--help"), seconds(sys.executable, "-c", "")) for _ in range(pairs)]
    ours, bare = zip(*taken, strict=True)
    ratios = [mine / theirs for mine, theirs in taken]
    print(
        f"nestlab --help: median {statistics.median(ours):.3f} s, {min(ours):.3f}-{max(ours):.3f}"
    )
    print(f"python -c '': median {statistics.median(bare):.3f} s")
    print(f"ratio: {statistics.median(ratios):.1f} ({min(ratios):.1f} to {max(ratios):.1f})")


if __name__ == "__main__":
    main()
