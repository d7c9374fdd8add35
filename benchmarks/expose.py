"""Time `nestlab expose --xml` on many domain files, as a user starts it.

.venv/bin/python benchmarks/expose.py [FILES] [RUNS]

The files are varied: every way to get a CPU, 0 to 40 devices, comments, metadata, and words for
QEMU. Interpreter and imports are in the time.
"""

import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

_CPUS = (
    "",
    "<cpu mode='host-passthrough' check='none' migratable='on'/>",
    "<cpu mode='host-model' check='partial'/>",
    """<cpu mode='custom' match='exact' check='partial'>
    <model fallback='allow'>Haswell-noTSX-IBRS</model>
  </cpu>""",
    """<cpu mode='custom' match='exact' check='full'>
    <!-- since March -->
    <model fallback='forbid'>EPYC</model>
    <topology sockets='1' cores='2' threads='2'/>
    <feature policy='disable' name='svm'/>
    <feature policy='require' name='x2apic'/>
  </cpu>""",
)
_DISK = """    <disk type='file' device='disk'>
      <driver name='qemu' type='qcow2' cache='none'/>
      <source file='/var/lib/libvirt/images/{0}.qcow2'/>
      <target dev='vd{1}' bus='virtio'/>
      <address type='pci' domain='0x0000' bus='0x04' slot='0x{0:02x}' function='0x0'/>
    </disk>
"""
_ARGUMENTS = (
    "  <qemu:commandline>\n    <qemu:arg value='-cpu'/>\n"
    "    <qemu:arg value='Haswell,-vmx'/>\n  </qemu:commandline>\n"
)


def domain(number: int, chance: random.Random) -> str:
    """One domain as libvirt would write it."""
    disks = "".join(_DISK.format(n, chr(97 + n % 26)) for n in range(chance.randrange(40)))
    return f"""<domain type='{chance.choice(["kvm", "kvm", "kvm", "qemu"])}'
    xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
  <name>guest-{number}</name>
  <metadata>
    <app:owner xmlns:app='urn:app'>team {number % 7}</app:owner>
  </metadata>
  <memory unit='KiB'>4194304</memory>
  <vcpu placement='static'>4</vcpu>
  <os>
    <type arch='x86_64' machine='pc-q35-7.2'>hvm</type>
  </os>
  <features>
    <acpi/>
  </features>
  {chance.choice(_CPUS)}
  <devices>
{disks}  </devices>
{chance.choice(["", "", "", _ARGUMENTS])}</domain>
"""


def seconds(argv: list[str], home: Path) -> tuple[float, float]:
    """Wall and CPU time of one run."""
    environment = {**os.environ, "NESTLAB_HOME": str(home)}
    started, before = time.monotonic(), os.times()
    subprocess.run(argv, check=True, stderr=subprocess.DEVNULL, env=environment)
    after = os.times()
    cpu = after.children_user + after.children_system
    return time.monotonic() - started, cpu - before.children_user - before.children_system


def main() -> None:
    """Make the files, run, and print the medians."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    runs = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    nestlab = str(Path(sys.executable).with_name("nestlab"))
    chance = random.Random(1)
    with tempfile.TemporaryDirectory() as name:
        base = Path(name)
        texts = {base / f"{n}.xml": domain(n, chance) for n in range(count)}
        for file, text in texts.items():
            file.write_text(text)
        size = sum(map(len, texts.values())) / count
        print(f"{count} files, {size:.0f} bytes each on average")
        files = [nestlab, "expose", "--xml", *map(str, texts)]
        places = {"--output-dir": [*files, "--output-dir", str(base / "new")]}
        places["--in-place"] = [*files, "--in-place"]
        for place, argv in places.items():
            taken = []
            for _ in range(runs):
                shutil.rmtree(base / "new", ignore_errors=True)
                (base / "new").mkdir()
                for file, text in texts.items():
                    file.write_text(text)
                taken.append(seconds(argv, base / "home"))
            walls, cpus = zip(*taken, strict=True)
            median, cpu = statistics.median(walls), statistics.median(cpus)
            spread = f"{min(walls):.2f} to {max(walls):.2f}"
            print(f"{place}: median {median:.2f} s, {spread}; of the CPU {cpu:.2f} s")


if __name__ == "__main__":
    main()
