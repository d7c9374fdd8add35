"""Nesting switched off and on, for real, in an L1 that can load and unload its KVM module."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from booted import Booted
from loop import Loop
from nestlab.deadline import Deadline
from nestlab.errors import MachineError
from nestlab.events import Event, discard
from nestlab.facts.gather import gather
from nestlab.facts.model import Facts
from nestlab.home import Home
from nestlab.hypervisor.promote import gather_ready, promote
from nestlab.hypervisor.qemu.disks import handed_down
from nestlab.hypervisor.qemu.monitor import Monitor
from nestlab.image.store import Image
from nestlab.lab.access.reach import reach
from nestlab.lab.build.climb import Climb
from nestlab.lab.wanted.request import Request
from nestlab.lab.wanted.spec import chain_of
from nestlab.machine.local import LocalMachine
from nestlab.machine.protocol import Completed, Machine
from nestlab.machine.shell import NotYet, wait_for

FOREIGN = "/etc/modprobe.d/aaa-site.conf"
OURS = "/etc/modprobe.d/nestlab.conf"


class L1(Booted):
    """The machine under test, and how the program reaches it."""

    def boot(self) -> None:
        super().boot()
        self.text("sh", "-c", f"echo 'options kvm_amd nested=0' >{FOREIGN}")
        self.reload(0)

    @property
    def base(self) -> Path:
        return self.lab.folder.parents[2]

    @property
    def machine(self) -> Machine:
        return self.lab.levels[1].machine

    def run(self, *argv: str) -> Completed:
        return self.loop.run(self.machine.run(argv, deadline=Deadline.after(90)))

    def text(self, *argv: str) -> str:
        done = self.run(*argv)
        assert done.ok, done
        return done.text.strip()

    def nestlab(self, *words: str, status: int = 0) -> dict[str, Any]:
        """The program's JSON about this machine."""
        name = f"{self.lab.state.id}:l1"
        done = subprocess.run(
            [sys.executable, "-m", "nestlab", words[0], "--json", *words[1:], name],
            check=False,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "NESTLAB_HOME": str(self.base)},
        )
        assert done.returncode == status, (done.stdout[-3000:], done.stderr)
        found: dict[str, Any] = json.loads(done.stdout) if done.stdout else {"error": done.stderr}
        return found

    def reload(self, nested: int) -> None:
        self.text("modprobe", "-r", "kvm_amd")
        self.text("modprobe", "kvm_amd", f"nested={nested}")

    def files(self) -> str:
        """Everything that enable might change, as one text."""
        return self.text(
            "sh",
            "-c",
            "find /etc/modprobe.d /var/lib/nestlab -maxdepth 1 -type f | sort | xargs sha256sum",
        )

    @property
    def nested(self) -> str:
        return self.text("cat", "/sys/module/kvm_amd/parameters/nested")


@pytest.fixture(scope="module")
def l1(loop: Loop, image: Image, tmp_path_factory: pytest.TempPathFactory) -> Iterator[L1]:
    """An L1 whose site has switched nesting off, as distributions did before Linux 4.20."""
    base = tmp_path_factory.mktemp("nestlab")
    home = Home(Home.from_environment().cache, base / "state")
    machine = L1(1, image, home, base / "evidence", discard, loop)
    machine.boot()
    yield machine
    machine.end()


def boot_l2(l1: L1, stack: AsyncExitStack) -> Facts:
    """An L2 on this L1, with the code that boots every guest."""

    async def work() -> Facts:
        parent = await promote(l1.machine, "kvm", ours=False, deadline=Deadline.after(90))
        guest = l1.lab.levels[1].guest
        assert guest
        (image,) = handed_down(guest.plan)
        request = Request(chain_of(2)[0].guests, {"debian-12": image}, boot_timeout=300)
        events: list[Event] = []
        climb = Climb(request, l1.lab, l1.base / "evidence-l2", events.append)
        await climb.climb(parent, stack)
        return l1.lab.levels.pop().facts

    return l1.loop.run(work())


def test_doctor_says_that_nesting_is_off(l1: L1) -> None:
    found = l1.nestlab("doctor", status=1)["targets"][0]
    assert found["broken_link"] == "kvm.nested-disabled"
    assert not found["ready"]
    remedy = next(f["remedy"] for f in found["findings"] if f["code"] == "kvm.nested-disabled")
    assert "nestlab enable" in remedy
    assert found["max_depth"] == 1


def test_a_dry_run_changes_nothing(l1: L1) -> None:
    before = l1.files()
    plan = l1.nestlab("enable", "--dry-run")["plan"]
    assert "+options kvm_amd nested=1" in plan
    assert "modprobe kvm_amd nested=1" in plan
    assert (l1.files(), l1.nested) == (before, "0")


def test_enabled_means_that_an_l2_sees_svm(l1: L1) -> None:
    before = l1.files()
    done = l1.nestlab("enable")
    assert done["ready"]
    assert done["proved"]
    assert done["outcome"]["reloaded"]
    assert l1.nested == "1"
    assert l1.nestlab("enable")["nothing_to_do"], "the second time there is nothing to do"
    stack = AsyncExitStack()
    try:
        facts = boot_l2(l1, stack)
        assert facts.cpu is not None
        assert "svm" in facts.cpu.flags
        _is_held(l1, before)
    finally:
        l1.loop.run(stack.aclose())


def _is_held(l1: L1, before: str) -> None:
    """With L2 running, disable puts the files back and leaves the module alone."""
    done = l1.nestlab("disable", status=1)
    assert not done["outcome"]["reloaded"]
    assert any("l2" in (holder["guest"] or "") for holder in done["outcome"]["held_by"])
    assert l1.nested == "1"
    assert l1.files() == before


def test_enabled_survives_a_reboot(l1: L1) -> None:
    l1.reload(0)
    before = l1.files()
    assert l1.nestlab("enable")["ready"]
    reboot(l1)
    assert l1.nested == "1"
    assert l1.text("cat", FOREIGN) == "options kvm_amd nested=0"
    found = l1.nestlab("doctor")["targets"][0]
    assert (found["ready"], found["proved"]) == (True, True)
    assert l1.nestlab("disable")["outcome"]["reloaded"]
    assert (l1.files(), l1.nested) == (before, "0")


def test_what_somebody_changed_is_not_undone(l1: L1) -> None:
    before = l1.files()
    l1.nestlab("enable")
    l1.text("sh", "-c", f"echo '# mine' >>{OURS}")
    problem = l1.nestlab("disable", status=3)["error"]
    assert "disable.changed" in problem
    assert "--force" in problem
    l1.nestlab("disable", "--force")
    assert (l1.files(), l1.nested) == (before, "0")


def test_a_reload_that_fails_leaves_kvm_as_it_was(l1: L1) -> None:
    """Somebody's `install` line makes every load by modprobe fail."""
    before = l1.files()
    l1.text("sh", "-c", "echo 'install kvm_amd /bin/sh -c \"exit 1\"' >/etc/modprobe.d/zz-bad.conf")
    try:
        problem = l1.nestlab("enable", status=3)["error"]
    finally:
        l1.text("rm", "/etc/modprobe.d/zz-bad.conf")
    assert "enable.reload-failed" in problem
    assert l1.nested == "0"
    kvm = l1.loop.run(gather(l1.machine, deadline=Deadline.after(60))).kvm
    assert kvm is not None
    assert kvm.guest_ran
    assert l1.files() == before


def reboot(l1: L1) -> None:
    """`reboot` ends its QEMU, by -no-reboot; the same line on the same disk starts it again."""
    guest = l1.lab.levels[1].guest
    assert guest is not None
    line = Path(f"/proc/{guest.pid}/cmdline").read_text().split("\0")[:-1]

    async def work() -> Machine:
        with suppress(MachineError):  # the connection breaks with the machine
            await l1.machine.run(("systemctl", "reboot"), deadline=Deadline.after(30))
        await wait_for(gone, deadline=Deadline.after(120), what="QEMU's end", where="l1, rebooting")
        subprocess.run(line, check=True)  # noqa: ASYNC221  (it goes into the background at once)
        sock = await LocalMachine().dial(f"{guest.plan.sockets}/qmp")
        async with Monitor("l1", sock) as monitor:
            await monitor.execute("cont")
            port = await monitor.ssh_port()
        l1.lab.record(guests=(l1.lab.state.guests[0].model_copy(update={"ssh_port": port}),))
        deadline = Deadline.after(120)
        machine: Machine = await wait_for(
            again, deadline=deadline, what="l1", where="l1, rebooting"
        )
        await gather_ready(machine, deadline=deadline)
        return machine

    async def gone() -> bool | NotYet:
        argv = ("test", "-d", f"/proc/{guest.pid}")
        there = await LocalMachine().run(argv, deadline=Deadline.after(10))
        return NotYet("it still runs") if there.ok else True

    async def again() -> Machine | NotYet:
        reaching = reach(l1.lab.folder, l1.lab.state, "l1", deadline=Deadline.after(15))
        try:
            return await l1.stack.enter_async_context(reaching)
        except MachineError as problem:
            return NotYet(str(problem))

    machine = l1.loop.run(work())
    level = l1.lab.levels[1]
    l1.lab.levels[1] = type(level)(machine, level.facts, level.guest, level.seconds)
