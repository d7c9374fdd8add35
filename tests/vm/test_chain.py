"""A real L1 with a real KVM L2 in it: what they are, and what they cost."""

import re
import shutil
from pathlib import Path

import pytest

from booted import Booted
from loop import Loop
from nestlab.deadline import Deadline
from nestlab.events import Event, Progress, discard
from nestlab.image.store import Image, verify_disk
from nestlab.lab.build.proof import Proof, prove
from nestlab.lab.build.provision import provision
from nestlab.lab.record.running import Lab, Level
from nestlab.lab.wanted.spec import GuestSpec
from nestlab.machine.protocol import Completed
from nestlab.units import MIB
from package_source import NAME, package_source


@pytest.fixture(scope="module")
def proofs(booted: Booted, loop: Loop, events: list[Event]) -> list[Proof]:
    return loop.run(prove(booted.lab, events.append))


def run(loop: Loop, level: Level, *argv: str) -> Completed:
    return loop.run(level.machine.run(argv, deadline=Deadline.after(60)))


def text(loop: Loop, level: Level, *argv: str) -> str:
    done = run(loop, level, *argv)
    assert done.ok, done
    return done.text.strip()


def test_three_levels(chain: Lab) -> None:
    assert [level.machine.path for level in chain.levels] == ["l0", "l1", "l1/l2"]


def test_l2_is_a_kvm_guest_by_qmp_and_by_its_own_kernel(chain: Lab, loop: Loop) -> None:
    l2 = chain.levels[2]
    assert l2.guest is not None
    assert l2.guest.kvm_enabled
    assert l2.guest.plan.accelerator.name == "kvm"
    assert "Hypervisor detected: KVM" in text(loop, l2, "dmesg")


def test_l1_s_own_qemu_says_what_it_runs_with(chain: Lab) -> None:
    host, l1 = chain.levels[0], chain.levels[1]
    assert l1.guest is not None
    assert host.facts.kvm is not None
    assert l1.guest.kvm_enabled == host.facts.kvm.passes_on
    assert chain.emulated("l1") != l1.guest.kvm_enabled
    assert chain.emulated("l1/l2") == chain.emulated("l1")
    assert not chain.emulated("l0")


def test_kvm_of_every_guest_runs_guests_and_passes_the_extension_on(chain: Lab) -> None:
    for level in chain.levels[1:]:
        kvm = level.facts.kvm
        assert kvm is not None
        assert (kvm.device, kvm.open, kvm.guest_ran) == ("char", True, True)
        assert kvm.svm or kvm.vmx
        assert level.facts.nested_on


def test_every_level_is_proved(proofs: list[Proof]) -> None:
    assert [proof.verdict.broken for proof in proofs] == [None, None, None]
    assert proofs[2].lscpu.hypervisor_vendor == "KVM"
    assert proofs[2].lscpu.type == "full"
    assert proofs[2].lscpu.virtualization in {"AMD-V", "VT-x"}


def test_guests_have_the_same_cheap_clocksource(chain: Lab) -> None:
    clocks = [level.facts.clocksource for level in chain.levels[1:]]
    assert [clock.current if clock else None for clock in clocks] == ["tsc", "tsc"]


def test_sizes_and_names_are_the_plan_s(chain: Lab, loop: Loop) -> None:
    for level in chain.levels[1:]:
        assert level.guest is not None
        assert text(loop, level, "nproc") == str(level.guest.plan.vcpus)
        assert text(loop, level, "hostname") == level.guest.plan.hostname
        assert level.facts.memory is not None
        assert 0.85 < level.facts.memory.total / level.guest.plan.memory <= 1


def test_addresses_collide_with_no_ancestor(chain: Lab) -> None:
    seen = set(chain.levels[0].facts.routes or ())
    for level in chain.levels[1:]:
        assert level.guest is not None
        subnet = level.guest.plan.network.subnet
        assert not [net for net in seen if net.prefixlen and net.overlaps(subnet)]
        assert subnet in (level.facts.routes or ())
        seen.add(subnet)


def test_the_seed_document_s_tools_are_there(chain: Lab, loop: Loop) -> None:
    tools = (
        "which sudo ncat plocate ifconfig rsyslogd file ntpd ntpdate wget tar bzip2 screen sar"
        " unzip mount.nfs parted lsof man dig gcc g++ make telnet flex autoconf automake crontab"
        " git fio sysbench qemu-system-x86_64 qemu-img python3"
    ).split()
    script = 'for tool; do command -v "$tool" >/dev/null || echo "$tool"; done'
    assert text(loop, chain.levels[1], "sh", "-c", script, "sh", *tools) == ""
    headers = "/usr/include/ncurses.h /usr/include/zlib.h /usr/include/libaio.h".split()
    assert run(loop, chain.levels[1], "ls", *headers, "/usr/include/X11/extensions/Xext.h").ok


def test_all_of_debian_starts_on_demand(chain: Lab, loop: Loop) -> None:
    l1 = chain.levels[1]
    argv = ("systemctl", "start", "multi-user.target")
    assert loop.run(l1.machine.run(argv, deadline=Deadline.after(180))).ok
    assert text(loop, l1, "systemctl", "--failed", "--quiet", "--plain", "--no-legend") == ""


def test_packages_are_installed_at_each_level_through_the_ways_out(
    chain: Lab, loop: Loop, tmp_path: Path
) -> None:
    """From L0's loopback, to which L1's gateway leads, and L2's way out too."""
    if shutil.which("dpkg-deb") is None:
        pytest.skip("no dpkg-deb here: `apt-get install dpkg`")
    l1 = chain.levels[1].guest
    assert l1 is not None
    sources = tmp_path / "sources.list"
    with package_source(tmp_path) as port:
        line = f"deb [trusted=yes] http://{l1.plan.network.gateway}:{port}/ ./\n"
        sources.write_text(line)
        for level in chain.levels[1:]:
            log = tmp_path / level.machine.path.replace("/", ".")
            loop.run(level.machine.put(sources, "/etc/apt/sources.list", mode=0o644))
            spec = GuestSpec("any", vcpus=1, memory=MIB, packages=(NAME,))
            deadline = Deadline.after(120)
            loop.run(provision(level.machine, spec, log, discard, deadline=deadline))
            assert text(loop, level, "cat", f"/opt/{NAME}") == "installed"


def test_private_things_are_private(chain: Lab, loop: Loop) -> None:
    key = chain.folder / "id_ed25519"
    assert key.stat().st_mode & 0o777 == 0o600
    assert chain.folder.stat().st_mode & 0o777 == 0o700
    assert Path(chain.state.sockets).stat().st_mode & 0o777 == 0o700
    for level in chain.levels[1:]:
        mode = text(loop, level, "stat", "-c", "%a", "/etc/ssh/ssh_host_ed25519_key")
        assert mode == "600"
    l2 = chain.levels[2].guest
    assert l2 is not None
    stat = text(loop, chain.levels[1], "stat", "-c", "%a", l2.plan.folder, l2.plan.sockets)
    assert set(stat.split()) == {"700"}


def test_sshd_listens_on_the_loopback_of_each_parent_only(chain: Lab, loop: Loop) -> None:
    for parent, level in zip(chain.levels, chain.levels[1:], strict=False):
        assert level.guest is not None
        lines = text(loop, parent, "ss", "-Hlnt", f"sport = :{level.guest.ssh_port}").splitlines()
        assert [re.split(r"\s+", line)[3] for line in lines] == [
            f"127.0.0.1:{level.guest.ssh_port}"
        ]


def test_the_base_image_is_handed_down_and_never_written(
    chain: Lab, loop: Loop, image: Image
) -> None:
    l1 = chain.levels[1]
    argv = "dd if=/dev/zero of=/dev/nvme0n3 bs=4096 count=1 seek=1 oflag=direct".split()
    assert not run(loop, l1, *argv).ok
    verify_disk(image)


def test_disk_used_by_both_guests_is_small(chain: Lab, loop: Loop) -> None:
    """Figures to reach: under 50 MB beyond the base image before they write."""
    l1, l2 = chain.levels[1], chain.levels[2]
    assert l1.guest is not None
    assert l2.guest is not None
    at_l0 = sum(file.stat().st_blocks * 512 for file in chain.folder.rglob("*"))
    inside = int(text(loop, l1, "du", "-sk", l2.guest.plan.folder).split()[0]) * 1024
    assert at_l0 < 50 * MIB + inside
    assert inside < 50 * MIB


def test_progress_told_every_machine(chain: Lab, events: list[Event]) -> None:
    assert len(chain.levels) == 3
    steps = [(event.subject, event.step) for event in events if isinstance(event, Progress)]
    for path in ("l1", "l1/l2"):
        assert (path, "starting QEMU") in steps
        assert (path, "kernel is up") in steps
        assert (path, "logging in") in steps
