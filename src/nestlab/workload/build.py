"""Compile a C program of many files with the machine's gcc, as people do all day with a kernel.

`make` prints the machine's uptime before and after (proc(5)), in hundredths of a second: unlike
the date, nobody sets it meanwhile.
"""

import re
from dataclasses import dataclass
from typing import ClassVar

from nestlab.errors import WorkloadError
from nestlab.spec.counts import Count, at
from nestlab.workload.binding import bind
from nestlab.workload.protocol import Case, Command, Envelope, Figure, File, Metric, Parsed
from nestlab.workload.sources import archive, checksum, program

SECONDS = Metric("seconds", "s", "lower")

_MAKEFILE = """\
CC = gcc
CFLAGS = -std=gnu11 -O2 -w
units := $(sort $(patsubst %.c,%.o,$(wildcard *.c)))

measured:
\t@rm -f *.o program
\t@gcc -dumpfullversion
\t@read -r up idle </proc/uptime && echo "start $$up"
\t@$(MAKE) -s --no-print-directory program
\t@read -r up idle </proc/uptime && echo "end $$up"
\t@./program

program: $(units)
\t$(CC) -o $@ $(units)

$(units): common.h

.PHONY: measured
"""
_OUTPUT = re.compile(
    r"(\d+(?:\.\d+){1,2})\nstart (\d{1,12}\.\d\d)\nend (\d{1,12}\.\d\d)\nsum (\d{1,10})\n", re.ASCII
)
_PER_UNIT = 10.0
"""Seconds that a file may take: what an emulated guest of an emulated guest needs."""


@dataclass(frozen=True)
class Build:
    """`make` with one job and with as many as vCPUs.

    units  files to compile, next to the main one
    jobs   a case for each
    """

    units: int = 48
    jobs: tuple[Count, ...] = (1, "vcpus")

    name: ClassVar[str] = "build"
    needs: ClassVar[tuple[str, ...]] = ("taskset", "tar", "make", "gcc", "rm")
    metrics: ClassVar[tuple[Metric, ...]] = (SECONDS,)

    def cases(self, *, vcpus: int, queue_cpus: int) -> tuple[Case, ...]:  # noqa: ARG002 - Workload's
        """`make-1` and `make-N`; with one vCPU they are the same and there is one."""
        return tuple(
            Case(self.name, f"make-{jobs}", {"jobs": jobs, "units": self.units})
            for jobs in at(self.jobs, vcpus)
        )

    def command(self, case: Case, envelope: Envelope) -> Command:
        """The sources are put once; every run compiles all of them again."""
        folder = f"{envelope.directory.rstrip('/')}/build"
        units = case.number("units")
        sources = File(f"{folder}/sources.tar", archive({"Makefile": _MAKEFILE, **program(units)}))
        make = ("make", "-s", f"-j{case.number('jobs')}", "-C", folder, "measured")
        return Command(
            prepare=(("tar", "-x", "-f", sources.path, "-C", folder),),
            argv=bind(envelope, make),
            cleanup=(("rm", "-rf", "--", folder),),
            expected_seconds=units * _PER_UNIT,
            files=(sources,),
        )

    def parse(self, case: Case, stdout: bytes) -> Parsed:
        """Read what make printed. Raises WorkloadError as `Workload.parse` says."""
        text = stdout.decode("utf-8", "backslashreplace")
        match = _OUTPUT.fullmatch(text)
        if match is None:
            raise _unreadable("it is not a version, two times and a sum", text)
        seconds = round(float(match[3]) - float(match[2]), 2)
        if seconds <= 0:
            raise _unreadable(f"it took {seconds} seconds", text)
        if int(match[4]) != checksum(case.number("units")):
            raise WorkloadError("workload.failed", "the program that was built gives a wrong sum")
        return Parsed((Figure.of(SECONDS, seconds),), f"gcc {match[1]}", seconds)


def _unreadable(message: str, text: str) -> WorkloadError:
    return WorkloadError(
        "workload.unreadable-output",
        f"the output of the build is not understood: {message}",
        notes=tuple(line[:200] for line in text.splitlines()[:3]),
    )
