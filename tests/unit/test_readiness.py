"""Knocking at a guest's door: what is worth another try, and what will never come."""

import asyncio
import socket
from pathlib import Path

import pytest

from nestlab.deadline import Deadline
from nestlab.errors import MachineError
from nestlab.hypervisor.protocol import Login
from nestlab.hypervisor.qemu.readiness import log_in
from nestlab.lab.record.keys import make_key
from nestlab.machine.fake import FakeMachine
from nestlab.machine.protocol import Address
from plan_examples import L2

PORT = 34567


class Parent(FakeMachine):
    """Its guest hangs up at every knock; the connection to it breaks at a given one."""

    def __init__(self, *, lost_at: int) -> None:
        super().__init__("l1")
        self.knocks = 0
        self._lost_at = lost_at

    async def dial(self, address: Address) -> socket.socket:
        """See `Machine.dial`."""
        self.knocks += 1
        if self.knocks == self._lost_at:
            self.lose()
        self._check_connection()
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        theirs.close()
        return ours


def knock(parent: FakeMachine, folder: Path, seconds: float) -> MachineError:
    login = Login("root", folder / "id_ed25519", make_key("host").public)
    (folder / "id_ed25519").write_text(make_key("client").private)
    with pytest.raises(MachineError) as caught:
        asyncio.run(log_in(parent, PORT, L2, login, deadline=Deadline.after(seconds)))
    return caught.value


@pytest.mark.parametrize("lost_at", [1, 3])
def test_a_parent_that_is_lost_is_not_knocked_at_until_the_deadline(
    tmp_path: Path, lost_at: int
) -> None:
    parent = Parent(lost_at=lost_at)
    error = knock(parent, tmp_path, seconds=600)
    assert error.code == "machine.lost"
    assert error.where == "l1"  # not the guest, whose fault it is not
    assert parent.knocks == lost_at


def test_a_guest_that_hangs_up_is_knocked_at_again(tmp_path: Path) -> None:
    parent = Parent(lost_at=0)
    error = knock(parent, tmp_path, seconds=0.5)
    assert error.code == "guest.no-answer"
    assert "ssh.connect-failed" in error.message
    assert parent.knocks > 1


def test_a_port_at_which_nobody_listens_yet_is_knocked_at_again(tmp_path: Path) -> None:
    error = knock(FakeMachine("l1"), tmp_path, seconds=0.3)
    assert error.code == "guest.no-answer"
    assert "machine.refused" in error.message
