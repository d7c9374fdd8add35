"""Which workloads there are, and what all of them keep to."""

import pytest

from nestlab.errors import UsageError
from nestlab.hypervisor.qemu.twin import twin
from nestlab.workload import builtin
from nestlab.workload.builtin import Size
from nestlab.workload.protocol import Envelope, Peer
from plan_examples import L2

SIZES: tuple[Size, ...] = ("full", "demo", "quick")
ENVELOPE = Envelope((0, 1), "/x", peer=Peer("l0", "10.0.0.1", 5201), guest=twin(L2, firmware=None))


@pytest.mark.parametrize("size", SIZES)
def test_every_workload_keeps_its_promises(size: Size) -> None:
    for workload in builtin.selected(builtin.names(), size, unixbench=b"tar"):
        cases = workload.cases(vcpus=2, queue_cpus=2)
        assert len({case.case for case in cases}) == len(cases) > 0
        assert len({metric.metric for metric in workload.metrics}) == len(workload.metrics) > 0
        for case in cases:
            assert case.workload == workload.name
            command = workload.command(case, ENVELOPE)
            assert command == workload.command(case, ENVELOPE)
            placed = {file.path for file in command.files}
            built = {argv[argv.index("-o") + 1] for argv in command.prepare if "-o" in argv}
            started = {argv[0] for argv in (*command.prepare, command.argv, *command.cleanup)}
            assert started <= set(workload.needs)
            assert command.argv[3] in {*workload.needs, *built}
            assert all(path.startswith("/x/") for path in placed | built)
            assert bool(placed) <= bool(command.cleanup)
            assert command.expected_seconds > 0


def test_the_default_ones_are_the_document_s() -> None:
    for default in (builtin.full(), builtin.demo(), builtin.quick()):
        assert [workload.name for workload in default] == ["sysbench-cpu", "fio"]


def test_those_that_are_named_are_run_once_and_in_that_order() -> None:
    found = builtin.selected(["exits", "build", "exits"], "quick")
    assert [workload.name for workload in found] == ["exits", "build"]


@pytest.mark.parametrize("name", ["nothing", "", "unixbench"])
def test_a_name_that_is_not_known_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="no workload") as caught:
        builtin.selected([name], "demo")
    assert caught.value.code == "workload.unknown"
    assert "stress-ng" in (caught.value.hint or "")
