"""iperf3: TCP between a machine and its parent, and between siblings.

Everything is read from its JSON. What a sender alone knows (the round-trip time, which is that of
Linux's TCP_INFO under load) is in the report of the peer when the peer sends.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, get_args

from nestlab.errors import WorkloadError
from nestlab.workload.binding import bind
from nestlab.workload.protocol import (
    Case,
    Command,
    Envelope,
    Figure,
    Metric,
    Parsed,
    Relation,
)

THROUGHPUT = Metric("throughput", "Mbit/s", "higher")
RETRANSMITS = Metric("retransmits", "segments", "lower")
RTT = Metric("rtt_mean", "us", "lower")

OMITTED = 1
"""Seconds in the beginning, of TCP's slow start, that do not count."""

_HINT = "`networks` of the lab file join machines"


@dataclass(frozen=True)
class Iperf3:
    """To the parent and to a sibling, with few and many streams, and back.

    seconds  how long each case sends, after the first second
    streams  a case for each, and one in the other direction
    """

    seconds: int = 10
    streams: tuple[int, ...] = (1, 4)

    name: ClassVar[str] = "iperf3"
    needs: ClassVar[tuple[str, ...]] = ("taskset", "iperf3")
    metrics: ClassVar[tuple[Metric, ...]] = (THROUGHPUT, RETRANSMITS, RTT)
    wants_peer: ClassVar[bool] = True

    def cases(self, *, vcpus: int, queue_cpus: int) -> tuple[Case, ...]:  # noqa: ARG002 - Workload's
        """`parent-1`, `parent-1-reverse` and so on; in those the peer sends."""
        return tuple(
            Case(
                self.name,
                f"{relation}-{streams}" + ("-reverse" if reverse else ""),
                {"peer": relation, "streams": streams, "reverse": reverse, "time": self.seconds},
            )
            for relation in get_args(Relation)
            for streams in sorted(set(self.streams))
            for reverse in (0, 1)
        )

    def command(self, case: Case, envelope: Envelope) -> Command:
        """The client here, a server for one test on the peer."""
        peer = envelope.peer
        if peer is None:
            why = f"it has no {case.params['peer']} that it reaches over a network; {_HINT}"
            raise WorkloadError("workload.unavailable", why)
        port, seconds = str(peer.port), case.number("time")
        back = ("-R", "--get-server-output") if case.number("reverse") else ()
        client = (
            *("iperf3", "-c", peer.address, "-p", port, "-J", "-t", str(seconds)),
            *("-O", str(OMITTED), "-P", str(case.number("streams")), *back),
        )
        return Command(
            prepare=(),
            argv=bind(envelope, client),
            cleanup=(),
            expected_seconds=float(seconds + OMITTED),
            server=("iperf3", "-s", "-1", "-J", "-B", peer.listen or peer.address, "-p", port),
        )

    def parse(self, case: Case, stdout: bytes) -> Parsed:
        """Read iperf3's JSON. Raises WorkloadError as `Workload.parse` says."""
        report = _report(stdout)
        start, end = _mapping(report, "start"), _mapping(report, "end")
        _check(case, _mapping(start, "test_start"))
        received, sent = _mapping(end, "sum_received"), _mapping(end, "sum_sent")
        rate = _number(received, "bits_per_second")
        if not rate:
            raise WorkloadError("workload.failed", f"iperf3 {case.case}: nothing was received")
        sender = report
        if case.number("reverse"):
            sender = _mapping(report, "server_output_json")
            _raise_on_error(sender, "the iperf3 of the peer")
        return Parsed(
            figures=(
                Figure.of(THROUGHPUT, rate / 10**6),
                Figure.of(RETRANSMITS, _number(sent, "retransmits")),
                Figure.of(RTT, _rtt(_mapping(sender, "end"), case.number("streams"))),
            ),
            tool_version=_version(start),
            elapsed=_number(received, "seconds"),
        )


def _rtt(end: Mapping[str, object], streams: int) -> float:
    """Microseconds; the mean of the streams' own means."""
    found = end.get("streams")
    if not isinstance(found, list) or len(found) != streams:
        raise _unreadable(f"there are not {streams} streams")
    means = []
    for stream in found:
        if not isinstance(stream, dict):
            raise _unreadable("a stream is not an object")
        sender = _mapping(stream, "sender")
        low, mean, high = (_number(sender, f"{which}_rtt") for which in ("min", "mean", "max"))
        if not 0 < low <= mean <= high:
            raise _unreadable("the round-trip times are not in order")
        means.append(mean)
    return sum(means) / len(means)


def _check(case: Case, said: Mapping[str, object]) -> None:
    """It must be the test that was asked for."""
    wanted = {"num_streams": "streams", "reverse": "reverse", "duration": "time"}
    for key, param in wanted.items():
        if _number(said, key) != case.number(param):
            raise _unreadable(f"it is not of the case {case.case}: another {key}")
    if said.get("protocol") != "TCP":
        raise _unreadable("it is not of TCP")


def _report(stdout: bytes) -> Mapping[str, object]:
    try:
        found = json.loads(stdout, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise _unreadable(f"the JSON is damaged: {str(error)[:200]}") from error
    if not isinstance(found, dict):
        raise _unreadable("it is not an object")
    _raise_on_error(found, "iperf3")
    return found


def _raise_on_error(report: Mapping[str, object], who: str) -> None:
    if "error" in report:
        raise WorkloadError("workload.failed", f"{who} says {str(report['error'])[:200]!r}")


def _refuse(constant: str) -> object:
    raise ValueError(f"{constant} is not a figure")


def _version(start: Mapping[str, object]) -> str:
    version = start.get("version")
    if not isinstance(version, str) or not version.startswith("iperf 3"):
        raise _unreadable("it is no report of iperf 3")
    return version[:50]


def _mapping(parent: Mapping[str, object], key: str) -> Mapping[str, object]:
    value = parent.get(key)
    if not isinstance(value, dict):
        raise _unreadable(f"there is no object {key!r}")
    return value


def _number(parent: Mapping[str, object], key: str) -> float:
    value = parent.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e18:
        raise _unreadable(f"there is no number {key!r}")
    return float(value)


def _unreadable(message: str) -> WorkloadError:
    return WorkloadError(
        "workload.unreadable-output", f"the output of iperf3 is not understood: {message}"
    )
