"""How to measure the same again: the command, what was random, versions, parameters."""

from collections.abc import Iterator

from nestlab.report.html.exhibit import Cell, Line, Table
from nestlab.report.text import shown
from nestlab.result.models import Result


def reproduction(result: Result) -> tuple[Table, ...]:
    """The run, and the work of each case."""
    run = Table(
        caption="The run",
        head=("what", "value"),
        lines=tuple(Line(what, (Cell(shown(value)),)) for what, value in _run(result)),
    )
    work = Table(
        caption="Cases with their tools and parameters",
        head=("case", "tool", "parameters"),
        lines=tuple(_cases(result)),
    )
    return (run, work) if work.lines else (run,)


def _run(result: Result) -> Iterator[tuple[str, str]]:
    run = result.run
    yield "run", run.id
    yield "started", run.started.isoformat(timespec="seconds")
    if run.ended:
        yield "ended", run.ended.isoformat(timespec="seconds")
    yield "nestlab", run.nestlab_version
    yield "seed of the order", str(run.order_seed)
    yield "sha256 of the lab file", run.lab_sha256 or "there was no lab file"
    for machine in result.machines:
        for key in ("kernel", "qemu_version"):
            known = {**machine.facts.identity, **machine.facts.conditions}
            if key in known:
                name = "QEMU" if key == "qemu_version" else key
                yield f"{name} of {shown(machine.path, 80)}", str(known[key])


def _cases(result: Result) -> Iterator[Line]:
    cases: dict[tuple[str, str], tuple[dict[str, None], dict[str, None]]] = {}
    for series in result.series:
        tools, params = cases.setdefault((series.workload, series.case), ({}, {}))
        if series.tool_version:
            tools[series.tool_version] = None
        params[", ".join(f"{name}={value}" for name, value in series.params.items())] = None
    for (workload, case), (tools, params) in cases.items():
        yield Line(
            f"{shown(workload, 80)} {shown(case, 80)}",
            (Cell(shown("; ".join(tools))), Cell(shown("; ".join(params)))),
        )
