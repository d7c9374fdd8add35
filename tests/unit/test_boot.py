"""The workload `boot`: its command and the reader of what its program says."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from nestlab.errors import WorkloadError
from nestlab.hypervisor.qemu.twin import twin
from nestlab.workload.boot import Boot
from nestlab.workload.protocol import Envelope
from plan_examples import L2

BOOT = Boot(timeout=90)
(CASE,) = BOOT.cases(vcpus=8, queue_cpus=8)
TWIN = twin(L2, firmware=None)
GOOD = {"nestlab-boot": 1, "ssh_seconds": 7.25, "multi_user_seconds": 21.5, "qemu": "7.2.22"}


def test_the_guest_is_equal_on_machines_of_every_size() -> None:
    assert BOOT.cases(vcpus=1, queue_cpus=1) == (CASE,)
    assert dict(CASE.params) == {"vcpus": 1, "memory_mib": 512, "timeout": 90}


def test_the_program_is_put_and_has_both_command_lines() -> None:
    command = BOOT.command(CASE, Envelope((0, 1), "/bench/", guest=TWIN))
    (program,) = command.files
    assert program.path == "/bench/boot/boot.py"
    assert command.argv[:6] == ("taskset", "-c", "0,1", "python3", "-I", program.path)
    options, overlay, *qemu = " ".join(command.argv).split(" -- ")
    assert overlay == " ".join(TWIN.overlay)
    assert qemu == [" ".join(TWIN.argv)]
    assert f"--memory {512 << 20} --timeout 90" in options
    assert f"--seed {L2.folder}/seed.tar" in options
    assert command.cold
    assert (command.expected_seconds, command.bound) == (60, 90)
    assert command.cleanup == (("rm", "-rf", "--", "/bench/boot", TWIN.folder, TWIN.sockets),)
    assert L2.folder not in command.cleanup[0]


def test_without_a_guest_there_is_nothing_to_start() -> None:
    with pytest.raises(WorkloadError) as caught:
        BOOT.command(CASE, Envelope((0,), "/bench"))
    assert caught.value.code == "workload.unavailable"


def parse(**changes: Any) -> Any:
    return BOOT.parse(CASE, json.dumps({**GOOD, **changes}).encode())


def test_both_figures_are_read() -> None:
    parsed = parse()
    assert [(f.metric, f.unit, f.better, f.value) for f in parsed.figures] == [
        ("ssh", "s", "lower", 7.25),
        ("multi_user", "s", "lower", 21.5),
    ]
    assert parsed.tool_version == "QEMU 7.2.22"
    assert parsed.elapsed == 21.5
    assert parse(ssh_seconds=30).elapsed == 30


@pytest.mark.parametrize("kind", ["failed", "unavailable"])
def test_a_reason_is_passed_on_and_bounded(kind: str) -> None:
    said = json.dumps({"nestlab-boot": 1, kind: "no room " * 1000})
    with pytest.raises(WorkloadError, match="boot cold: no room") as caught:
        BOOT.parse(CASE, said.encode())
    assert caught.value.code == f"workload.{kind}"
    assert len(caught.value.message) < 500


Edit = Callable[[str], str]
EDITS: dict[str, Edit] = {
    "empty": lambda _: "",
    "cut off": lambda t: t[:-5],
    "a list": lambda t: f"[{t}]",
    "not ours": lambda _: "{}",
    "a later format": lambda t: t.replace('boot": 1', 'boot": 2'),
    "no seconds": lambda t: t.replace("ssh_seconds", "ssh"),
    "a text": lambda t: t.replace("7.25", '"7.25"'),
    "a truth": lambda t: t.replace("7.25", "true"),
    "nothing": lambda t: t.replace("7.25", "0"),
    "negative": lambda t: t.replace("7.25", "-7.25"),
    "infinite": lambda t: t.replace("21.5", "Infinity"),
    "not a number": lambda t: t.replace("21.5", "NaN"),
    "beyond the bound": lambda t: t.replace("21.5", "1000"),
    "which QEMU": lambda t: t.replace('"7.2.22"', "7"),
    "a reason that is none": lambda _: '{"nestlab-boot": 1, "failed": 7}',
    "figures and a reason": lambda t: t.replace('"qemu"', '"failed": "x", "qemu"'),
    "deeply nested": lambda _: '{"a":' * 100_000,
    "bytes": lambda t: t + "\udcff",
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_output_that_is_not_known_is_an_error(edit: Edit) -> None:
    damaged = edit(json.dumps(GOOD))
    assert damaged != json.dumps(GOOD)
    with pytest.raises(WorkloadError) as caught:
        BOOT.parse(CASE, damaged.encode("utf-8", "surrogateescape"))
    assert caught.value.code == "workload.unreadable-output"
