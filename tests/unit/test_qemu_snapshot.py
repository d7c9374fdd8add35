"""Saving a guest and loading it again, against a played QEMU and played machines."""

import asyncio
import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from facts_examples import facts
from guest_players import QemuHost, order
from nestlab.deadline import Deadline
from nestlab.errors import NestlabError
from nestlab.hypervisor.qemu.boot import QemuHypervisor
from nestlab.hypervisor.qemu.files import Files
from nestlab.hypervisor.qemu.manifest import Manifest, cpu_of, load_manifest, resumed
from nestlab.hypervisor.qemu.monitor import Monitor
from nestlab.hypervisor.qemu.resume import load_state
from nestlab.hypervisor.qemu.snapshot import save
from nestlab.machine.fake import FakeFile, FakeMachine, answer
from nestlab.machine.protocol import Completed
from plan_examples import KVM, L1, RESUMED, SAVED, VIRTIO, plan
from qmp_peer import HANG_UP, InTurn, Peer, Refuses

FOLDER = "/snapshots/it's"
IMAGE = "c" * 64
BLOCKED = "State blocked by non-migratable device '0000:00:01.0/nvme'"


class Host(FakeMachine):
    """The hypervisor's machine: `steps` are the shell's tasks in order, `part` the unfinished."""

    def __init__(self, answers: Mapping[str, Any] | None = None, **fails: Completed) -> None:
        self.peer, self.steps, self.part = Peer(answers), list[str](), ""
        self._fails = fails
        super().__init__(
            "l0",
            programs={
                "sh": self._sh,
                "rm": self._rm,
                "env": lambda _argv, _stdin: fails.get("sums", answer()),
                "qemu-img": self._rebase,
            },
            listeners={Files(VIRTIO).monitor: self.peer.serve},
        )

    def _sh(self, argv: tuple[str, ...], _stdin: bytes) -> Completed:
        script = argv[2]
        for step, mark in (("begin", "mkdir"), ("disk", "cp "), ("sum", "sha256"), ("done", "mv ")):
            if mark in script:
                self.steps.append(step)
                if step == "begin":
                    self.part = argv[5]
                    self.folders.add(self.part)
                if step == "disk":
                    assert self.peer.asked[-1] == "query-migrate", "copied while the guest ran"
                told = f"{'a' * 64} *state\n{'b' * 64} *root.qcow2\n"
                return self._fails.get(step, answer(told if step == "sum" else ""))
        raise AssertionError(script)

    def _rebase(self, argv: tuple[str, ...], _stdin: bytes) -> Completed:
        assert argv[1] == "rebase"
        assert argv[-1] == f"{self.part}/root.qcow2"
        self.steps.append("rebase")
        return answer()

    def _rm(self, argv: tuple[str, ...], _stdin: bytes) -> Completed:
        assert argv[-1] == self.part
        self.steps.append("removed")
        return answer()


def guest(prepared: Completed | None = None) -> FakeMachine:
    done = prepared or answer()
    return FakeMachine(
        "l1", programs={"sh": lambda _argv, _stdin: done, "rm": lambda _argv, _stdin: answer()}
    )


def saved_by(
    host: Host, inside: FakeMachine | None = None, seconds: float = 5, **changes: Any
) -> Manifest:
    return asyncio.run(
        save(
            inside or guest(),
            host,
            dataclasses.replace(VIRTIO, **changes),
            FOLDER,
            facts=facts(),
            host_facts=facts(),
            image=IMAGE,
            deadline=Deadline.after(seconds),
        )
    )


def failure(code: str, work: Callable[[], object]) -> NestlabError:
    with pytest.raises(NestlabError) as caught:
        work()
    assert caught.value.code == code
    return caught.value


def test_a_snapshot_has_its_name_when_it_is_whole() -> None:
    host, inside = Host(), guest()
    manifest = saved_by(host, inside)
    assert host.steps == ["begin", "disk", "sum", "done", "removed"]
    assert host.part.startswith(f"{FOLDER}.part-")
    assert host.ran[-2][-2:] == (host.part, FOLDER)
    file = host.files[f"{host.part}/snapshot.json"]
    assert Manifest.model_validate_json(file.content) == manifest
    assert file.mode == 0o600
    assert (manifest.qemu, manifest.machine) == ("7.2.22", "pc-q35-7.2-machine")
    assert (manifest.state_sha256, manifest.disk_sha256) == ("a" * 64, "b" * 64)
    assert inside.ran[-1] == ("rm", "-f", "/run/nestlab/saving")


def test_the_guest_stands_still_while_it_is_saved_and_runs_on() -> None:
    host = Host({"query-migrate": InTurn({"status": "active"}, {"status": "completed"})})
    saved_by(host)
    asked = host.peer.asked
    assert asked.index("stop") < asked.index("migrate") < asked.index("cont")
    assert host.peer.arguments["migrate"]["uri"].startswith("exec:umask 077; cat >'")


def test_no_path_can_end_the_quoting() -> None:
    host = Host()
    saved_by(host)
    part = host.part.replace("'", "'\"'\"'")
    assert f"cat >'{part}/state.part' && mv" in host.peer.arguments["migrate"]["uri"]


def test_a_guest_with_guests_is_not_saved() -> None:
    host = Host()
    error = failure("snapshot.guests-running", lambda: saved_by(host, guest(answer(status=3))))
    assert "running-nested-guests" in (error.hint or "")
    assert "stop" not in host.peer.asked
    assert host.steps == ["begin", "removed"]


def test_a_device_that_forbids_it_is_named() -> None:
    host = Host({"migrate": Refuses(BLOCKED)})
    error = failure("snapshot.not-possible", lambda: saved_by(host))
    assert "0000:00:01.0/nvme" in error.message
    assert "virtio" in (error.hint or "")
    assert host.peer.asked[-1] == "cont"
    assert host.steps == ["begin", "removed"]


def test_an_image_without_our_program_cannot_be_resumed() -> None:
    missing = answer(status=127, stderr="sh: /usr/lib/nestlab/resume: not found")
    error = failure("snapshot.not-possible", lambda: saved_by(Host(), guest(missing)))
    assert "not found" in error.message


def test_a_disk_that_can_be_written_forbids_it() -> None:
    disks = [
        {"device": "root", "inserted": {"ro": False}},
        {"device": "seed", "inserted": {"ro": True}},
        {"device": "floppy"},
    ]
    saved_by(Host({"query-block": disks}))
    scratch = [*disks, {"device": "scratch", "inserted": {"ro": False}}]
    error = failure("snapshot.not-possible", lambda: saved_by(Host({"query-block": scratch})))
    assert "scratch" in error.message


def test_a_full_disk_is_told_and_nothing_stays() -> None:
    full = {"status": "failed", "error-desc": "No space left on device"}
    host = Host({"query-migrate": full})
    assert "No space left" in failure("snapshot.failed", lambda: saved_by(host)).message
    assert host.peer.asked[-1] == "cont"
    assert host.steps == ["begin", "removed"]


def test_a_state_that_takes_too_long_is_given_up() -> None:
    host = Host({"query-migrate": {"status": "active"}})
    assert "0.3 s" in failure("snapshot.failed", lambda: saved_by(host, seconds=0.3)).message
    assert host.peer.asked[-2:] == ["migrate_cancel", "cont"]
    assert host.steps == ["begin", "removed"]


def test_a_copy_that_fails_lets_the_guest_run_on() -> None:
    host = Host(disk=answer(status=1, stderr="cp: No space left on device"))
    failure("snapshot.failed", lambda: saved_by(host))
    assert host.peer.asked[-1] == "cont"


def test_a_qemu_that_goes_is_no_refusal() -> None:
    failure("qmp.lost", lambda: saved_by(Host({"migrate": HANG_UP})))


def test_a_name_is_given_once() -> None:
    failure("snapshot.exists", lambda: saved_by(Host(begin=answer(status=4))))


def test_what_was_resumed_is_saved_without_what_it_came_from() -> None:
    host = Host()
    manifest = saved_by(host, saved=SAVED)
    assert host.steps.index("disk") < host.steps.index("rebase") < host.steps.index("sum")
    assert manifest.plan.saved is None


def stored(content: bytes) -> FakeMachine:
    return FakeMachine(files={f"{FOLDER}/snapshot.json": FakeFile(content)})


def loaded(content: bytes, image: str = IMAGE) -> Manifest:
    host, deadline = stored(content), Deadline.after(5)
    return asyncio.run(load_manifest(host, FOLDER, image=image, deadline=deadline))


def test_a_manifest_is_read_again() -> None:
    manifest = saved_by(Host())
    text = manifest.model_dump_json(by_alias=True).encode()
    assert loaded(text) == manifest
    failure("snapshot.version", lambda: loaded(text, "d" * 64))
    failure("snapshot.damaged", lambda: loaded(text[:-9]))
    failure("snapshot.damaged", lambda: loaded(text.replace(b"snapshot/1", b"snapshot/2")))
    empty, deadline = FakeMachine(), Deadline.after(5)
    failure(
        "snapshot.damaged",
        lambda: asyncio.run(load_manifest(empty, FOLDER, image=IMAGE, deadline=deadline)),
    )


def test_a_resumed_guest_is_what_was_saved_in_the_place_of_the_new_one() -> None:
    manifest = saved_by(Host(), vcpus=3, disk=1 << 34)
    new = plan(lab="ffffffffff", folder="/new", sockets="/new", memory=1 << 30)
    result = resumed(manifest, FOLDER, new)
    assert (result.vcpus, result.disk, result.memory) == (3, 1 << 34, VIRTIO.memory)
    assert (result.lab, result.folder, result.storage) == ("ffffffffff", "/new", "virtio")
    assert result.saved
    assert result.saved.state == f"{FOLDER}/state"


def test_only_an_emulated_processor_is_the_same_everywhere() -> None:
    assert cpu_of(VIRTIO, facts()) == ""
    assert cpu_of(plan(accelerator=KVM), facts()) != ""


def load(host: Host) -> None:
    async def session() -> None:
        sock = await host.dial(Files(VIRTIO).monitor)
        async with asyncio.timeout(5), Monitor("l1", sock) as monitor:
            await load_state(host, monitor, SAVED, deadline=Deadline.after(5))

    asyncio.run(session())


def test_a_state_is_loaded_and_checked() -> None:
    host = Host()
    load(host)
    assert host.peer.arguments["migrate-incoming"]["uri"].startswith("exec:cat <'/snapshots/")
    assert "cont" not in host.peer.asked
    assert [argv[0] for argv in host.ran] == ["env"]


@pytest.mark.parametrize("then", [{}, {"migrate-incoming": HANG_UP}])
def test_damage_is_said_whatever_qemu_makes_of_it(then: dict[str, Any]) -> None:
    host = Host(then, sums=answer("state: FAILED\n", status=1))
    assert "state: FAILED" in failure("snapshot.damaged", lambda: load(host)).message


def test_a_state_that_qemu_does_not_take() -> None:
    host = Host({"query-migrate": {"status": "failed", "error-desc": "Unknown section"}})
    assert "Unknown section" in failure("snapshot.failed", lambda: load(host)).message


@pytest.mark.parametrize(
    ("answers", "word"),
    [
        ({"query-version": {"qemu": {"major": 8, "minor": 2, "micro": 0}}}, "8.2.0"),
        ({"qom-get": "pc-q35-8.2-machine"}, "pc-q35-8.2-machine"),
    ],
)
def test_another_qemu_does_not_resume_it(answers: dict[str, Any], word: str) -> None:
    host = Host(answers)
    assert word in failure("snapshot.version", lambda: load(host)).message
    assert "migrate-incoming" not in host.peer.asked


def test_another_processor_is_refused_before_anything_is_started() -> None:
    host = QemuHost()
    other = dataclasses.replace(RESUMED, saved=dataclasses.replace(SAVED, cpu="Intel, 80486"))

    async def boot() -> None:
        wanted = dataclasses.replace(order(Path("/"), []), plan=other)
        async with QemuHypervisor(host, facts(), L1.accelerator, None).boot(wanted):
            pytest.fail("it was started")

    failure("snapshot.version", lambda: asyncio.run(boot()))
    assert host.ran == []
