"""iperf3: commands of both ends, and its reports."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nestlab.errors import WorkloadError
from nestlab.workload.iperf3 import Iperf3
from nestlab.workload.protocol import Envelope, Peer

GOLDEN = Path(__file__).parents[1] / "golden" / "iperf3"
IPERF3 = Iperf3(seconds=2)
CASES = {case.case: case for case in IPERF3.cases(vcpus=2, queue_cpus=1)}
REAL = {
    "parent-1": "forward-1",
    "parent-4": "forward-4",
    "sibling-1-reverse": "reverse-1",
    "sibling-4-reverse": "reverse-4",
}
ENVELOPE = Envelope((0, 1), "/x", peer=Peer("l0", "fd00::1", 5202))


def golden(name: str) -> bytes:
    return (GOLDEN / f"{name}.json").read_bytes()


def test_cases_are_both_relations_both_directions_and_each_number_of_streams() -> None:
    assert list(CASES) == [
        *("parent-1", "parent-1-reverse", "parent-4", "parent-4-reverse"),
        *("sibling-1", "sibling-1-reverse", "sibling-4", "sibling-4-reverse"),
    ]
    assert CASES["sibling-4-reverse"].params["peer"] == "sibling"


def test_a_client_here_and_a_server_for_one_test_there() -> None:
    command = IPERF3.command(CASES["parent-1"], ENVELOPE)
    assert command.argv == (
        *("taskset", "-c", "0,1", "iperf3", "-c", "fd00::1", "-p", "5202", "-J"),
        *("-t", "2", "-O", "1", "-P", "1"),
    )
    assert command.server == ("iperf3", "-s", "-1", "-J", "-B", "fd00::1", "-p", "5202")
    assert command.expected_seconds == 3
    back = IPERF3.command(CASES["parent-4-reverse"], ENVELOPE)
    assert back.argv[-4:] == ("-P", "4", "-R", "--get-server-output")


def test_nobody_to_talk_to_is_said_with_what_helps() -> None:
    with pytest.raises(WorkloadError, match=r"no sibling .* `networks` of the lab file") as caught:
        IPERF3.command(CASES["sibling-1"], Envelope((0,), "/x"))
    assert caught.value.code == "workload.unavailable"


@pytest.mark.parametrize("name", REAL)
def test_reads_real_output(name: str) -> None:
    data: dict[str, Any] = json.loads(golden(REAL[name]))
    end = data["end"]
    sender = data["server_output_json"]["end"] if "reverse" in name else end
    means = [stream["sender"]["mean_rtt"] for stream in sender["streams"]]
    parsed = IPERF3.parse(CASES[name], golden(REAL[name]))
    values = {figure.metric: figure.value for figure in parsed.figures}
    assert values["throughput"] == end["sum_received"]["bits_per_second"] / 1e6 > 100
    assert values["retransmits"] == end["sum_sent"]["retransmits"]
    assert values["rtt_mean"] == pytest.approx(sum(means) / len(means))
    assert values["rtt_mean"] > 0
    assert parsed.tool_version == "iperf 3.12"
    assert parsed.elapsed == pytest.approx(2.0, abs=0.5)
    declared = [(m.metric, m.unit, m.better) for m in IPERF3.metrics]
    assert [(f.metric, f.unit, f.better) for f in parsed.figures] == declared


def test_its_own_error_is_the_reason() -> None:
    with pytest.raises(WorkloadError, match="Connection refused") as caught:
        IPERF3.parse(CASES["parent-1"], golden("refused"))
    assert caught.value.code == "workload.failed"


def edited(change: Callable[[Any], object], name: str = "forward-1") -> bytes:
    data = json.loads(golden(name))
    change(data)
    return json.dumps(data).encode()


def test_an_error_of_the_peer_is_said() -> None:
    data = edited(lambda d: d["server_output_json"].update(error="out of memory"), "reverse-1")
    with pytest.raises(WorkloadError, match="peer says 'out of memory'") as caught:
        IPERF3.parse(CASES["parent-1-reverse"], data)
    assert caught.value.code == "workload.failed"


def test_nothing_received_is_a_failure() -> None:
    data = edited(lambda d: d["end"]["sum_received"].update(bits_per_second=0))
    with pytest.raises(WorkloadError, match="nothing was received"):
        IPERF3.parse(CASES["parent-1"], data)


def sender(data: Any) -> Any:
    return data["end"]["streams"][0]["sender"]


DAMAGED = {
    "empty": b"",
    "text": b"iperf3: error - unable to connect",
    "cut off": golden("forward-1")[:1000],
    "a list": b"[]",
    "nested": b"[" * 100_000,
    "another version": edited(lambda d: d["start"].update(version="iperf 2.1")),
    "another case": golden("forward-4"),
    "another direction": edited(lambda d: d["start"]["test_start"].update(reverse=1)),
    "another time": edited(lambda d: d["start"]["test_start"].update(duration=3)),
    "UDP": edited(lambda d: d["start"]["test_start"].update(protocol="UDP")),
    "no end": edited(lambda d: d.pop("end")),
    "no rate": edited(lambda d: d["end"]["sum_received"].pop("bits_per_second")),
    "a rate in text": edited(lambda d: d["end"]["sum_received"].update(bits_per_second="9")),
    "a negative rate": edited(lambda d: d["end"]["sum_received"].update(bits_per_second=-1)),
    "an infinite rate": golden("forward-1").replace(b'"bits_per_second":\t', b'"b":1,"a":NaN,"c":'),
    "no retransmits": edited(lambda d: d["end"]["sum_sent"].pop("retransmits")),
    "no streams": edited(lambda d: d["end"].update(streams=[])),
    "a stream of text": edited(lambda d: d["end"].update(streams=["x"])),
    "no RTT": edited(lambda d: sender(d).pop("mean_rtt")),
    "RTT of zero": edited(lambda d: sender(d).update(min_rtt=0, mean_rtt=0, max_rtt=0)),
    "RTT out of order": edited(lambda d: sender(d).update(min_rtt=10**6)),
}


@pytest.mark.parametrize("data", DAMAGED.values(), ids=DAMAGED.keys())
def test_output_that_is_not_known_is_an_error(data: bytes) -> None:
    with pytest.raises(WorkloadError) as caught:
        IPERF3.parse(CASES["parent-1"], data)
    assert caught.value.code == "workload.unreadable-output"


def test_a_reverse_without_the_peer_s_report_is_an_error() -> None:
    data = edited(lambda d: d.pop("server_output_json"), "reverse-1")
    with pytest.raises(WorkloadError, match="server_output_json") as caught:
        IPERF3.parse(CASES["parent-1-reverse"], data)
    assert caught.value.code == "workload.unreadable-output"
