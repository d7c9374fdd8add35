"""Two results, figure by figure: what changed from a to b, and whether chance explains it."""

from nestlab.analysis.interval import median, median_interval
from nestlab.analysis.loss import chance, loss_between
from nestlab.analysis.models import Change, Loss, Side, Verdict
from nestlab.analysis.samples import seed_of, values_of
from nestlab.analysis.steps import step_loss
from nestlab.result.models import Result, Series, SeriesKey

Measured = dict[SeriesKey, Series]


def changes(a: Result, b: Result) -> tuple[Change, ...]:
    """Every figure that one of the results has: case by case, metric by metric, host first."""
    of_a, of_b = _by_key(a), _by_key(b)
    keys = dict.fromkeys((*of_a, *of_b))
    cases = {case: place for place, case in enumerate(dict.fromkeys(map(_case, keys)))}
    metrics = {name: place for place, name in enumerate(dict.fromkeys(k.metric for k in keys))}
    found = [_change(key, a, b, of_a, of_b) for key in keys]
    return tuple(
        sorted(
            found,
            key=lambda each: (
                cases[each.workload, each.case],
                metrics[each.metric],
                each.level,
                each.machine,
            ),
        )
    )


def _case(key: SeriesKey) -> tuple[str, str]:
    return (key.workload, key.case)


def _by_key(result: Result) -> Measured:
    return {series.key: series for series in result.series}


def _change(key: SeriesKey, a: Result, b: Result, of_a: Measured, of_b: Measured) -> Change:
    one, other = of_a.get(key), of_b.get(key)
    series, owner = (of_a[key], a) if key in of_a else (of_b[key], b)
    machine = owner.machine(series.machine)
    reason = _obstacle(one, other)
    loss, p = None, None
    if reason is None and one is not None and other is not None:
        seed = f"{seed_of(a, one)}/{b.run.order_seed}"
        before, after = values_of(one), values_of(other)
        loss = loss_between(before, after, one.better, seed=seed)
        p = chance(before, after, seed=seed)
        if loss is None:
            reason = "a median or a sample is not above 0"
    return Change(
        workload=series.workload,
        case=series.case,
        metric=series.metric,
        unit=series.unit,
        better=series.better,
        machine=machine.path,
        level=machine.level,
        parent=machine.parent,
        a=_side(a, one, of_a) if one else None,
        b=_side(b, other, of_b) if other else None,
        loss=loss,
        p=p,
        verdict=_verdict(loss),
        reason=reason,
    )


def _obstacle(a: Series | None, b: Series | None) -> str | None:
    """Why the two cannot be compared at all."""
    for name, series in (("A", a), ("B", b)):
        if series is None:
            return f"not in {name}"
        if series.status != "ok":
            return f"{series.status} in {name}: {series.reason}"
    if a and b and (a.unit, a.better) != (b.unit, b.better):
        return f"{a.unit} in A, {b.unit} in B, of which {a.better} and {b.better} is better"
    return None


def _side(result: Result, series: Series, measured: Measured) -> Side:
    values = values_of(series)
    low, high = median_interval(values)
    above = result.machine(series.machine).parent
    parent = measured.get(series.key._replace(machine=above)) if above else None
    return Side(
        median=median(values) if len(values) else None,
        low=low,
        high=high,
        n=len(values),
        step_loss=step_loss(parent, series, seed=f"{seed_of(result, series)}/{above}"),
    )


def _verdict(loss: Loss | None) -> Verdict:
    if loss is None:
        return "not-comparable"
    if loss.low is None:
        return "too-few-samples"
    if loss.is_undecided:
        return "no-difference-shown"
    return "worse" if loss.value > 0 else "better"
