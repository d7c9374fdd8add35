"""A libvirt that exists in memory: what virsh would print, and what it would do."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field

from domain_examples import UUID, domain_xml
from nestlab.deadline import Deadline
from nestlab.libvirt.virsh import Virsh
from nestlab.machine.fake import FakeFile, FakeMachine, Program, answer
from nestlab.machine.protocol import Completed

URI = "qemu:///system"
INTEL = {
    "/proc/cpuinfo": FakeFile(b"flags\t\t: fpu vmx ept\n"),
    "/sys/module/kvm_intel/parameters/nested": FakeFile(b"Y\n"),
}


@dataclass
class LibvirtPlayer:
    """One domain, and how it answers.

    on_define   called with the XML before it is stored
    answers     command -> what it ends with, in place of what is played
    """

    stored: bytes = domain_xml().encode()
    live: bytes | None = None
    persistent: bool = True
    managed_save: bool = False
    version: str = "9.0.0"
    stops: bool = True
    bad_cpu: bytes = b"nothing"
    has: tuple[str, ...] = ("vmx",)
    agent: str | None = None
    on_define: Callable[[bytes], None] = lambda _: None
    answers: dict[str, Program | Completed] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)

    def machine(self, path: str = "l0") -> FakeMachine:
        return FakeMachine(path, programs={"env": self}, files=INTEL)

    def virsh(self, seconds: float = 20) -> Virsh:
        return Virsh(self.machine(), URI, Deadline.after(seconds))

    def __call__(self, argv: tuple[str, ...], stdin: bytes) -> Completed:
        words = argv[argv.index("--connect") + 2 :]
        command = words[0]
        self.told.append(command)
        script = self.answers.get(command)
        if script is not None:
            return script if isinstance(script, Completed) else script(words, stdin)  # type: ignore[return-value]
        named = next((word[9:] for word in words if word.startswith("--domain=")), None)
        if named not in {None, "centos7", UUID}:
            return answer(status=1, stderr=f"error: failed to get domain '{named}'\n")
        play = getattr(self, "_" + command.replace("-", "_"))
        result = play(words, stdin)
        assert isinstance(result, Completed)
        return result

    def _version(self, _words: tuple[str, ...], _stdin: bytes) -> Completed:
        return answer(f"Using library: libvirt 9.9.9\nRunning against daemon: {self.version}\n")

    def _domcapabilities(self, _words: tuple[str, ...], _stdin: bytes) -> Completed:
        return answer(status=1, stderr="error: no KVM\n")

    def _list(self, words: tuple[str, ...], _stdin: bytes) -> Completed:
        return answer(f"{UUID}\n" if "--uuid" in words else "centos7\n")

    def _dominfo(self, _words: tuple[str, ...], _stdin: bytes) -> Completed:
        yes = {True: "yes", False: "no"}
        return answer(
            f"Id:             -\nName:           centos7\nUUID:           {UUID}\n"
            f"State:          {self._state()}\nPersistent:     {yes[self.persistent]}\n"
            f"Managed save:   {yes[self.managed_save]}\n"
        )

    def _dumpxml(self, words: tuple[str, ...], _stdin: bytes) -> Completed:
        return answer(self.stored if "--inactive" in words else self.live or self.stored)

    def _define(self, _words: tuple[str, ...], stdin: bytes) -> Completed:
        self.on_define(stdin)
        # libvirt writes what it read in its own way
        self.stored = stdin.replace(b"<cpu mode='host-passthrough'/>",
                                    b"<cpu mode='host-passthrough' check='none'/>")  # fmt: skip
        return answer()

    def _domstate(self, _words: tuple[str, ...], _stdin: bytes) -> Completed:
        return answer(self._state() + "\n")

    def _shutdown(self, _words: tuple[str, ...], _stdin: bytes) -> Completed:
        self.live = None if self.stops else self.live
        return answer()

    def _destroy(self, _words: tuple[str, ...], _stdin: bytes) -> Completed:
        self.live = None
        return answer()

    def _start(self, _words: tuple[str, ...], _stdin: bytes) -> Completed:
        if self.bad_cpu in self.stored:
            return answer(status=1, stderr="error: the CPU is incompatible with host CPU\n")
        self.live = self.stored
        return answer()

    def _qemu_monitor_command(self, words: tuple[str, ...], _stdin: bytes) -> Completed:
        call = json.loads(words[-1])
        found: object = {"enabled": True, "present": True}
        if call["execute"] == "query-cpus-fast":
            found = [{"qom-path": "/machine/unattached/device[0]"}]
        elif call["execute"] == "qom-get":
            found = call["arguments"]["property"] in self.has
        return answer(json.dumps({"return": found}))

    def _qemu_agent_command(self, words: tuple[str, ...], _stdin: bytes) -> Completed:
        if self.agent is None:
            return answer(status=1, stderr="error: QEMU guest agent is not configured\n")
        if "guest-exec-status" in words[-1]:
            return answer(json.dumps({"return": {"exited": True, "out-data": self.agent}}))
        return answer('{"return":{"pid":7}}')

    def _state(self) -> str:
        return "shut off" if self.live is None else "running"
