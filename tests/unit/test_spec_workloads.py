"""Workloads that a lab file or a command line chooses: what is refused, and in which words."""

from dataclasses import fields
from typing import Any

import pytest

from nestlab.errors import UsageError
from nestlab.spec.choice import parse_choice
from nestlab.spec.counts import at
from nestlab.spec.fio_options import why_refused
from nestlab.spec.load import parse
from nestlab.spec.workload_options import OPTIONS
from nestlab.units import GIB, KIB
from nestlab.workload import builtin
from spec_examples import dump, problem

MAY = "randwrite"
CASES = {
    "no workload": ("fioo: {rw: a}", "value", "2:15: bench.workloads[0] gives", "`fio`"),
    "not a name": ("'Fio x': {}", "value", "2:15: bench.workloads[0] must have the name", "fio"),
    "unknown": ("fio: {rww: read}", "unknown-key", "2:22: bench.workloads[0].fio.rww", "`rw`"),
    "far": ("exits: {x: 1}", "unknown-key", "exits.x is not a known", "known keys here: samples"),
    "type": ("fio: {iodepth: a}", "value", "2:22: bench.workloads[0].fio.iodepth must", "65536"),
    "text": ("exits: {samples: '50'}", "value", "samples must be a whole number: '50'", "10000000"),
    "range": ("build: {units: 0}", "value", "build.units must be at least 1: 0", "1000"),
    "truth": ("fio: {direct: 1}", "value", "fio.direct must be true or false: 1", "page cache"),
    "one of": ("fio: {rw: trim}", "value", "fio.rw must be 'read'", MAY),
    "engine": ("fio: {ioengine: net}", "value", "fio.ioengine must be 'libaio'", "psync"),
    "unit": ("fio: {size: 4}", "value", "fio.size needs a unit: 4", "4GiB"),
    "sectors": ("fio: {bs: 1000B}", "value", "fio.bs must be a multiple of 512", "4KiB"),
    "count": ("unixbench: {copies: [1, cpu]}", "value", "copies must be a whole", "[1, vcpus]"),
    "no count": ("build: {jobs: []}", "value", "jobs must have from 1 to 16", "[1, vcpus]"),
    "no such": ("stress-ng: {stressors: [hdd]}", "value", "stressors[0] must be 'cpu'", "fork"),
    "streams": ("iperf3: {streams: [0]}", "value", "streams[0] must be at least 1", "128"),
    "both": ("fio: {jobfile: a, bs: 4k}", "value", "fio must not have bs beside job", "job file"),
    "program": ("fio: {options: {exec_prerun: a}}", "value", "not have exec_prerun", "programs"),
    "own key": ("fio: {options: {bs: 4k}}", "value", "options must not have bs", "key `bs`"),
    "shell": ("fio: {options: {loops: $(id)}}", "value", "must not have loops", "characters"),
    "list": ("fio: {options: {loops: [1]}}", "value", "must have a number, a text", "ramp_time"),
    "option name": ("fio: {options: {'a b': 1}}", "value", "names of fio's options", "ramp_time"),
    "options": ("fio: {options: 5}", "value", "options must be a mapping", "ramp_time"),
}


@pytest.mark.parametrize(("text", "code", "message", "hint"), CASES.values(), ids=CASES.keys())
def test_what_is_wrong_is_told_with_its_place(
    text: str, code: str, message: str, hint: str
) -> None:
    found = problem(f"bench:\n  workloads: [{{{text}}}]\nguests: [{{name: l1}}]\n")
    assert found.code == f"lab-file.{code}"
    assert found.message.startswith("lab.yaml:2:")
    assert message in found.message
    assert hint in (found.hint or "")


REFUSED = {
    "write elsewhere": (
        "filename directory filename_format opendir unlink fill_device fill_fs write_iolog mem "
        "iomem read_iolog replay_redirect verify_dump verify_state_save cgroup ioscheduler include"
    ),
    "start programs": "exec_prerun exec_postrun profile",
    "networks": "hostname port listen client server daemonize",
    "report": (
        "output output-format output_format status-interval group_reporting new_group stonewall "
        "wait_for_previous per_job_logs write_bw_log write_lat_log log_avg_msec percentile_list "
        "clat_percentiles lat_percentiles unified_rw_reporting gtod_reduce disable_clat stats"
    ),
    "CPUs": "cpus_allowed cpumask numa_cpu_nodes",
    "user": "uid gid",
}


@pytest.mark.parametrize("why", REFUSED)
def test_options_of_fio_that_do_more_than_io_are_refused_by_name(why: str) -> None:
    for name in REFUSED[why].split():
        assert why in (why_refused(name, "1") or ""), name


@pytest.mark.parametrize("value", ["`id`", "${HOME}", "1;2", "a\nb", "\\", "x" * 201])
def test_values_of_fio_that_are_more_than_a_value_are_refused(value: str) -> None:
    assert "characters" in (why_refused("description", value) or "")


def test_other_options_of_fio_are_allowed() -> None:
    for name in ("ramp_time", "rwmixread", "thinktime", "fsync", "time_based", "norandommap"):
        assert why_refused(name, "1") is None
    assert why_refused("ioengine", "psync") is None
    assert why_refused("ioengine", "external:/tmp/x.so") is not None
    assert why_refused("rw", "randread:8") is None
    assert why_refused("readwrite", "trim") is not None


def test_every_option_is_a_field_of_its_workload() -> None:
    made = builtin.selected(builtin.names(), "full", unixbench=b"tar")
    assert {workload.name for workload in made} == OPTIONS.keys()
    for workload in made:
        known: Any = workload
        there = {field.name for field in fields(known)} | {"jobfile"}
        assert OPTIONS[workload.name].model_fields.keys() <= there


def test_a_command_line_says_the_same_as_a_lab_file() -> None:
    lab = parse(
        "guests: [{name: l1}]\nbench:\n  workloads:\n"
        "    - fio: {rw: randread, bs: 64KiB, direct: false,\n"
        "            options: {ramp_time: 5, fsync: true}}\n"
        "    - unixbench: {copies: [1, vcpus]}\n    - exits: {}\n    - mine: {}\n"
    )
    words = (
        "fio:rw=randread,bs=64k,direct=false,options={ramp_time: 5, fsync: true}",
        *("unixbench:copies=[1,vcpus]", "exits", "mine"),
    )
    assert lab.bench.chosen == tuple(map(parse_choice, words))
    fio, unixbench, exits, _ = lab.bench.chosen
    assert fio.options.given()["bs"] == 64 * KIB
    assert fio.label == "rw=randread bs=64KiB direct=false options=ramp_time=5,fsync=1"
    assert unixbench.label == "copies=1+vcpus"
    assert exits.label == ""
    assert parse(dump(lab)) == lab
    assert parse_choice("fio:size=1GiB").options.given() == {"size": GIB}


@pytest.mark.parametrize(
    ("text", "code", "message", "hint"),
    [
        ("fio:rw", "lab-file.value", "--workload fio:rw: 'rw' is not KEY=VALUE", "fio:rw=randread"),
        ("fio:=1", "lab-file.value", "is not KEY=VALUE", "KEY=VALUE"),
        ("fio:rw=read,rw=read", "lab-file.value", "rw is there twice", "KEY=VALUE"),
        ("fio:rww=read", "lab-file.unknown-key", "--workload fio: rww is not a known", "`rw`"),
        ("fio:iodepth=a", "lab-file.value", "--workload fio: iodepth must be a whole", "65536"),
        ("fio:bs=[", "lab-file.syntax", "--workload fio:bs=[:1:2", "quotes"),
        ("sysbench:threads=1", "lab-file.value", "gives options to 'sysbench'", "sysbench-"),
        ("", "lab-file.value", "must have the name of a workload", "fio"),
    ],
)
def test_a_wrong_command_line(text: str, code: str, message: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_choice(text)
    assert caught.value.code == code
    assert message in caught.value.message
    assert hint in (caught.value.hint or "")


def test_counts_are_numbers_on_a_machine() -> None:
    assert at((1, "vcpus"), 4) == (1, 4)
    assert at(("vcpus", 8, 1), 1) == (1, 8)
