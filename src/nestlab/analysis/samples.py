"""The values of a series as an array."""

from collections.abc import Mapping

import numpy as np

from nestlab.analysis.ranks import Values
from nestlab.result.models import Result, Sample, Series


def values_of(series: Series) -> Values:
    """The samples that count, of a series that went well; what a failed one left is no figure."""
    return np.array([sample.value for sample in counted(series)], dtype=np.float64)


def counted(series: Series) -> tuple[Sample, ...]:
    """All samples of a series that went well but those of the warm-up."""
    if series.status != "ok":
        return ()
    return tuple(sample for sample in series.samples if not sample.warm_up)


def in_order(series: Series) -> Values:
    """The same in the order in which they were measured."""
    order = np.array([sample.order for sample in counted(series)], dtype=np.float64)
    values = values_of(series)
    return values[np.argsort(order, kind="stable")] if len(values) else values


def by_round(series: Series) -> Mapping[int, float]:
    """The same by their rounds; empty where a round has more than one, which is then none's."""
    samples = counted(series)
    found = {sample.round: sample.value for sample in samples}
    return found if len(found) == len(samples) else {}


def seed_of(result: Result, series: Series) -> str:
    """The seed of a series' resampling: its own, so that other series in the file do not count."""
    return "/".join((str(result.run.order_seed), *series.key))
