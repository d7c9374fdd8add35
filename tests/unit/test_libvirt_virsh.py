"""libvirt's own words, and what they become."""

import asyncio
import json
from ipaddress import IPv4Network

import pytest

from nestlab.deadline import Deadline
from nestlab.errors import HostError, MachineError, NestlabError
from nestlab.hypervisor.libvirt.daemon import find_libvirt
from nestlab.hypervisor.libvirt.define import create
from nestlab.hypervisor.libvirt.monitor import VirshMonitor
from nestlab.hypervisor.libvirt.network import collides, move_default, with_subnet
from nestlab.libvirt.failures import of_virsh
from nestlab.libvirt.virsh import Virsh
from nestlab.machine.fake import FakeMachine, answer
from nestlab.machine.protocol import Completed
from plan_examples import L1
from test_libvirt_domain import CASES, libvirt

SYSTEM = "qemu:///system"
PLAN = libvirt(L1)

# as libvirt 9.0 said it, but for the denials and polkit, which are from its and their sources
SAID = {
    "Failed to connect socket to '/var/run/libvirt/libvirt-sock': No such file or directory": (
        "libvirt.no-daemon", "enable --now libvirtd"),
    "Failed to connect socket to '/tmp/run/libvirt-sock': Connection refused": (
        "libvirt.no-daemon", "enable --now libvirtd"),
    "Failed to connect socket to '/run/libvirt/virtlogd-sock': No such file or directory": (
        "libvirt.no-daemon", "enable --now virtlogd"),
    "Failed to connect socket to '/var/run/libvirt/libvirt-sock': Permission denied": (
        "libvirt.refused", "usermod"),
    "authentication unavailable: no polkit agent available to authenticate action"
    " 'org.libvirt.unix.manage'": ("libvirt.refused", "usermod"),
    "internal error: Unable to get system bus connection: Could not connect: No such file": (
        "libvirt.refused", "usermod"),
    "End of file while reading data: Input/output error": ("libvirt.lost", "repeat"),
    "cannot write data to file '/x': No space left on device": ("libvirt.failed", "free some"),
    "unsupported configuration: setting MTU on interface type user is not supported yet": (
        "libvirt.failed", "own words"),
}  # fmt: skip


@pytest.mark.parametrize("said", SAID)
def test_words_become_an_error_with_a_remedy(said: str) -> None:
    code, hint = SAID[said]
    problem = of_virsh("l0", SYSTEM, bad(said))
    assert problem.code == code
    assert hint in (problem.hint or "")
    assert problem.notes == (f"error: {said}",)


class Libvirt:
    """A machine whose virsh is played: each first word has its answers, the last one stays."""

    def __init__(self, **answers: list[Completed]) -> None:
        self.answers = answers
        self.asked: list[tuple[str, ...]] = []
        programs = {"env": self._virsh, "sh": self._sh, "id": lambda _a, _s: answer("0\n")}
        self.machine = FakeMachine("l1", programs=programs)

    @property
    def virsh(self) -> Virsh:
        return Virsh(self.machine, SYSTEM, soon())

    def _virsh(self, argv: tuple[str, ...], stdin: bytes) -> Completed:
        words = argv[argv.index("--quiet") :]
        assert words[:3] == ("--quiet", "--connect", SYSTEM)
        self.asked.append((*words[3:], stdin.decode()))
        left = self.answers[words[3].replace("-", "_")]
        return left.pop(0) if len(left) > 1 else left[0]

    def _sh(self, argv: tuple[str, ...], _stdin: bytes) -> Completed:
        if "apparmor" in argv[2]:
            return answer('audit: apparmor="DENIED" operation="open" name="/srv/a/disk"\n')
        return answer("4242\n") if "carriers" in argv[2] else answer()

    def words(self) -> list[str]:
        return [each[0] for each in self.asked]


def bad(text: str) -> Completed:
    return answer(stderr=f"error: {text}\n", status=1)


def soon() -> Deadline:
    return Deadline.after(5)


def created(host: Libvirt) -> int:
    return asyncio.run(create(host.virsh, PLAN, firmware=None))


def problem_of(host: Libvirt) -> NestlabError:
    with pytest.raises(NestlabError) as caught:
        created(host)
    return caught.value


def test_a_domain_is_created_paused() -> None:
    host = Libvirt(create=[answer()])
    assert created(host) == 4242
    assert host.asked[0][:3] == ("create", "/dev/stdin", "--paused")
    assert "<domain" in host.asked[0][3]


def test_one_of_the_same_lab_that_was_left_is_ended_first() -> None:
    plan, firmware, owner = CASES["l1-tcg"]
    from nestlab.hypervisor.libvirt.domain import domain_xml

    left = answer(domain_xml(plan, firmware=firmware, owner=owner))
    host = Libvirt(create=[bad("domain exists"), answer()], dumpxml=[left], destroy=[answer()])
    assert created(host) == 4242
    assert host.words() == ["create", "dumpxml", "destroy", "create"]


def test_somebody_else_s_domain_is_never_touched() -> None:
    host = Libvirt(create=[bad("already exists")], dumpxml=[answer("<domain type='kvm'/>")])
    assert problem_of(host).code == "libvirt.domain-exists"
    assert host.words() == ["create", "dumpxml"]


def test_a_denial_is_shown_with_the_log_s_own_line() -> None:
    host = Libvirt(create=[bad("Could not open '/a': Permission denied")], dumpxml=[bad("no")])
    problem = problem_of(host)
    assert problem.code == "libvirt.failed"
    assert any('apparmor="DENIED"' in note for note in problem.notes)
    assert "security module" in (problem.hint or "")


def test_a_machine_without_virsh_says_what_to_install() -> None:
    missing = answer(stderr="env: 'virsh': No such file or directory\n", status=127)
    programs = {"id": lambda _a, _s: answer("0\n"), "env": lambda _a, _s: missing}
    host = FakeMachine("l1", programs=programs)
    with pytest.raises(HostError) as caught:
        asyncio.run(find_libvirt(host, ours=True, deadline=soon()))
    assert caught.value.code == "libvirt.missing"
    assert "libvirt-daemon-system" in (caught.value.hint or "")


def test_a_user_without_privileges_has_a_session() -> None:
    asked = []

    def virsh(argv: tuple[str, ...], _stdin: bytes) -> Completed:
        asked.append(argv)
        return answer("Running against daemon: 9.0.0\n")

    host = FakeMachine("l0", programs={"id": lambda _a, _s: answer("1000\n"), "env": virsh})
    found, version = asyncio.run(find_libvirt(host, ours=False, deadline=soon()))
    assert (found.uri, version) == ("qemu:///session", (9, 0, 0))
    assert asked[0][-5:-1] == ("--quiet", "--connect", "qemu:///session", "version")


USERNET = """VLAN -1 (net):
  Protocol[State]    FD  Source Address  Port   Dest. Address  Port RecvQ SendQ
  TCP[HOST_FORWARD]  33       127.0.0.1 34567      10.96.0.15    22     0     0
"""


def test_the_monitor_forwards_a_port_and_reads_it() -> None:
    host = Libvirt(qemu_monitor_command=[answer("\n"), answer(USERNET)])
    monitor = VirshMonitor(host.virsh, PLAN, 1)
    assert asyncio.run(monitor.ssh_port()) == 34567
    assert host.asked[0][3] == "hostfwd_add hostnet0 tcp:127.0.0.1:0-10.96.0.15:22"


@pytest.mark.parametrize("said", ["invalid host forwarding rule", "Could not set up"])
def test_a_forward_that_qemu_refuses_is_an_error(said: str) -> None:
    host = Libvirt(qemu_monitor_command=[answer(said)])
    with pytest.raises(MachineError, match=said):
        asyncio.run(VirshMonitor(host.virsh, PLAN, 1).ssh_port())


def test_the_monitor_tells_what_qmp_tells() -> None:
    version = {"return": {"qemu": {"major": 7, "minor": 2, "micro": 22}}}
    host = Libvirt(
        qemu_monitor_command=[
            answer(json.dumps({"return": {"enabled": True}})),
            answer(json.dumps(version)),
        ]
    )
    monitor = VirshMonitor(host.virsh, PLAN, 1)
    assert asyncio.run(monitor.kvm_enabled()) is True
    assert asyncio.run(monitor.version()) == "7.2.22"


@pytest.mark.parametrize("said", ["", "{", "[]", '{"error": {"class": "CommandNotFound"}}'])
def test_an_answer_that_is_none_is_an_error(said: str) -> None:
    host = Libvirt(qemu_monitor_command=[answer(said)])
    with pytest.raises(MachineError) as caught:
        asyncio.run(VirshMonitor(host.virsh, PLAN, 1).kvm_enabled())
    assert caught.value.code == "libvirt.failed"


DEFAULT = b"""<network><name>default</name><!-- ours --><bridge name='virbr0'/>
  <ip address='192.168.122.1' netmask='255.255.255.0'>
    <dhcp><range start='192.168.122.2' end='192.168.122.254'/></dhcp></ip>
  <ip family='ipv6' address='fd00::1' prefix='64'/></network>"""
CLASH = IPv4Network("192.168.0.0/16")


def test_the_default_network_moves_off_an_ancestor_s() -> None:
    assert collides(DEFAULT, [CLASH])
    assert not collides(DEFAULT, [IPv4Network("10.0.0.0/8"), IPv4Network("0.0.0.0/0")])
    moved = with_subnet(DEFAULT, IPv4Network("10.99.3.0/24"))
    assert not collides(moved, [CLASH])
    for kept in (b"<!-- ours -->", b"fd00::1", b"10.99.3.1", b"10.99.3.2", b"10.99.3.254"):
        assert kept in moved


def moved(host: Libvirt, *taken: IPv4Network) -> IPv4Network | None:
    return asyncio.run(move_default(host.virsh, taken))


def test_it_is_defined_anew_before_it_is_ever_started() -> None:
    host = Libvirt(net_dumpxml=[answer(DEFAULT)], net_list=[answer("\n")], net_define=[answer()])
    subnet = moved(host, CLASH)
    assert subnet is not None
    assert not subnet.overlaps(CLASH)
    assert str(subnet[1]) in host.asked[-1][-1]


@pytest.mark.parametrize(
    "host",
    [
        Libvirt(net_dumpxml=[answer(DEFAULT)], net_list=[answer("default\n")]),
        Libvirt(net_dumpxml=[bad("Network not found")]),
    ],
)
def test_one_that_runs_or_is_not_there_is_left_alone(host: Libvirt) -> None:
    assert moved(host, CLASH) is None
    assert "net-define" not in host.words()


def test_the_root_disk_grows_by_its_target() -> None:
    told = "Capacity:       10737418240\nAllocation:     200704\nPhysical:       197120\n"
    host = Libvirt(domblkinfo=[answer(told)], blockresize=[answer()])
    monitor = VirshMonitor(host.virsh, PLAN, 1)
    assert asyncio.run(monitor.root_size()) == 10 << 30
    asyncio.run(monitor.resize_root(12 << 30))
    assert [words[-3:-1] for words in host.asked] == [
        (PLAN.identity, "vda"), ("vda", f"{12 << 30}B"),
    ]  # fmt: skip


def test_a_root_disk_without_a_size_is_an_error() -> None:
    host = Libvirt(domblkinfo=[answer("Allocation: 1\n")])
    with pytest.raises(MachineError) as caught:
        asyncio.run(VirshMonitor(host.virsh, PLAN, 1).root_size())
    assert caught.value.code == "libvirt.failed"
