"""`nestlab expose` against a real libvirtd: what it defines, and what it finds when it undoes."""

import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from nestlab.deadline import Deadline
from nestlab.domain.change import Mode, Wish
from nestlab.domain.cpu import Offer
from nestlab.expose.apply import redefine
from nestlab.expose.backup import Backups
from nestlab.expose.host import Host, ask_host
from nestlab.expose.look import dump_stored, look
from nestlab.expose.plan import cpu_of, plan_expose
from nestlab.expose.undo import plan_undo, put_back
from nestlab.libvirt.virsh import Virsh
from nestlab.machine.local import LocalMachine
from nobody import AS_NOBODY
from own_libvirtd import OwnLibvirtd, own_libvirtd

XML = """<domain type='{kind}' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
  <name>guest</name>
  <metadata><app:owner xmlns:app='urn:app'>me &amp; you</app:owner></metadata>
  <memory unit='MiB'>64</memory>
  <vcpu>2</vcpu>
  <os><type arch='x86_64' machine='pc'>hvm</type></os>
  {cpu}
  <devices><graphics type='vnc' passwd='secret'/></devices>
  {rest}
</domain>
"""
CPUS = {
    "none": "",
    "topology alone": "<cpu><topology sockets='1' cores='2' threads='1'/></cpu>",
    "named": "<cpu mode='custom' match='exact'><model>Haswell-noTSX-IBRS</model></cpu>",
    "at least": "<cpu match='minimum'><model>Nehalem</model><vendor>Intel</vendor></cpu>",
    "taken away": "<cpu><model>EPYC</model><feature policy='forbid' name='svm'/></cpu>",
    "host-model": "<cpu mode='host-model'><feature policy='optional' name='svm'/></cpu>",
    "maximum": "<cpu mode='maximum'><feature policy='disable' name='svm'/></cpu>",
    "numa": "<cpu><model>qemu64</model><topology sockets='1' cores='2' threads='1'/>"
    "<numa><cell id='0' cpus='0-1' memory='65536' unit='KiB'/></numa></cpu>",
    "cache": "<cpu mode='maximum'><cache mode='passthrough'/>"
    "<feature policy='disable' name='svm'/></cpu>",
}
LINE = "<qemu:commandline><qemu:arg value='-cpu'/><qemu:arg value='{}'/></qemu:commandline>"


@pytest.fixture(scope="module")
def daemon() -> Iterator[OwnLibvirtd]:
    with (
        tempfile.TemporaryDirectory(prefix="lv") as folder,
        own_libvirtd(Path(folder), kvm=False) as started,
    ):
        yield started


@pytest.fixture(scope="module")
def host(daemon: OwnLibvirtd) -> Host:
    virsh = Virsh(LocalMachine(), daemon.uri, Deadline.after(60))
    return asyncio.run(ask_host(virsh, ["qemu"]))


def cycle(daemon: OwnLibvirtd, host: Host, folder: Path, xml: str, wish: Wish) -> tuple[str, str]:
    """Define, expose and undo; the XML in between, and what the guest would get by it."""
    file = folder / "guest.xml"
    file.write_text(xml)
    daemon.said("define", str(file))
    try:
        return asyncio.run(_cycle(daemon, host, folder, wish))
    finally:
        daemon.said("undefine", "guest")


async def _cycle(daemon: OwnLibvirtd, host: Host, folder: Path, wish: Wish) -> tuple[str, str]:
    virsh = Virsh(LocalMachine(), daemon.uri, Deadline.after(60))
    backups = Backups(folder / "expose")
    found = await look(virsh, "guest")
    assert found.stored is not None
    assert (await look(virsh, found.uuid)) == found
    plan = plan_expose(found, host, wish)
    done = await redefine(virsh, plan, backups)
    between = await dump_stored(virsh, found.uuid)
    assert cpu_of(between, "guest") == done.cpu
    assert b"passwd='secret'" in between
    assert await put_back(virsh, plan_undo(await look(virsh, "guest"), backups), backups)
    assert await dump_stored(virsh, found.uuid) == found.stored
    return between.decode(), done.cpu.offer(plan.extension)


@pytest.mark.parametrize("mode", [None, *Mode], ids=str)
@pytest.mark.parametrize("name", CPUS)
def test_libvirt_takes_the_change_and_has_the_old_xml_again(
    daemon: OwnLibvirtd, host: Host, tmp_path: Path, name: str, mode: Mode | None
) -> None:
    xml = XML.format(kind="qemu", cpu=CPUS[name], rest="")
    between, offer = cycle(daemon, host, tmp_path, xml, Wish(mode))
    assert offer == Offer.YES
    assert ("<topology" in between) == ("<topology" in CPUS[name])
    assert ("<numa>" in between) == ("<numa>" in CPUS[name])


def test_the_word_on_the_command_line(daemon: OwnLibvirtd, host: Host, tmp_path: Path) -> None:
    xml = XML.format(kind="qemu", cpu="", rest=LINE.format("Haswell,-svm,pmu=off"))
    between, offer = cycle(daemon, host, tmp_path, xml, Wish())
    assert offer == Offer.YES
    assert "<qemu:arg value='max,pmu=off,svm=on'/>" in between


def test_the_host_says_its_version_and_modes(daemon: OwnLibvirtd, host: Host) -> None:
    version = daemon.said("version", "--daemon")
    assert host.libvirt is not None
    assert "daemon: {}.{}.{}".format(*host.libvirt) in version
    assert "maximum" in host.modes["qemu"]
    assert "host-passthrough" not in host.modes["qemu"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_one_who_may_not_manage_guests_is_told_how_to(daemon: OwnLibvirtd, tmp_path: Path) -> None:
    """libvirt asks polkit about them, which is not there."""
    environment = {**os.environ, "HOME": "/", "NESTLAB_HOME": str(tmp_path / "home")}
    argv = (*AS_NOBODY, sys.executable, "-m", "nestlab", "expose", "guest",
            "--connect", daemon.uri, "--dry-run")  # fmt: skip
    done = subprocess.run(argv, check=False, capture_output=True, text=True, env=environment)
    assert done.returncode == 3, done.stderr
    assert "error[libvirt.refused]: this user may not manage" in done.stderr
    assert "usermod -aG libvirt" in done.stderr
