import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from nestlab.errors import WorkloadError
from nestlab.units import GIB, MIB
from nestlab.workload.fio import Fio
from nestlab.workload.protocol import Case, Envelope

GOLDEN = Path(__file__).parents[1] / "golden" / "fio"
ENVELOPE = Envelope(cpus=(0, 1), directory="/var/lib/lab")
FIO = Fio(size=16 * MIB, runtime=3)
READ, WRITE = FIO.cases(vcpus=4, queue_cpus=2)


def golden(name: str) -> bytes:
    return (GOLDEN / name).read_bytes()


def test_the_command_is_the_document_s() -> None:
    read, write = Fio().cases(vcpus=2, queue_cpus=2)
    command = Fio().command(read, ENVELOPE)
    assert command.argv == (
        *("taskset", "-c", "0,1"),
        *("fio", "-direct=1", "-iodepth=128", "-rw=randread", "-ioengine=libaio", "-bs=4k"),
        *("-size=1G", "-numjobs=2", "-runtime=1000", "-group_reporting"),
        *("-directory=/var/lib/lab", "-filename=iotest", "-name=Rand_Read_Testing"),
        "--output-format=json",
    )
    assert command.expected_seconds == 1000
    other = Fio().command(write, ENVELOPE).argv
    assert "-rw=randwrite" in other
    assert "-name=Rand_Write_Testing" in other


def test_the_file_is_written_in_full_before_and_removed_after() -> None:
    command = FIO.command(READ, ENVELOPE)
    (layout,) = command.prepare
    assert {"-rw=write", "-fallocate=none", "-size=16M", "-filename=iotest"} <= set(layout)
    assert command.cleanup == (("rm", "-f", "--", "/var/lib/lab/iotest"),)
    assert FIO.command(WRITE, ENVELOPE).prepare == command.prepare


def test_a_colon_in_the_folder_does_not_split_it() -> None:
    command = FIO.command(READ, Envelope((0,), "/mnt/a:b c"))
    assert "-directory=/mnt/a\\:b c" in command.argv
    assert command.cleanup[0][-1] == "/mnt/a:b c/iotest"


@pytest.mark.parametrize(
    ("size", "told"), [(GIB, "1G"), (3 * MIB, "3M"), (5 * 1024, "5k"), (1000, "1000")]
)
def test_a_size_is_told_exactly(size: int, told: str) -> None:
    case = Fio(size=size).cases(vcpus=1, queue_cpus=1)[0]
    assert f"-size={told}" in Fio().command(case, ENVELOPE).argv


@pytest.mark.parametrize("case", [READ, WRITE], ids=lambda case: str(case.case))
def test_reads_real_output(case: Case) -> None:
    data = golden(f"{case.case}.json")
    side = json.loads(data)["jobs"][0][case.case.removeprefix("rand")]
    parsed = FIO.parse(case, data)
    values = {figure.metric: figure.value for figure in parsed.figures}
    assert values["iops"] == side["iops"] > 0
    assert values["bandwidth_mib"] == pytest.approx(side["iops"] * 4096 / MIB, rel=1e-4)
    assert values["bandwidth_mb"] == pytest.approx(side["iops"] * 4096 / 1e6, rel=1e-4)
    assert values["latency_mean"] == pytest.approx(side["lat_ns"]["mean"] / 1000)
    ranks = side["clat_ns"]["percentile"]
    assert values["latency_p50"] == ranks["50.000000"] / 1000 > 0
    assert values["latency_p99"] == ranks["99.000000"] / 1000
    assert values["latency_p99_9"] == ranks["99.900000"] / 1000
    job = json.loads(data)["jobs"][0]
    assert values["cpu_use"] == pytest.approx(job["usr_cpu"] + job["sys_cpu"])
    assert parsed.tool_version == "fio-3.33"
    assert parsed.elapsed == side["runtime"] / 1000
    declared = [(m.metric, m.unit, m.better) for m in FIO.metrics]
    assert [(f.metric, f.unit, f.better) for f in parsed.figures] == declared


@pytest.mark.parametrize("version", ["3.25", "3.39", "3.41"])
@pytest.mark.parametrize("case", [READ, WRITE], ids=lambda case: str(case.case))
def test_reads_every_version(case: Case, version: str) -> None:
    data = golden(f"{case.case}-{version}.json")
    side = json.loads(data)["jobs"][0][case.case.removeprefix("rand")]
    parsed = FIO.parse(case, data)
    values = {figure.metric: figure.value for figure in parsed.figures}
    assert values["iops"] == side["iops"] > 0
    assert values["bandwidth_mib"] == pytest.approx(side["iops"] * 4096 / MIB, rel=1e-4)
    assert values["latency_mean"] == pytest.approx(side["lat_ns"]["mean"] / 1000)
    assert (parsed.tool_version, parsed.elapsed) == (f"fio-{version}", side["runtime"] / 1000)


@pytest.mark.parametrize("case", [READ, WRITE], ids=lambda case: str(case.case))
def test_a_version_with_other_units_is_refused(case: Case) -> None:
    """fio 2 counts KiB and microseconds under the same names."""
    with pytest.raises(WorkloadError, match="knows the units of fio 3 alone") as caught:
        FIO.parse(case, golden(f"{case.case}-2.21.json"))
    assert caught.value.code == "workload.unreadable-output"


@pytest.mark.parametrize(
    ("name", "case", "said"),
    [
        ("randread-3.25-truncated", READ, "damaged"),
        ("randwrite-3.39-number-as-text", WRITE, "no number 'iops'"),
        ("randread-3.41-section-twice", READ, "two values of 'read'"),
    ],
)
def test_a_damaged_copy_of_each_version_is_refused(name: str, case: Case, said: str) -> None:
    with pytest.raises(WorkloadError, match=said) as caught:
        FIO.parse(case, golden(f"{name}.json"))
    assert caught.value.code == "workload.unreadable-output"


def test_an_option_may_be_given_twice() -> None:
    text = golden("randread.json").decode()
    twice = text.replace('"bs" : "4k",', '"bs" : "4k",\n"bs" : "4k",', 1)
    assert twice != text
    assert FIO.parse(READ, twice.encode()) == FIO.parse(READ, text.encode())


def test_text_before_the_json_is_not_in_the_way() -> None:
    data = golden("randwrite-note-before.json")
    assert data.startswith(b"note: ")
    assert FIO.parse(WRITE, data).figures[0].value > 0


def test_o_direct_refused_is_said_with_a_remedy() -> None:
    with pytest.raises(WorkloadError, match=r"error 22 .*O_DIRECT") as caught:
        FIO.parse(READ, golden("randread-odirect-refused.json"))
    assert caught.value.code == "workload.failed"
    assert "tmpfs" in (caught.value.hint or "")


def test_a_full_disk_is_said() -> None:
    with pytest.raises(WorkloadError, match="No space left on device") as caught:
        FIO.parse(WRITE, golden("randwrite-disk-full.json"))
    assert caught.value.code == "workload.failed"


def test_the_other_direction_did_no_io() -> None:
    with pytest.raises(WorkloadError, match="did no I/O") as caught:
        FIO.parse(WRITE, golden("randread.json"))
    assert caught.value.code == "workload.failed"


Edit = Callable[[str], str]
EDITS: dict[str, Edit] = {
    "empty": lambda _: "",
    "text only": lambda _: "fio: terminating on signal 15\n",
    "not fio's": lambda _: "{}",
    "two jobs": lambda t: json.dumps({**json.loads(t), "jobs": json.loads(t)["jobs"] * 2}),
    "iops is text": lambda t: t.replace('"iops" : ', '"iops" : "", "was" : '),
    "iops is nan": lambda t: t.replace('"iops" : ', '"iops" : NaN, "was" : '),
    "iops is negative": lambda t: t.replace('"iops" : ', '"iops" : -'),
    "no latency": lambda t: t.replace('"lat_ns"', '"lat_us"'),
    "no percentile": lambda t: t.replace('"99.900000"', '"99.800000"'),
    "percentiles out of order": lambda t: t.replace('"99.000000" : ', '"99.000000" : 99'),
    "no CPU use": lambda t: t.replace('"usr_cpu"', '"cpu"'),
    "no error field": lambda t: t.replace('"error"', '"mistake"'),
    "two reports": lambda t: t + t,
    "deeply nested": lambda _: "{" + '"a":{' * 100_000,
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS.keys())
def test_output_that_is_not_known_is_an_error(edit: Edit) -> None:
    damaged = edit(golden("randread.json").decode())
    with pytest.raises(WorkloadError) as caught:
        FIO.parse(READ, damaged.encode())
    assert caught.value.code == "workload.unreadable-output"


def test_a_damaged_copy_is_an_error_and_shows_its_beginning() -> None:
    with pytest.raises(WorkloadError, match="damaged") as caught:
        FIO.parse(READ, golden("randread-damaged.json"))
    assert caught.value.code == "workload.unreadable-output"
    assert caught.value.notes[0] == "{"


def test_a_case_is_a_value() -> None:
    assert hash(READ) == hash(replace(READ))
    assert READ == replace(READ) != WRITE
    with pytest.raises(TypeError):
        READ.params["size"] = 1  # type: ignore[index]
    with pytest.raises(TypeError, match="not a number"):
        READ.number("rw")


@pytest.mark.parametrize(("cpus", "directory"), [((), "/x"), ((-1,), "/x"), ((0,), "x")])
def test_an_envelope_is_checked(cpus: tuple[int, ...], directory: str) -> None:
    with pytest.raises(ValueError, match="envelope"):
        Envelope(cpus, directory)
