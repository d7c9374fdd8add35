"""The workloads of a lab file or a command line, with their options applied (pure)."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from nestlab.errors import UsageError
from nestlab.spec.bench import Bench, BenchWorkload
from nestlab.spec.choice import Choice
from nestlab.workload import builtin
from nestlab.workload.builtin import Size
from nestlab.workload.custom import custom
from nestlab.workload.fio_job import read_job_file
from nestlab.workload.labelled import Labelled
from nestlab.workload.protocol import Workload

_LONGEST = 60
"""Characters of a label: it is in a file's name, and above a column."""


@dataclass(frozen=True)
class Sources:
    """What has to be read or fetched before workloads can be made.

    unixbench  the source that UnixBench needs (`unixbench_source.tree`)
    job_files  the job files that are named, by path as it is written
    others     workloads that do not come with nestlab
    """

    unixbench: bytes | None = None
    job_files: Mapping[str, bytes] = field(default_factory=dict)
    others: Mapping[str, Workload] = field(default_factory=dict)


def workloads_of(bench: Bench, size: Size, sources: Sources | None = None) -> tuple[Workload, ...]:
    """In the order of the lab file; the default ones where it names none.

    Raises UsageError `workload.unknown`, `workload.name-taken`, `workload.twice`,
    `workload.bad-job-file`.
    """
    sources = sources or Sources()
    own = {each.name: each for each in custom(bench.own, taken=builtin.names())}
    entries = bench.workloads or tuple(map(Choice, builtin.DEFAULTS))
    often = Counter(entry.name for entry in entries)
    found: list[Workload] = []
    for entry in entries:
        if isinstance(entry, BenchWorkload):
            found.append(own[entry.name])
            continue
        workload = _made(entry, size, sources)
        label = _label(entry) if often[entry.name] > 1 else ""
        found.append(Labelled(workload, label) if label else workload)
    _refuse_twice(found)
    return tuple(found)


def job_files_of(choices: Iterable[Choice]) -> tuple[str, ...]:
    """The job files that the choices name, each once."""
    paths = (choice.options.given().get("jobfile") for choice in choices)
    return tuple(dict.fromkeys(path for path in paths if path is not None))


def _made(choice: Choice, size: Size, sources: Sources) -> Workload:
    (base,) = builtin.selected(
        (choice.name,), size, unixbench=sources.unixbench, others=sources.others
    )
    given = choice.options.given()
    if path := given.pop("jobfile", None):
        given["job"] = read_job_file(sources.job_files[path], path)
    return _with(base, given)


def _with(workload: Any, given: Mapping[str, Any]) -> Workload:
    """Its class has a field for each option; a test holds both to that."""
    made: Workload = replace(workload, **given) if given else workload
    return made


def _label(choice: Choice) -> str:
    """What tells it from others of its name; fio's `rw` is the name of its case anyway."""
    without = {key: value for key, value in choice.options.given().items() if key != "rw"}
    label = Choice(choice.name, type(choice.options).model_construct(**without)).label
    if len(label) <= _LONGEST:
        return label
    return f"{label[:_LONGEST]}… {hashlib.sha256(label.encode()).hexdigest()[:8]}"


def _refuse_twice(workloads: Sequence[Workload]) -> None:
    """Equal cases would become one series."""
    seen: set[tuple[str, str]] = set()
    for workload in workloads:
        for case in workload.cases(vcpus=2, queue_cpus=1):
            if (case.workload, case.case) in seen:
                raise UsageError(
                    "workload.twice",
                    f"{case.workload} {case.case} is there twice",
                    hint="leave one out, or give them different options",
                )
            seen.add((case.workload, case.case))
