"""Whether a machine's QEMU has the networks that guests get."""

import asyncio
import dataclasses
import shutil

import pytest

from nestlab.deadline import Deadline
from nestlab.errors import HostError, MachineError
from nestlab.hypervisor.netdevs import choose_nat
from nestlab.hypervisor.plan import Nat
from nestlab.hypervisor.switch import switch_identity
from nestlab.machine.fake import FakeMachine, answer
from nestlab.machine.local import LocalMachine
from plan_examples import L1

HELP = "Available netdev backend types:\nsocket\nstream\ndgram\nhubport\ntap\nuser\nbridge\n"


def ask(text: str, *, lans: bool = True, status: int = 0, passt: bool = False) -> Nat:
    machine = FakeMachine(
        answers={
            ("qemu-system-x86_64", "-netdev", "help"): answer(
                text, status=status, stderr="no such module"
            ),
            ("sh", "-c", "command -v passt"): answer(status=0 if passt else 127),
        }
    )
    wanted = choose_nat(machine, "qemu-system-x86_64", lans=lans, deadline=Deadline.after(5))
    return asyncio.run(wanted)


NO_USER = HELP.replace("user\n", "")
OLD = HELP.replace("stream\ndgram\n", "")


def test_qemu_s_own_nat_is_taken_where_it_is() -> None:
    assert ask(HELP) == ask(HELP, passt=True) == "slirp"


def test_passt_is_taken_where_it_is_not() -> None:
    assert ask(NO_USER, passt=True) == "passt"


def test_a_qemu_that_is_too_old_for_networks() -> None:
    assert ask(OLD, lans=False) == "slirp"
    with pytest.raises(HostError) as caught:
        ask(OLD)
    assert caught.value.code == "net.no-stream"
    assert "7.2" in (caught.value.hint or "")


@pytest.mark.parametrize(("text", "passt"), [(NO_USER, False), (OLD.replace("user\n", ""), True)])
def test_a_qemu_without_any_nat(text: str, passt: bool) -> None:
    with pytest.raises(HostError) as caught:
        ask(text, lans=False, passt=passt)
    assert caught.value.code == "net.no-user-network"
    assert "install passt" in (caught.value.hint or "")


def test_a_qemu_that_says_nothing() -> None:
    with pytest.raises(MachineError) as caught:
        ask("", status=1)
    assert caught.value.code == "net.unknown-netdevs"


@pytest.mark.skipif(not shutil.which("qemu-system-x86_64"), reason="there is no QEMU here")
def test_the_qemu_that_is_here_is_understood() -> None:
    wanted = choose_nat(
        LocalMachine(), "qemu-system-x86_64", lans=False, deadline=Deadline.after(30)
    )
    assert asyncio.run(wanted) in {"slirp", "passt"}


def test_no_guest_has_the_identity_of_a_switch() -> None:
    assert switch_identity("a1", "storage") == "nestlab-a1-net:storage"
    for path in ("net-storage", "net/storage"):
        guest = dataclasses.replace(L1, lab="a1", path=path)
        assert guest.identity != switch_identity("a1", "storage")
