"""sysbench memory: how fast memory is read and written, in order."""

from dataclasses import dataclass
from typing import ClassVar

from nestlab.spec.counts import Count, at
from nestlab.units import KIB, MIB
from nestlab.workload.binding import bind
from nestlab.workload.protocol import Case, Command, Envelope, Figure, Metric, Parsed
from nestlab.workload.sysbench_text import NUMBER, THREADS, TOTALS, read, unreadable

BANDWIDTH = Metric("bandwidth_mib", "MiB/s", "higher")

_TOTAL = "10000G"
"""More than can be moved: the time ends the test."""

_WANTED = {
    **THREADS,
    "block_kib": rf" +block size: {NUMBER}KiB",
    "rate": rf"[\d.]+ MiB transferred \({NUMBER} MiB/sec\)",
    **TOTALS,
}
_KNOWN = (
    r"Running memory speed test with the following options:",
    rf" +total size: {NUMBER}MiB",
    r" +operation: (?:read|write)",
    r" +scope: global",
    rf"Total operations: {NUMBER} \( *{NUMBER} per second\)",
    rf" +(?:avg|95th percentile|sum): +{NUMBER}",
)


@dataclass(frozen=True)
class SysbenchMemory:
    """`sysbench memory`, reading and writing, with one thread and with as many as vCPUs.

    seconds  how long each case runs
    block    bytes of the block that all threads share. sysbench's own 1 KiB would stay in the
             first cache, where no page table of any level is asked
    threads  two cases for each
    """

    seconds: int = 10
    block: int = 64 * MIB
    threads: tuple[Count, ...] = (1, "vcpus")

    name: ClassVar[str] = "sysbench-memory"
    needs: ClassVar[tuple[str, ...]] = ("taskset", "sysbench")
    metrics: ClassVar[tuple[Metric, ...]] = (BANDWIDTH,)

    def cases(self, *, vcpus: int, queue_cpus: int) -> tuple[Case, ...]:  # noqa: ARG002 - Workload's
        """`read-1`, `read-N`, `write-1` and `write-N`; with one vCPU only those with one."""
        return tuple(
            Case(
                self.name,
                f"{way}-{threads}",
                {"oper": way, "threads": threads, "time": self.seconds, "block": self.block},
            )
            for way in ("read", "write")
            for threads in at(self.threads, vcpus)
        )

    def command(self, case: Case, envelope: Envelope) -> Command:
        """Nothing to prepare."""
        seconds = case.number("time")
        argv = (
            *("sysbench", "memory", f"--threads={case.number('threads')}", f"--time={seconds}"),
            f"--memory-block-size={case.number('block')}",
            f"--memory-total-size={_TOTAL}",
            f"--memory-oper={case.params['oper']}",
            "run",
        )
        return Command((), bind(envelope, argv), (), expected_seconds=float(seconds))

    def parse(self, case: Case, stdout: bytes) -> Parsed:
        """Read sysbench's text. Raises WorkloadError as `Workload.parse` says."""
        version, values = read(case, stdout, _WANTED, _KNOWN)
        if f"operation: {case.params['oper']}\n".encode() not in stdout:
            raise unreadable(f"it is not of case {case.case}")
        if values["block_kib"] * KIB != case.number("block"):
            raise unreadable(f"its blocks have {values['block_kib']:.0f} KiB")
        return Parsed((Figure.of(BANDWIDTH, values["rate"]),), version, values["total_time"])
