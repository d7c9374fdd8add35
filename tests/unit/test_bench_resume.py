"""Two configurations are never mixed in one run."""

from dataclasses import replace
from typing import Any

import pytest

from nestlab.bench.jobs import Job
from nestlab.bench.resume import must_be_the_same
from nestlab.errors import UsageError
from nestlab.result import names
from nestlab.result.models import Facts, MachineRecord, Result, Sample, Series
from nestlab.workload.fio import Fio
from result_examples import result as example

FIO = Fio(size=1 << 24, runtime=3)
CASES = FIO.cases(vcpus=2, queue_cpus=2)
JOBS = [Job(FIO, case) for case in CASES]


def machine(path: str, memory: int = 2 << 30, **conditions: Any) -> MachineRecord:
    told: dict[str, Any] = {
        names.ENVELOPE_CPUS: 2,
        names.ENVELOPE: "equal",
        names.CLOCKSOURCE: "tsc",
    }
    return MachineRecord(
        path=path,
        level=path.count("/") + (path != "l0"),
        parent=None if path == "l0" else "l0",
        emulated=False,
        facts=Facts(
            identity={"kernel": "6.1", "memory": memory}, conditions={**told, **conditions}
        ),
    )


MACHINES = [machine("l0"), machine("l1")]


def before() -> Result:
    found = Series(
        workload="fio", case=CASES[0].case, params=dict(CASES[0].params), machine="l1",
        metric="iops", unit="IOPS", better="higher", status="ok",
        samples=(Sample(value=1.0, round=1, order=1, elapsed=1.0),),
    )  # fmt: skip
    return Result(run=example().run, machines=tuple(MACHINES), series=(found,))


def test_the_same_is_gone_on_with() -> None:
    must_be_the_same(before(), MACHINES, JOBS)
    grown = machine("l1", memory=(2 << 30) + 4096)  # a kernel keeps some pages more or less
    must_be_the_same(before(), [MACHINES[0], grown], JOBS)
    loaded = machine("l1", load_1min=3.0)
    must_be_the_same(before(), [MACHINES[0], loaded], JOBS)


@pytest.mark.parametrize(
    ("machines", "jobs", "words"),
    [
        (MACHINES[:1], JOBS, "its machines were l0, l1, they are l0"),
        ([MACHINES[0], machine("l1", memory=4 << 30)], JOBS, "l1 memory was"),
        ([MACHINES[0], machine("l1", clocksource="hpet")], JOBS, "l1 clocksource was tsc, it is"),
        ([MACHINES[0], machine("l1", envelope="unequal")], JOBS, "l1 envelope was equal"),
        (MACHINES, [], "fio randread is not to be measured now"),
    ],
)
def test_what_differs_is_named(machines: list[MachineRecord], jobs: list[Job], words: str) -> None:
    with pytest.raises(UsageError) as caught:
        must_be_the_same(before(), machines, jobs)
    assert caught.value.code == "bench.resume-differs"
    assert words in caught.value.message


def test_other_parameters_are_another_case() -> None:
    other = [Job(FIO, replace(case, params={**case.params, "size": 1 << 25})) for case in CASES]
    with pytest.raises(UsageError) as caught:
        must_be_the_same(before(), MACHINES, other)
    assert f"fio randread size was {1 << 24}, it is {1 << 25}" in caught.value.message
