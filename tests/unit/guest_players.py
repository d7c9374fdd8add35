"""A machine on which QEMU is played: its monitor and console are real sockets."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nestlab.deadline import Deadline
from nestlab.hypervisor.protocol import Login, Order
from nestlab.hypervisor.qemu.files import Files
from nestlab.image.seed import Seed
from nestlab.machine.fake import FakeFile, FakeMachine, Handler, answer
from nestlab.machine.protocol import Completed
from plan_examples import L1
from qmp_peer import Peer

READY = b"nestlab: kernel is up\nnestlab: network is up\nnestlab: ready\n"
PANIC = b"nestlab: kernel is up\nKernel panic - not syncing: no init\n"


def console(words: bytes) -> Handler:
    """A guest that prints this and then nothing more."""

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(words)
        await reader.read()

    return speak


def silent_at_first(peer: Peer) -> Handler:
    """A monitor that does not greet until it was left once, as that of a stopped QEMU."""
    left: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if left:
            await peer.serve(reader, writer)
        left.append(await reader.read())

    return serve


class QemuHost(FakeMachine):
    """`ended` has the identities whose processes were ended."""

    def __init__(
        self,
        *,
        answers: Mapping[str, Any] | None = None,
        greeting: Any = None,
        says: bytes = READY,
        ending: Completed | None = None,
    ) -> None:
        files = Files(L1)
        self.peer = Peer(answers, greeting=greeting)
        self.ended: list[str] = []
        self._ending = ending or answer()
        tools = ("qemu-img", "qemu-system-x86_64", "rm", "env")
        super().__init__(
            "l0",
            programs={**dict.fromkeys(tools, lambda _argv, _stdin: answer()), "sh": self._sh},
            files={
                files.pid: FakeFile(b"4711\n"),
                files.console_log: FakeFile(says),
                files.qemu_log: FakeFile(b""),
            },
            folders=(L1.folder,),
            listeners={files.monitor: self.peer.serve, files.console: console(says)},
        )

    def _sh(self, argv: tuple[str, ...], _stdin: bytes) -> Completed:
        if L1.identity not in argv:
            return answer()
        self.ended.append(L1.identity)
        return self._ending

    @property
    def removed(self) -> bool:
        """Whether the guest's folders were removed, after everything else."""
        return self.ran[-1] == ("rm", "-rf", "--", L1.folder, L1.sockets)


def order(folder: Path, stages: list[str], seconds: float = 5) -> Order:
    """Boot L1; the client key does not matter where nobody gets in."""
    return Order(
        plan=L1,
        seed=Seed("l1", "0" * 32, "private", "public", "client", L1.network),
        login=Login("root", folder / "id_ed25519", "ssh-ed25519 AAAA"),
        evidence=folder / "evidence",
        stage=stages.append,
        deadline=Deadline.after(seconds),
    )
