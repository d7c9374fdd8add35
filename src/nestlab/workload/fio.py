"""fio: random 4 KiB reads and writes, the two jobs of the seed document, or what a user gives.

What is not the document's goes to fio in a job file (see `fio_job.py`).
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from nestlab.errors import WorkloadError
from nestlab.spec.counts import Count, at
from nestlab.spec.fio_options import Engine, Rw
from nestlab.units import GIB, KIB, MIB
from nestlab.workload.binding import bind
from nestlab.workload.fio_job import JobFile, directions_of, written
from nestlab.workload.fio_report import Direction, metrics, read_report
from nestlab.workload.protocol import (
    Argv,
    Case,
    Command,
    Device,
    Envelope,
    File,
    Metric,
    Param,
    Parsed,
)

FILE = "iotest"
DOCUMENT: tuple[Rw, ...] = ("randread", "randwrite")

_JOB_NAMES: Mapping[str, str] = {
    "randread": "Rand_Read_Testing",
    "randwrite": "Rand_Write_Testing",
}


@dataclass(frozen=True)
class Fio:
    """Reads and writes of one file or device, past the page cache unless `direct` is false.

    rw        what is done; None for random reads and, apart from them, random writes
    bs        bytes of a block
    size      bytes of the file, or of the device from its beginning; every job goes over all of it
    runtime   seconds after which a job stops although it has not finished
    numjobs   side by side; None for the CPUs in the queue map of the disk
    options   further options of fio, which `spec` has looked at
    job       a user's job file, which then decides all but target, size and runtime
    device    `file`, or a name among the devices of the envelope
    """

    size: int = GIB
    runtime: int = 1000
    rw: Rw | None = None
    bs: int = 4 * KIB
    iodepth: int = 128
    numjobs: Count | None = None
    ioengine: Engine = "libaio"
    direct: bool = True
    options: Mapping[str, str] = field(default_factory=dict)
    job: JobFile | None = None
    device: str = "file"

    name: ClassVar[str] = "fio"
    needs: ClassVar[tuple[str, ...]] = ("taskset", "fio", "rm")

    @property
    def directions(self) -> tuple[Direction, ...]:
        """What every case does; the document's two do one each."""
        return self.job.directions if self.job else directions_of(self.rw or "randread")

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """Of reads, of writes, or of both."""
        return metrics(self.directions)

    def cases(self, *, vcpus: int, queue_cpus: int) -> tuple[Case, ...]:
        """One for each direction, or the job file."""
        where: dict[str, Param] = {} if self.device == "file" else {"device": self.device}
        if self.job:
            text = "\n".join(self.job.lines).encode()
            shape: dict[str, Param] = {"jobfile": hashlib.sha256(text).hexdigest()[:16]}
            bounds = {"runtime": self.runtime, "size": max(self.size, self.job.size)}
            return (Case(self.name, "jobfile", {**shape, **bounds, **where}),)
        jobs = queue_cpus if self.numjobs is None else at((self.numjobs,), vcpus)[0]
        shape = {"bs": _size(self.bs), "direct": int(self.direct), "iodepth": self.iodepth}
        scale = {"numjobs": jobs, "runtime": self.runtime, "size": self.size}
        extra = {f"fio.{key}": value for key, value in self.options.items()}
        return tuple(
            Case(
                self.name,
                rw,
                {"rw": rw, **shape, "ioengine": self.ioengine, **scale, **extra, **where},
            )
            for rw in ((self.rw,) if self.rw else DOCUMENT)
        )

    def command(self, case: Case, envelope: Envelope) -> Command:
        """The document's command; the file is written in full before the clock starts."""
        device = self._device(case, envelope)
        target = _target(envelope, device)
        file = f"{envelope.directory.rstrip('/')}/{FILE}"
        argv, given = self._argv(case, envelope, target)
        leftovers = (*((file,) if device is None else ()), *(each.path for each in given))
        # What was passed through to be read has something in it already.
        laid_out = device is None or device.writable
        layout = bind(envelope, self._layout(case, target))
        return Command(
            prepare=(layout,) if laid_out else (),
            argv=bind(envelope, argv),
            cleanup=(("rm", "-f", "--", *leftovers),) if leftovers else (),
            expected_seconds=float(self._seconds()),
            files=given,
            cold=True,
            reload=("fio", "--version"),
        )

    def parse(self, case: Case, stdout: bytes) -> Parsed:
        """Read fio's JSON. Raises WorkloadError as `Workload.parse` says."""
        return read_report(case.case, self._directions(case), stdout)

    def _directions(self, case: Case) -> tuple[Direction, ...]:
        """A job file has them for itself."""
        rw = case.params.get("rw")
        return directions_of(rw) if isinstance(rw, str) else self.directions

    def _device(self, case: Case, envelope: Envelope) -> Device | None:
        if self.device == "file":
            return None
        found = next((each for each in envelope.devices if each.name == self.device), None)
        if found is None:
            why = f"there is no disk {self.device!r} to measure"
        elif "write" in self._directions(case) and not found.writable:
            why = f"the disk {self.device!r} can only be read"
        else:
            return found
        hint = "give the guest `disks: [{name: …, size: …}]`, or choose `device: file`"
        raise WorkloadError("workload.unavailable", why, hint=hint)

    def _argv(
        self, case: Case, envelope: Envelope, target: Mapping[str, str]
    ) -> tuple[Argv, tuple[File, ...]]:
        """The command, and the job file that it needs."""
        if self.job is None and not self.options:
            words = (f"-{key}={value}" for key, value in {**_shape(case), **target}.items())
            name = f"-name={_job_name(case)}"
            return ("fio", *_grouped(words), name, "--output-format=json"), ()
        if self.job:
            bounds = {"runtime": str(self.runtime), "size": _size(case.number("size"))}
            data = written({**target, **bounds, "group_reporting": "1"}, self.job.lines)
        else:
            options = {**_shape(case), **self.options}
            lines = (f"[{_job_name(case)}]", *(f"{key}={value}" for key, value in options.items()))
            data = written({**target, "group_reporting": "1"}, lines)
        digest = hashlib.sha256(data).hexdigest()[:16]
        path = f"{envelope.directory.rstrip('/')}/{digest}.fio"
        return ("fio", "--output-format=json", path), (File(path, data),)

    def _seconds(self) -> int:
        if self.job:
            return self.job.seconds(self.runtime)
        lines = tuple(f"{key}={value}" for key, value in self.options.items())
        return JobFile(lines).seconds(self.runtime)

    def _layout(self, case: Case, target: Mapping[str, str]) -> Argv:
        """Write everything once, in order and past the page cache.

        fio's own layout (`--create_only=1`) leaves the file of a write job unwritten, so that
        random writes would pay for allocation at one level and not at the other.
        `-fallocate=none` because preallocated extents read as zeros without any I/O.
        """
        return (
            *("fio", f"-direct={int(self.direct)}", "-iodepth=8", "-rw=write"),
            *("-ioengine=libaio", "-bs=1M", f"-size={_size(case.number('size'))}"),
            *("-fallocate=none", "-end_fsync=1"),
            *(f"-{key}={value}" for key, value in target.items()),
            *("-name=Layout", "--output-format=json"),
        )


def _shape(case: Case) -> Mapping[str, str]:
    """In the order of the document."""
    keys = ("direct", "iodepth", "rw", "ioengine", "bs", "size", "numjobs", "runtime")
    sizes = {"size": _size(case.number("size"))}
    return {key: str({**case.params, **sizes}[key]) for key in keys}


def _grouped(words: Iterable[str]) -> Iterator[str]:
    """With `-group_reporting` where the document has it."""
    for word in words:
        yield word
        if word.startswith("-runtime="):
            yield "-group_reporting"


def _job_name(case: Case) -> str:
    return _JOB_NAMES.get(case.case, "Testing")


def _size(size: int) -> str:
    """A size as fio reads it (binary suffixes): `1G`, as in the document, where it comes out."""
    for suffix, unit in (("G", GIB), ("M", MIB), ("k", KIB)):
        if size % unit == 0:
            return f"{size // unit}{suffix}"
    return str(size)


def _target(envelope: Envelope, device: Device | None) -> Mapping[str, str]:
    # fio takes a colon as the separator of several files (fio manual, `filename`, `directory`).
    if device:
        return {"filename": device.path.replace(":", "\\:")}
    return {"directory": envelope.directory.replace(":", "\\:"), "filename": FILE}
