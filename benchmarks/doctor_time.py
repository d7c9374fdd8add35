"""Time `nestlab doctor` on this machine against `virt-host-validate qemu`, in turns.

.venv/bin/python benchmarks/doctor_time.py [PAIRS]

Both are timed as a user starts them, with their interpreters; doctor runs a guest in that time.
"""

import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path


def seconds(*argv: str) -> float:
    """Wall time of one run; its status says what it found, not whether it worked."""
    started = time.monotonic()
    subprocess.run(argv, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.monotonic() - started


def main() -> None:
    """Run the pairs and print medians and the ratio."""
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    nestlab = str(Path(sys.executable).with_name("nestlab"))
    other = shutil.which("virt-host-validate")
    if other is None:
        sys.exit("virt-host-validate is not here; install libvirt-clients")
    taken = [(seconds(nestlab, "doctor"), seconds(other, "qemu")) for _ in range(pairs)]
    ours, theirs = zip(*taken, strict=True)
    ratios = [mine / yours for mine, yours in taken]
    for name, times in (("nestlab doctor", ours), ("virt-host-validate qemu", theirs)):
        print(f"{name}: median {statistics.median(times):.3f} s, {min(times):.3f}-{max(times):.3f}")
    print(f"ratio: {statistics.median(ratios):.1f} ({min(ratios):.1f} to {max(ratios):.1f})")


if __name__ == "__main__":
    main()
