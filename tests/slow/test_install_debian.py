"""Debian's own installer, really run: `nestlab image install`, then a lab from the image.

Under emulation it takes an hour or more, so it is asked for: NESTLAB_TEST_INSTALL=1.
"""

import asyncio
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from installer_mirror import prepared
from nestlab.deadline import Deadline
from nestlab.image.mirror import host_sources
from nestlab.machine.local import LocalMachine

PROGRAMS = ("qemu-system-x86_64", "qemu-img", "setpriv", "apt-get", "dpkg-deb", "cpio", "depmod")
PATH = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        os.environ.get("NESTLAB_TEST_INSTALL") != "1",
        reason="an installation takes an hour under emulation: NESTLAB_TEST_INSTALL=1 asks for it",
    ),
    pytest.mark.skipif(
        not all(shutil.which(program, path=PATH) for program in PROGRAMS),
        reason=f"one of these is not installed: {', '.join(PROGRAMS)}",
    ),
]
LAB = """name: installed
defaults: {image: house-13, vcpus: 1, memory: 1GiB, disk: 10GiB}
guests:
  - name: l1
"""
QUESTIONS = """
. /etc/os-release; echo "$ID $VERSION_ID"
awk '$2 == "/" {print $1, $3}' /proc/mounts
df -B1 --output=size / | tail -n 1
swapon --show | wc -l
cat /proc/cmdline
getent shadow root lab | cut -d: -f2
sudo -u lab sudo -n true && echo sudo
cat ~lab/.ssh/authorized_keys
hostname
grep -c 10.0.2.2 /etc/apt/sources.list || :  # 0 is what is hoped for, and a status of 1
"""


def nestlab(home: Path, *words: str) -> str:
    environment = {**os.environ, "PATH": PATH, "NESTLAB_HOME": str(home)}
    done = subprocess.run(
        [sys.executable, "-m", "nestlab", *words],
        env=environment, stdout=subprocess.PIPE, text=True, check=False, cwd=home,
    )  # fmt: skip
    assert done.returncode == 0, words
    return done.stdout


def test_debian_is_installed_and_boots_in_a_lab(tmp_path: Path) -> None:
    sources = asyncio.run(host_sources(LocalMachine(), "trixie", deadline=Deadline.after(60)))
    if not sources:
        pytest.skip("this host's apt has no Debian mirror")
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    home = tmp_path / "home"
    home.mkdir()
    began = time.monotonic()
    with prepared(tmp_path, sources[0].uri.rstrip("/")) as debian:
        told = nestlab(
            home, "image", "install", "house-13", "--os", "debian",
            "--location", str(debian.tree), "--mirror", debian.mirror,
            "--extra-args", debian.words, "--ssh-key", f"{key}.pub",
            "--vcpus", "1", "--memory", "1536MiB", "--timeout", "9000", "--json",
        )  # fmt: skip
    print(f"installed in {time.monotonic() - began:.0f} s")  # noqa: T201
    (row,) = json.loads(told)["images"]
    assert (row["name"], row["kind"], row["user"]) == ("house-13", "cloud", "lab")
    (home / "lab.yaml").write_text(LAB)
    try:
        nestlab(home, "up", "lab.yaml", "--boot-timeout", "900")
        answers = nestlab(home, "exec", "l1", "--", "sh", "-c", QUESTIONS).splitlines()
    finally:
        nestlab(home, "down", "installed")
    release, root, size, swaps, words, *shadow = answers[:7]
    assert release == "debian 13"
    assert root.split()[1] == "ext4"
    assert int(size) > 9 << 30, "the root has not grown with the disk"
    assert swaps == "0"
    assert "console=tty0 console=ttyS0,115200" in words
    assert all(each.startswith("!") for each in shadow)
    assert answers[7] == "sudo"
    assert answers[8] == Path(f"{key}.pub").read_text().strip()
    assert answers[9:] == ["l1", "0"]
