"""Which statistic of a distribution a metric is, by its name."""

import re
from dataclasses import dataclass

_QUANTILE = re.compile(r"(?:^|_)p(\d{1,2})(?:[._]?(\d{1,4}))?$", re.ASCII)
_PLAIN = {"mean": "mean", "min": "minimum", "max": "maximum"}
_PLACES = {"minimum": 0.0, "maximum": 100.0, "mean": -1.0}


@dataclass(frozen=True, order=True)
class Statistic:
    """A quantile in percent, 0 and 100 for the ends; -1 is the mean, which has no place."""

    place: float
    name: str


def statistic(metric: str) -> Statistic | None:
    """`p99`, `latency_p99`, `clat_p99_9`, `p999` (which is 99.9), `latency_mean`; else None."""
    if match := _QUANTILE.search(metric):
        whole, rest = match[1], match[2]
        text = f"{whole}.{rest}" if rest and rest.strip("0") else whole
        return Statistic(float(text), f"p{text}")
    word = _PLAIN.get(metric.rpartition("_")[2])
    return Statistic(_PLACES[word], word) if word else None
