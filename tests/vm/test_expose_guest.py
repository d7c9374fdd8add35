"""`nestlab expose` against a real libvirtd with a real, emulated guest."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from nestlab.image.store import Image
from nestlab.install.initrd import with_files
from own_libvirtd import OwnLibvirtd, own_libvirtd

pytestmark = pytest.mark.vm

NESTLAB = (sys.executable, "-m", "nestlab")
XML = """<domain type='qemu' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
  <name>centos7</name>
  <uuid>6695eb01-f6a4-8304-79aa-97f2502e193f</uuid>
  <memory unit='MiB'>64</memory>
  <vcpu>1</vcpu>
  <os>
    <type arch='x86_64' machine='pc'>hvm</type>
  </os>
  <cpu mode='custom' match='exact' check='none'>
    <model fallback='allow'>Haswell-noTSX-IBRS</model>
  </cpu>
  <devices>
    <graphics type='vnc' passwd='secret'/>
  </devices>
</domain>
"""


@pytest.fixture(scope="module")
def daemon() -> Iterator[OwnLibvirtd]:
    with (
        tempfile.TemporaryDirectory(prefix="lv") as folder,
        own_libvirtd(Path(folder), kvm=False) as started,
    ):
        yield started


@pytest.fixture
def guest(daemon: OwnLibvirtd, tmp_path: Path) -> Iterator[OwnLibvirtd]:
    """The daemon with the domain centos7, which is off."""
    define(daemon, tmp_path, XML)
    yield daemon
    daemon.virsh("destroy", "centos7")
    daemon.virsh("managedsave-remove", "centos7")
    daemon.said("undefine", "centos7")


def define(daemon: OwnLibvirtd, folder: Path, xml: str) -> None:
    file = folder / "guest.xml"
    file.write_text(xml)
    daemon.said("define", str(file))


def argv(daemon: OwnLibvirtd, *words: str) -> tuple[str, ...]:
    return (*NESTLAB, "expose", "--connect", daemon.uri, *words)


def expose(
    daemon: OwnLibvirtd, folder: Path, *words: str, status: int = 0
) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "NESTLAB_HOME": str(folder / "home")}
    done = subprocess.run(
        argv(daemon, *words), check=False, capture_output=True, text=True, env=environment,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == status, done.stderr
    return done


def stored(daemon: OwnLibvirtd) -> str:
    return daemon.said("dumpxml", "--inactive", "--security-info", "centos7")


def test_expose_restart_prove_and_undo(guest: OwnLibvirtd, tmp_path: Path) -> None:
    before = stored(guest)
    guest.said("start", "centos7")
    shown = expose(guest, tmp_path, "centos7", "--dry-run").stdout
    assert "-    <model fallback='allow'>Haswell-noTSX-IBRS</model>\n" in shown
    assert "+    <feature policy='require' name='svm'/>\n" in shown
    assert stored(guest) == before

    waiting = json.loads(expose(guest, tmp_path, "centos7", "--json").stdout)
    assert (waiting["takes_effect"], waiting["proof"]) == ("next-start", None)
    assert Path(waiting["backup"]).stat().st_mode & 0o777 == 0o600
    row = json.loads(expose(guest, tmp_path, "--all", "--dry-run", "--json").stdout)["domains"][0]
    assert (row["now"], row["next"], row["could"]) == ("no", "yes", True)

    words = ("centos7", "--restart", "--force-off", "--timeout", "20", "--json")
    done = json.loads(expose(guest, tmp_path, *words).stdout)
    assert (done["restarted"], done["takes_effect"]) == (True, "now")
    proof = done["proof"]
    assert (proof["how"], proof["extensions"], proof["emulated"]) == ("qemu", ["svm"], True)

    expose(guest, tmp_path, "centos7", "--undo")
    assert stored(guest) == before
    assert "nothing to undo" in expose(guest, tmp_path, "centos7", "--undo").stderr


def test_a_change_of_somebody_else_is_kept(guest: OwnLibvirtd, tmp_path: Path) -> None:
    before = stored(guest)
    expose(guest, tmp_path, "centos7")
    guest.said("desc", "centos7", "--config", "somebody was here")
    refused = expose(guest, tmp_path, "centos7", "--undo", status=3)
    assert "error[expose.changed-since]" in refused.stderr
    assert "somebody was here" in stored(guest)
    expose(guest, tmp_path, "centos7", "--undo", "--force")
    assert stored(guest) == before


def test_saved_memory_stands_in_the_way_of_a_restart(guest: OwnLibvirtd, tmp_path: Path) -> None:
    guest.said("start", "centos7")
    guest.said("managedsave", "centos7")
    refused = expose(guest, tmp_path, "centos7", "--restart", status=3)
    assert "error[expose.managed-save]" in refused.stderr
    assert "Managed save: yes" in expose(guest, tmp_path, "centos7").stderr


def test_a_transient_domain_is_refused(daemon: OwnLibvirtd, tmp_path: Path) -> None:
    file = tmp_path / "guest.xml"
    file.write_text(XML)
    daemon.said("create", str(file))
    try:
        refused = expose(daemon, tmp_path, "centos7", status=3)
    finally:
        daemon.said("destroy", "centos7")
    assert "error[expose.transient]" in refused.stderr


def test_a_guest_that_cannot_start_has_its_old_definition(
    guest: OwnLibvirtd, tmp_path: Path
) -> None:
    """Emulation lacks a feature that its stored definition requires: also the old one's."""
    guest.said("start", "centos7")
    feature = "<feature policy='require' name='invtsc'/></cpu>"
    define(guest, tmp_path, XML.replace("</cpu>", feature))
    before = stored(guest)
    words = ("--mode", "host-model+require", "--restart", "--force-off", "--timeout", "20")
    refused = expose(guest, tmp_path, "centos7", *words, status=4)
    assert "error[expose.did-not-start]" in refused.stderr
    assert "its old definition is back, and it does not start either" in refused.stderr
    assert "invtsc" in refused.stderr
    assert stored(guest) == before


LINUX = """<domain type='qemu'>
  <name>centos7</name>
  <memory unit='MiB'>512</memory>
  <os>
    <type arch='x86_64' machine='q35'>hvm</type>
    <kernel>{folder}/vmlinuz</kernel><initrd>{folder}/initrd</initrd>
    <cmdline>console=ttyS0 rdinit=/bin/busybox -- sh /shell</cmdline>
  </os>
  <cpu mode='maximum' check='none'><feature policy='require' name='svm'/></cpu>
  <devices>
    <serial type='pty'><target port='0'/></serial>
    <console type='pty'><target type='serial' port='0'/></console>
  </devices>
  <seclabel type='static' model='dac' relabel='no'><label>+0:+0</label></seclabel>
</domain>
"""
SHELL = b"""
/bin/busybox mkdir -p /proc
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t devtmpfs dev /dev
/bin/busybox --install -s /bin
exec setsid cttyhack sh
"""


def test_a_shell_on_the_serial_console_proves_it(
    daemon: OwnLibvirtd, image: Image, tmp_path: Path
) -> None:
    """A kernel of ours with a shell, and nothing else: it has no agent and no network."""
    with tempfile.TemporaryDirectory(prefix="lv") as name:
        folder = Path(name)
        shutil.copy2(image.folder / "vmlinuz", folder)
        with_files(image.folder / "initrd", folder / "initrd", {"shell": SHELL})
        define(daemon, tmp_path, LINUX.format(folder=folder))
        try:
            daemon.said("start", "centos7")
            _console_proves(daemon, tmp_path)
        finally:
            daemon.virsh("destroy", "centos7")
            daemon.said("undefine", "centos7")


def _console_proves(daemon: OwnLibvirtd, folder: Path) -> None:
    words = ("centos7", "--guest", "console", "--json")
    end = time.monotonic() + 120
    while (proof := json.loads(expose(daemon, folder, *words).stdout)["proof"])["notes"]:
        assert time.monotonic() < end, proof  # its kernel is not up yet
    assert (proof["how"], proof["extensions"], proof["emulated"]) == ("console", ["svm"], True)
    assert "on its console: its CPU has svm" in expose(daemon, folder, *words[:3]).stderr


@pytest.mark.parametrize("pause", [0.0, 0.05, 0.1, 0.2, 0.4])
def test_kill_9_loses_nothing(guest: OwnLibvirtd, tmp_path: Path, pause: float) -> None:
    before = stored(guest)
    environment = {**os.environ, "NESTLAB_HOME": str(tmp_path / "home")}
    process = subprocess.Popen(
        argv(guest, "centos7"), env=environment, stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    backups = tmp_path / "home" / "state" / "expose"
    end = time.monotonic() + 30
    while process.poll() is None and time.monotonic() < end and not list(backups.glob("[!.]*")):
        time.sleep(0.001)
    time.sleep(pause)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert list(backups.glob("[!.]*"))
    guest.said("list")  # a virsh that was under way has been heard, or its connection is gone
    expose(guest, tmp_path, "centos7", "--undo")
    assert stored(guest) == before
