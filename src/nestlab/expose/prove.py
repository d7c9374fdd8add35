"""What a running guest really has: seen from inside where it can be, else asked of its QEMU.

Sources: QEMU, "QEMU Guest Agent Protocol" (guest-exec) and "QEMU QMP Reference" (query-kvm,
query-cpus-fast, qom-get); the CPU object has a property for each feature.
"""

import base64
import json
from dataclasses import dataclass
from typing import Any, Final, Literal

from nestlab.deadline import Deadline
from nestlab.domain.cpu import EXTENSIONS
from nestlab.errors import MachineError, NestlabError
from nestlab.expose.console import ask_console
from nestlab.expose.look import Look
from nestlab.libvirt.virsh import Virsh
from nestlab.machine.protocol import Machine
from nestlab.machine.shell import NotYet, wait_for

AGENT_SECONDS: Final = 10
"""For one answer of the guest agent: one that hangs is no reason to hang."""
_LOOK: Final = (
    "grep -E -o -w -m1 'svm|vmx' /proc/cpuinfo | head -n1; [ -e /dev/kvm ] && echo device; :"
)


@dataclass(frozen=True)
class Proof:
    """What was seen.

    how         `inside` (the guest itself), `console` (a shell on its serial console), `agent`
                (by its guest agent), `qemu` (its QEMU), or `none`: nobody could be asked
    extensions  svm or vmx, as its CPU has them
    device      whether /dev/kvm is in the guest; None: not seen from inside
    emulated    whether QEMU emulates its CPU; None: not told
    notes       why those who know more could not be asked
    """

    how: str
    extensions: tuple[str, ...] = ()
    device: bool | None = None
    emulated: bool | None = None
    notes: tuple[str, ...] = ()

    @property
    def shown(self) -> bool | None:
        """Whether the guest has an extension; None: not known."""
        return None if self.how == "none" else bool(self.extensions)


async def prove(virsh: Virsh, found: Look, by: Machine | Literal["console"] | None = None) -> Proof:
    """Ask the guest by what is given, else its agent; and its QEMU in any case.

    by  the guest itself, or the shell on its serial console

    Raises nothing of those who do not answer: that is in `notes`.
    """
    notes: list[str] = []
    seen: tuple[str, frozenset[str]] | None = None
    try:
        if by == "console":
            seen = "console", _words(await ask_console(virsh, found, _LOOK))
        else:
            seen = await _inside(by, virsh.deadline) if by else await _agent(virsh, found)
    except NestlabError as problem:
        who = "its console" if by == "console" else "the guest" if by else "its guest agent"
        notes.append(f"{who}: {_short(problem)}")
    try:
        extensions, emulated = await _qemu(virsh, found)
    except NestlabError as problem:
        notes.append(f"its QEMU: {_short(problem)}")
        extensions, emulated = (), None
        if seen is None:
            return Proof("none", notes=tuple(notes))
    if seen is None:
        return Proof("qemu", extensions, None, emulated, tuple(notes))
    how, words = seen
    inner = tuple(each for each in EXTENSIONS if each in words)
    return Proof(how, inner, "device" in words, emulated, tuple(notes))


async def _inside(machine: Machine, deadline: Deadline) -> tuple[str, frozenset[str]]:
    done = await machine.run(("sh", "-c", _LOOK), deadline=deadline)
    return "inside", _words(done.stdout)


async def _agent(virsh: Virsh, found: Look) -> tuple[str, frozenset[str]]:
    call = {"path": "/bin/sh", "arg": ["-c", _LOOK], "capture-output": True}
    started = await _asked_agent(virsh, found, "guest-exec", call)
    pid = started.get("pid")

    async def probe() -> dict[str, Any] | NotYet:
        status = await _asked_agent(virsh, found, "guest-exec-status", {"pid": pid})
        return status if status.get("exited") else NotYet("it runs")

    ended = await wait_for(
        probe,
        deadline=virsh.deadline.within(AGENT_SECONDS),
        what="what was run by the guest agent is",
        where=found.title,
    )
    try:
        return "agent", _words(base64.b64decode(str(ended.get("out-data", ""))))
    except ValueError as problem:
        raise _unreadable("the guest agent", found) from problem


async def _asked_agent(
    virsh: Virsh, found: Look, command: str, arguments: dict[str, Any]
) -> dict[str, Any]:
    """With a timeout of libvirt's own before ours, so that its lock on the domain is freed."""
    text = json.dumps({"execute": command, "arguments": arguments})
    words = ("qemu-agent-command", f"--domain={found.uuid}", "--timeout", str(AGENT_SECONDS))
    deadline = virsh.deadline.within(2 * AGENT_SECONDS)
    said = await virsh.said(*words, text, deadline=deadline)
    answer = _returned(said, "the guest agent", found)
    if not isinstance(answer, dict):
        raise _unreadable("the guest agent", found)
    return answer


async def _qemu(virsh: Virsh, found: Look) -> tuple[tuple[str, ...], bool]:
    kvm = await _asked(virsh, found, "query-kvm")
    cpus = await _asked(virsh, found, "query-cpus-fast")
    try:
        by_kvm, path = kvm["enabled"], cpus[0]["qom-path"]
    except (KeyError, IndexError, TypeError) as problem:
        raise _unreadable("QEMU", found) from problem
    have = []
    for name in EXTENSIONS:
        call = {"path": path, "property": name}
        if await _asked(virsh, found, "qom-get", call) is True:
            have.append(name)
    return tuple(have), by_kvm is not True


async def _asked(
    virsh: Virsh, found: Look, command: str, arguments: dict[str, Any] | None = None
) -> Any:
    text = json.dumps({"execute": command, **({"arguments": arguments} if arguments else {})})
    out = await virsh.said("qemu-monitor-command", f"--domain={found.uuid}", text)
    return _returned(out, "QEMU", found)


def _returned(out: bytes, who: str, found: Look) -> Any:
    try:
        return json.loads(out)["return"]
    except (ValueError, KeyError, TypeError, RecursionError) as problem:
        raise _unreadable(who, found) from problem


def _unreadable(who: str, found: Look) -> MachineError:
    return MachineError("expose.unreadable", f"what {who} answered is no answer", where=found.title)


def _words(text: bytes) -> frozenset[str]:
    """Whole lines: a console may show in between what was typed."""
    lines = text[:4096].decode("ascii", "replace").splitlines()
    return frozenset(line.strip() for line in lines) & {"svm", "vmx", "device"}


def _short(problem: NestlabError) -> str:
    return problem.notes[-1] if problem.notes else problem.message
