"""Plans, backups, redefinition, restart and undo, against a libvirt in memory."""

import asyncio
import base64
import os
import stat
from pathlib import Path

import pytest

from domain_examples import HASWELL, UUID, domain_xml
from libvirt_player import LibvirtPlayer
from nestlab.domain.change import Mode, Wish
from nestlab.errors import HostError, MachineError, NestlabError, StoredDataError, UsageError
from nestlab.expose.apply import redefine
from nestlab.expose.backup import Backups
from nestlab.expose.host import Host, ask_host
from nestlab.expose.look import look
from nestlab.expose.plan import Plan, plan_expose
from nestlab.expose.prove import prove
from nestlab.expose.restart import restart
from nestlab.expose.survey import row_of, survey
from nestlab.expose.undo import plan_undo, put_back
from nestlab.libvirt.version import version_of
from nestlab.machine.fake import answer

PASSED = domain_xml("<cpu mode='host-passthrough' check='none'/>").encode()
INTEL = Host("vmx", True, (9, 0, 0))


@pytest.fixture
def backups(tmp_path: Path) -> Backups:
    return Backups(tmp_path / "expose")


async def planned(player: LibvirtPlayer, wish: Wish = Wish(), *, restart: bool = False) -> Plan:  # noqa: B008
    virsh = player.virsh()
    found = await look(virsh, "centos7")
    return plan_expose(found, await ask_host(virsh, ["kvm"]), wish, restart=restart)


async def expose(player: LibvirtPlayer, backups: Backups, wish: Wish = Wish()) -> Plan:  # noqa: B008
    plan = await planned(player, wish)
    await redefine(player.virsh(), plan, backups)
    return plan


async def undo(player: LibvirtPlayer, backups: Backups, *, force: bool = False) -> bool:
    virsh = player.virsh()
    return await put_back(
        virsh, plan_undo(await look(virsh, "centos7"), backups, force=force), backups
    )


def test_the_host_is_asked_for_its_extension() -> None:
    found = asyncio.run(ask_host(LibvirtPlayer(version="7.0.0").virsh()))
    assert (found.extension, found.nested, found.libvirt) == ("vmx", True, (7, 0, 0))
    plan = asyncio.run(planned(LibvirtPlayer(), Wish(Mode.HOST_MODEL)))
    assert b"<feature policy='require' name='vmx'/>" in (plan.after or b"")


def test_from_afar_the_extension_is_told_by_the_maker() -> None:
    player = LibvirtPlayer()
    text = "<capabilities><host><cpu><vendor>AMD</vendor></cpu></host></capabilities>"
    player.answers["capabilities"] = answer(text)
    virsh = player.virsh()
    afar = type(virsh)(virsh.machine, "qemu+ssh://root@far/system", virsh.deadline)
    found = asyncio.run(ask_host(afar))
    assert (found.extension, found.nested) == ("svm", None)


def test_expose_and_undo_are_the_identity(backups: Backups) -> None:
    player = LibvirtPlayer()
    before = player.stored
    asyncio.run(expose(player, backups))
    assert player.stored == PASSED
    assert asyncio.run(undo(player, backups))
    assert player.stored == before
    assert asyncio.run(undo(player, backups))  # nothing more to undo
    assert player.told.count("define") == 2


def test_undo_goes_back_step_by_step(backups: Backups) -> None:
    player = LibvirtPlayer()
    before = player.stored
    asyncio.run(expose(player, backups))
    asyncio.run(expose(player, backups, Wish(Mode.HOST_MODEL)))
    assert b"host-model" in player.stored
    asyncio.run(undo(player, backups))
    assert player.stored == PASSED
    asyncio.run(undo(player, backups))
    assert player.stored == before


def test_the_backup_is_there_and_private_before_libvirt_is_told(backups: Backups) -> None:
    seen: list[tuple[str, int, bytes]] = []

    def on_define(_xml: bytes) -> None:
        (kept,) = backups.to_undo(UUID)
        mode = stat.S_IMODE(kept.file.stat().st_mode)
        seen.append((kept.backup.state, mode, kept.backup.before))

    player = LibvirtPlayer(on_define=on_define)
    before = player.stored
    asyncio.run(expose(player, backups))
    assert seen == [("started", 0o600, before)]


def test_a_run_that_was_killed_before_define_lost_nothing(backups: Backups) -> None:
    def killed(_xml: bytes) -> None:
        raise KeyboardInterrupt

    player = LibvirtPlayer(on_define=killed)
    before = player.stored
    with pytest.raises(KeyboardInterrupt):
        asyncio.run(expose(player, backups))
    player.on_define = lambda _: None
    assert asyncio.run(undo(player, backups))
    assert (player.stored, player.told.count("define")) == (before, 1)
    player.stored = PASSED  # the virsh that was under way outlived it
    assert asyncio.run(undo(player, backups))
    assert player.stored == before


def test_a_run_that_was_killed_after_define_can_be_undone(backups: Backups) -> None:
    player = LibvirtPlayer()
    before = player.stored
    plan = asyncio.run(planned(player))
    assert plan.after
    backups.keep("domain", plan.look.uuid, "centos7", before, plan.after)
    player.stored = PASSED  # as libvirt writes what it was given
    assert asyncio.run(undo(player, backups))
    assert player.stored == before


def test_a_refused_definition_leaves_no_backup(backups: Backups) -> None:
    player = LibvirtPlayer()
    player.answers["define"] = answer(status=1, stderr="error: unsupported configuration: x\n")
    with pytest.raises(MachineError) as refused:
        asyncio.run(expose(player, backups))
    assert refused.value.code == "libvirt.failed"
    assert refused.value.notes == ("error: unsupported configuration: x",)
    assert list(backups.folder.iterdir()) == []


@pytest.mark.parametrize("old", [b"<acpi/>", b"check='none'"])
def test_undo_refuses_what_somebody_changed(backups: Backups, old: bytes) -> None:
    player = LibvirtPlayer()
    before = player.stored
    asyncio.run(expose(player, backups))
    player.stored = player.stored.replace(old, b"")
    theirs = player.stored
    with pytest.raises(HostError) as refused:
        asyncio.run(undo(player, backups))
    assert refused.value.code == "expose.changed-since"
    assert player.stored == theirs
    asyncio.run(undo(player, backups, force=True))
    assert player.stored == before


def test_what_changes_between_look_and_define_is_not_overwritten(backups: Backups) -> None:
    player = LibvirtPlayer()
    plan = asyncio.run(planned(player))
    player.stored = player.stored.replace(b"<acpi/>", b"<apic/>")
    with pytest.raises(HostError) as refused:
        asyncio.run(redefine(player.virsh(), plan, backups))
    assert refused.value.code == "expose.changed"
    assert "define" not in player.told


def test_a_definition_that_libvirt_makes_something_else_of_is_an_error(backups: Backups) -> None:
    player = LibvirtPlayer()
    plan = asyncio.run(planned(player))
    player.answers["define"] = answer()  # and does nothing
    with pytest.raises(HostError) as refused:
        asyncio.run(redefine(player.virsh(), plan, backups))
    assert refused.value.code == "expose.no-effect"


def test_a_damaged_backup_is_named(backups: Backups) -> None:
    player = LibvirtPlayer()
    asyncio.run(expose(player, backups))
    (file,) = backups.folder.iterdir()
    file.write_text(file.read_text()[:99])
    with pytest.raises(StoredDataError) as refused:
        asyncio.run(undo(player, backups))
    assert (refused.value.code, refused.value.log) == ("expose.backup-damaged", str(file))


def test_without_a_backup_nothing_is_defined(
    backups: Backups, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    player = LibvirtPlayer()
    with pytest.raises(StoredDataError) as refused:
        asyncio.run(expose(player, backups))
    assert refused.value.code == "expose.backup-not-written"
    assert "define" not in player.told
    assert list(backups.folder.iterdir()) == []


def test_a_transient_domain_is_refused() -> None:
    player = LibvirtPlayer(persistent=False, live=domain_xml().encode())
    with pytest.raises(HostError) as refused:
        asyncio.run(planned(player))
    assert refused.value.code == "expose.transient"


def test_saved_memory_is_warned_of_and_stands_in_the_way_of_a_restart() -> None:
    player = LibvirtPlayer(managed_save=True)
    plan = asyncio.run(planned(player))
    assert any("Managed save: yes" in warning for warning in plan.warnings)
    with pytest.raises(HostError) as refused:
        asyncio.run(planned(player, restart=True))
    assert refused.value.code == "expose.managed-save"


def test_a_libvirt_that_is_too_old_for_the_mode() -> None:
    player = LibvirtPlayer(domain_xml(kind="qemu").encode(), version="7.0.0")
    with pytest.raises(HostError) as refused:
        asyncio.run(planned(player))
    assert refused.value.code == "expose.libvirt-too-old"
    assert version_of("Using library: libvirt 6.0.0\n") == (6, 0, 0)


def test_a_mode_that_libvirt_says_it_cannot() -> None:
    player = LibvirtPlayer()
    text = "<domainCapabilities><cpu><mode name='host-passthrough' supported='no'/></cpu></domainCapabilities>"  # fmt: skip  # noqa: E501
    player.answers["domcapabilities"] = answer(text)
    with pytest.raises(HostError) as refused:
        asyncio.run(planned(player))
    assert refused.value.code == "expose.mode-not-supported"


def test_nesting_that_is_off_on_the_host_is_said() -> None:
    player = LibvirtPlayer()
    found = asyncio.run(look(player.virsh(), "centos7"))
    plan = plan_expose(found, Host("vmx", False), Wish())
    assert "nesting is off" in plan.warnings[0]


NO_SOCKET = (
    "error: failed to connect to the hypervisor\n"
    "error: Failed to connect socket to '/var/run/libvirt/{}-sock': {}"
)
NO_AGENT = (
    "error: authentication unavailable: no polkit agent available to authenticate action "
    "'org.libvirt.unix.manage'"
)


@pytest.mark.parametrize(
    ("said", "status", "code", "word"),
    [
        (NO_SOCKET.format("libvirt", "No such file or directory"), 1,
         "libvirt.no-daemon", "/var/run/libvirt/libvirt-sock"),
        (NO_SOCKET.format("virtqemud", "Connection refused"), 1,
         "libvirt.no-daemon", "systemctl enable --now virtqemud"),
        (NO_SOCKET.format("libvirt", "Permission denied"), 1, "libvirt.refused", "session"),
        (NO_AGENT, 1, "libvirt.refused", "usermod"),
        ("env: 'virsh': No such file or directory", 127, "libvirt.missing", "libvirt-clients"),
        ("error: internal error", 1, "libvirt.failed", "internal error"),
    ],
)  # fmt: skip
def test_what_virsh_says_becomes_an_error_with_a_remedy(
    said: str, status: int, code: str, word: str
) -> None:
    player = LibvirtPlayer()
    player.answers["dominfo"] = answer(status=status, stderr=said + "\n")
    with pytest.raises(NestlabError) as refused:
        asyncio.run(look(player.virsh(), "centos7"))
    problem = refused.value
    assert problem.code == code
    assert problem.hint
    assert word in " ".join((problem.message, problem.hint, *problem.notes))


def test_the_nearest_name_is_told() -> None:
    with pytest.raises(UsageError) as refused:
        asyncio.run(look(LibvirtPlayer().virsh(), "centos8"))
    assert refused.value.code == "libvirt.no-such-domain"
    assert refused.value.hint == "did you mean 'centos7'?"


# --- restart --------------------------------------------------------------------------------------


def restarted(player: LibvirtPlayer, backups: Backups, *, force_off: bool = False) -> None:
    async def work() -> None:
        plan = await expose(player, backups)
        virsh = player.virsh(2)

        async def back() -> None:
            now = await look(virsh, "centos7")
            await put_back(virsh, plan_undo(now, backups), backups)

        await restart(virsh, plan.look, force_off=force_off, put_back=back)

    asyncio.run(work())


def test_a_restart_gives_the_new_cpu(backups: Backups) -> None:
    player = LibvirtPlayer(live=domain_xml().encode())
    restarted(player, backups)
    assert player.live == PASSED
    assert "destroy" not in player.told


def test_a_guest_that_does_not_stop_is_left_running(backups: Backups) -> None:
    player = LibvirtPlayer(live=domain_xml().encode(), stops=False)
    with pytest.raises(MachineError) as refused:
        restarted(player, backups)
    assert refused.value.code == "expose.did-not-stop"
    assert "--force-off" in (refused.value.hint or "")
    assert player.live == domain_xml().encode()
    assert "destroy" not in player.told


def test_its_plug_is_pulled_when_the_user_said_so(backups: Backups) -> None:
    player = LibvirtPlayer(live=domain_xml().encode(), stops=False)
    restarted(player, backups, force_off=True)
    assert player.live == PASSED


def test_a_guest_that_does_not_start_runs_again_as_it_was(backups: Backups) -> None:
    player = LibvirtPlayer(live=domain_xml().encode(), bad_cpu=b"host-passthrough")
    with pytest.raises(MachineError) as refused:
        restarted(player, backups)
    assert refused.value.code == "expose.did-not-start"
    assert "incompatible with host CPU" in refused.value.notes[0]
    assert player.live == player.stored == domain_xml().encode()


# --- proof ----------------------------------------------------------------------------------------


def proved(player: LibvirtPlayer, seconds: float = 20) -> tuple[str, tuple[str, ...], bool | None]:
    async def work() -> tuple[str, tuple[str, ...], bool | None]:
        virsh = player.virsh(seconds)
        proof = await prove(virsh, await look(virsh, "centos7"))
        return proof.how, proof.extensions, proof.device

    return asyncio.run(work())


def test_the_guest_agent_looks_inside() -> None:
    inside = base64.b64encode(b"vmx\ndevice\n").decode()
    assert proved(LibvirtPlayer(live=PASSED, agent=inside)) == ("agent", ("vmx",), True)


def test_the_guest_has_the_last_word() -> None:
    assert proved(LibvirtPlayer(live=PASSED, agent="")) == ("agent", (), False)


def test_without_an_agent_qemu_is_asked() -> None:
    assert proved(LibvirtPlayer(live=PASSED)) == ("qemu", ("vmx",), None)
    assert proved(LibvirtPlayer(live=PASSED, has=())) == ("qemu", (), None)


def test_an_agent_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nestlab.expose.prove.AGENT_SECONDS", 0.1)

    async def hang(_words: tuple[str, ...], _stdin: bytes) -> None:
        await asyncio.Event().wait()

    player = LibvirtPlayer(live=PASSED)
    player.answers["qemu-agent-command"] = hang  # type: ignore[assignment]
    assert proved(player)[0] == "qemu"


@pytest.mark.parametrize("said", ["", "{}", '{"return": 1}', "[" * 9999, '{"return":{"pid":'])
def test_an_agent_that_talks_nonsense_is_not_believed(said: str) -> None:
    player = LibvirtPlayer(live=PASSED)
    player.answers["qemu-agent-command"] = answer(said)
    assert proved(player)[0] == "qemu"
    player.answers["qemu-monitor-command"] = answer(said)
    assert proved(player)[0] == "none"


# --- survey ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stored", "live", "host", "now", "later", "could"),
    [
        (domain_xml(), None, INTEL, None, "no", True),
        (domain_xml(), domain_xml(), INTEL, "no", "no", True),
        (PASSED.decode(), domain_xml(), INTEL, "no", "yes", True),
        (PASSED.decode(), PASSED.decode(), Host("vmx", False), "no", "no", False),
        (domain_xml(kind="xen"), None, INTEL, None, "no", False),
        (domain_xml(HASWELL, kind="qemu"), None, Host(), None, "no", True),
        ("<domain/>", None, INTEL, None, None, False),
    ],
)  # fmt: skip
def test_the_survey(
    stored: str, live: str | None, host: Host, now: str | None, later: str | None, could: bool
) -> None:
    player = LibvirtPlayer(stored.encode(), live.encode() if live else None)
    row = row_of(asyncio.run(look(player.virsh(), "centos7")), host, Wish())
    assert (row.now, row.next, row.could) == (now, later, could)
    assert could or row.why


def test_the_survey_has_every_domain() -> None:
    (row,) = asyncio.run(survey(LibvirtPlayer().virsh(), Wish()))
    assert (row.name, row.cpu, row.next, row.could) == ("centos7", "Haswell-noTSX-IBRS", "no", True)
