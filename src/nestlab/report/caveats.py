"""What makes a comparison doubtful, found in the result file."""

from collections.abc import Iterable, Iterator

from nestlab.analysis.samples import counted
from nestlab.report.clocks import clock_caveats
from nestlab.report.disturbances import disturbance_caveats
from nestlab.report.doubts import sample_caveats
from nestlab.report.lineage import emulated
from nestlab.report.models import Caveat
from nestlab.result.models import MachineRecord, Result
from nestlab.result.names import CLOCKSOURCE, ENVELOPE_CPUS, ENVELOPE_WHY

SHORT_RUN = 1.0
"""Seconds below which a rate is mostly start-up; fio counts whole milliseconds besides."""


def caveats(result: Result) -> tuple[Caveat, ...]:
    """Every warning on the figures of a result, the gravest first."""
    return (
        *_emulated(result),
        *clock_caveats(result),
        *_clocksource(result),
        *_envelope(result),
        *disturbance_caveats(result),
        *_params(result),
        *_tool_versions(result),
        *_short_runs(result),
        *_single_samples(result),
        *sample_caveats(result),
        *(Caveat(code="noted", where=(), text=text) for text in result.warnings),
    )


def _emulated(result: Result) -> Iterator[Caveat]:
    paths = tuple(m.path for m in result.machines if emulated(result, m))
    if paths:
        text = (
            f"{', '.join(paths)}: the hardware is emulated in software; the mechanisms are real, "
            "the timings and the losses are those of emulation"
        )
        yield Caveat(code="emulated", where=paths, text=text)


def _clocksource(result: Result) -> Iterator[Caveat]:
    machines = _measured(result)
    known = _conditions(machines, CLOCKSOURCE)
    if len(set(known.values())) > 1:
        text = f"the clocksource differs: {_told(known)}; a benchmark that reads it is distorted"
        yield Caveat(code="clocksource-differs", where=tuple(known), text=text)
    unknown = tuple(m.path for m in machines if m.path not in known)
    if unknown:
        text = f"the clocksource of {', '.join(unknown)} is not known"
        yield Caveat(code="clocksource-unknown", where=unknown, text=text)


def _envelope(result: Result) -> Iterator[Caveat]:
    machines = _measured(result)
    cpus = _conditions(machines, ENVELOPE_CPUS)
    if len(set(cpus.values())) > 1:
        text = (
            f"envelope: unequal: the machines were given different numbers of CPUs: {_told(cpus)}"
        )
        yield Caveat(code="envelope-unequal", where=tuple(cpus), text=text)
    for path, why in _conditions(machines, ENVELOPE_WHY).items():
        text = f"envelope: unequal: {path} is not bounded as the others are, since {why}"
        yield Caveat(code="envelope-unequal", where=(path,), text=text)


def _params(result: Result) -> Iterator[Caveat]:
    """Cases whose parameters are not the same on every machine."""
    said: dict[tuple[str, str], dict[str, dict[str, object]]] = {}
    for series in result.series:
        machines = said.setdefault((series.workload, series.case), {})
        machines[series.machine] = dict(series.params)
    for (workload, case), machines in said.items():
        names = sorted({name for params in machines.values() for name in params})
        for name in names:
            values = {path: params.get(name) for path, params in machines.items()}
            if len(set(values.values())) > 1:
                text = f"{workload} {case} was not the same work: {name} is {_told(values)}"
                yield Caveat(code="params-differ", where=tuple(values), text=text)


def _tool_versions(result: Result) -> Iterator[Caveat]:
    said: dict[str, dict[str, object]] = {}
    for series in result.series:
        if series.tool_version is not None:
            said.setdefault(series.workload, {})[series.machine] = series.tool_version
    for workload, versions in said.items():
        if len(set(versions.values())) > 1:
            text = f"{workload} is not the same program everywhere: {_told(versions)}"
            yield Caveat(code="tool-differs", where=tuple(versions), text=text)


def _short_runs(result: Result) -> Iterator[Caveat]:
    """Runs that ended early, as fio does when a fast disk has seen the whole file."""
    short = dict.fromkeys(
        (series.machine, f"{series.workload} {series.case}")
        for series in result.series
        for sample in series.samples
        if not sample.warm_up
        and sample.elapsed_tool is not None
        and sample.elapsed_tool < SHORT_RUN
    )
    if short:
        told = ", ".join(f"{case} on {path}" for path, case in short)
        text = f"less than {SHORT_RUN:.0f} s of work, too short to quote: {told}"
        where = tuple(dict.fromkeys(path for path, _ in short))
        yield Caveat(code="short-run", where=where, text=text)


def _single_samples(result: Result) -> Iterator[Caveat]:
    ok = [series for series in result.series if series.status == "ok"]
    single = [series for series in ok if len(counted(series)) == 1]
    if single:
        text = (
            f"{len(single)} of {len(ok)} figures rest on one sample each: their spread is not "
            "known, and a difference may be noise"
        )
        where = tuple(dict.fromkeys(series.machine for series in single))
        yield Caveat(code="single-sample", where=where, text=text)


def _measured(result: Result) -> list[MachineRecord]:
    paths = {series.machine for series in result.series}
    return [machine for machine in result.machines if machine.path in paths]


def _conditions(machines: Iterable[MachineRecord], name: str) -> dict[str, object]:
    return {m.path: m.facts.conditions[name] for m in machines if name in m.facts.conditions}


def _told(values: dict[str, object]) -> str:
    return ", ".join(
        f"{'absent' if value is None else value} on {path}" for path, value in values.items()
    )
