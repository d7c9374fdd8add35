"""Whether a 95 % interval covers 95 %: simulated runs whose truth is known.

    .venv/bin/python benchmarks/coverage.py [RUNS] [--bootstrap RUNS]

For each kind of noise and number of samples it prints in percent

    median  how often the interval of the median holds the true one
    rounds  how often that of a loss holds the true one, of samples of the same rounds (`report`)
    apart   the same of samples that were not taken together (`compare`)
    A/A     how often equal machines come out as different
    A/B     how often a real loss of so much comes out as a loss

`--bootstrap` is SciPy's BCa with 2000 resamples, many runs at a time: of the ratio of two medians,
which `compare` has, and of the median, which `report` had before (ADR 22). It takes about 30 times
as long. The seeds are fixed, so the same command prints the same.
"""

import argparse
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from nestlab.analysis.interval import UNKNOWN, median_interval
from nestlab.analysis.loss import loss_in_rounds
from nestlab.analysis.ranks import Values

SIZES = (5, 10, 20, 40)
EFFECTS = (0.0, 0.05, 0.2)
RESAMPLES = 2000
BATCH = 50
"""Runs whose resamples are in memory at the same time."""

Shape = tuple[int, int]
Draw = np.random.Generator


@dataclass(frozen=True)
class Noise:
    """How samples scatter around a true value of 1.

    factors  so many runs of so many samples
    median   of the distribution
    drift    by how much the level changes from the first to the last round, on both sides alike
    wider    how many times as far the child's samples are from their median as the parent's, in
             logarithms
    """

    factors: Callable[[Draw, Shape], Values]
    median: float = 1.0
    drift: float = 0.0
    wider: float = 1.0

    def sides(self, draw: Draw, shape: Shape, loss: float) -> tuple[Values, Values]:
        """Samples of a parent and of a child that really loses so much; rates, above 0."""
        parent, child = (self.factors(draw, shape) / self.median for _ in range(2))
        level = 1 + self.drift * (np.arange(shape[1]) / (shape[1] - 1) - 0.5)
        return parent * level, (1 - loss) * child**self.wider * level


def _normal(draw: Draw, shape: Shape) -> Values:
    return 1 + 0.05 * draw.standard_normal(shape)


def _skewed(draw: Draw, shape: Shape) -> Values:
    return np.exp(0.3 * draw.standard_normal(shape))


def _one_sided(draw: Draw, shape: Shape) -> Values:
    return 1 + 0.2 * draw.exponential(size=shape)


def _heavy(draw: Draw, shape: Shape) -> Values:
    return np.exp(0.05 * draw.standard_t(2.5, size=shape))


def _bimodal(draw: Draw, shape: Shape) -> Values:
    mode = np.where(draw.random(shape) < 0.3, 0.8, 1.0)
    return mode * (1 + 0.02 * draw.standard_normal(shape))


def _middle(factors: Callable[[Draw, Shape], Values]) -> float:
    return float(np.median(factors(np.random.default_rng(0), (1, 4_000_000))))


NOISES: Mapping[str, Noise] = {
    "normal": Noise(_normal),
    "lognormal": Noise(_skewed),
    "exponential": Noise(_one_sided, 1 + 0.2 * float(np.log(2))),
    "heavy-tailed": Noise(_heavy),
    "bimodal": Noise(_bimodal, _middle(_bimodal)),
    "drifting": Noise(_normal, drift=0.2),
    "normal, child wider": Noise(_normal, wider=2),
    "lognormal, child wider": Noise(_skewed, wider=2),
    "exponential, child wider": Noise(_one_sided, 1 + 0.2 * float(np.log(2)), wider=2),
    "drifting, child wider": Noise(_normal, drift=0.2, wider=2),
}


@dataclass(frozen=True)
class Bounds:
    """The intervals of many runs."""

    low: Values
    high: Values

    def cover(self, truth: float) -> float:
        """The part of them that holds the truth, but for a float's grain."""
        grain = 1e-12
        return float(np.mean((self.low <= truth + grain) & (truth - grain <= self.high)))

    def above_0(self) -> float:
        """The part of them that says that there is a loss."""
        return float(np.mean(self.low > 0))


Judge = Callable[[Values, Values], dict[str, Bounds]]


def ranked(parent: Values, child: Values) -> dict[str, Bounds]:
    """By nestlab's own functions: what a report has of rounds that interleave."""
    lost = (loss_in_rounds(*sides, "higher") for sides in zip(parent, child, strict=True))
    found = {
        "median": [median_interval(above) for above in parent],
        "rounds": [(each.low, each.high) if each else UNKNOWN for each in lost],
    }
    return {title: Bounds(*np.array(ends, dtype=np.float64).T) for title, ends in found.items()}


def bootstrapped(parent: Values, child: Values) -> dict[str, Bounds]:
    """By SciPy's BCa; the percentile interval where values repeat so that BCa has no answer."""
    return {
        "median": _bootstrap((parent,), np.median),
        "apart": _bootstrap((parent, child), _loss_of_medians),
    }


def _loss_of_medians(parent: Values, child: Values, axis: int = -1) -> Any:
    return 1 - np.median(child, axis=axis) / np.median(parent, axis=axis)


def _bootstrap(groups: tuple[Values, ...], figure: Callable[..., Any]) -> Bounds:
    from scipy import stats  # noqa: PLC0415  (it takes a second, and only this needs it)

    low, high, draw = [], [], np.random.default_rng(1)
    for start in range(0, len(groups[0]), BATCH):
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            done = stats.bootstrap(
                tuple(group[start : start + BATCH] for group in groups),
                figure, axis=-1, vectorized=True, method="BCa", n_resamples=RESAMPLES, rng=draw,
            )  # fmt: skip
        ends = np.quantile(done.bootstrap_distribution, (0.025, 0.975), axis=-1)
        known = np.isfinite(done.confidence_interval.low) & np.isfinite(
            done.confidence_interval.high
        )
        low.append(np.where(known, done.confidence_interval.low, ends[0]))
        high.append(np.where(known, done.confidence_interval.high, ends[1]))
    return Bounds(np.concatenate(low), np.concatenate(high))


def measure(name: str, n: int, runs: int, judge: Judge = ranked) -> Iterator[tuple[str, float]]:
    """Each figure of one line of the table with its title, as a fraction."""
    for effect in EFFECTS:
        draw = np.random.default_rng([*name.encode(), n, round(effect * 100)])
        found = judge(*NOISES[name].sides(draw, (runs, n), effect))
        middle = found.pop("median")
        if effect == 0:
            yield "median", middle.cover(1.0)
        for title, bounds in found.items():
            if effect == 0:
                yield title, bounds.cover(0.0)
                yield f"A/A {title}", 1 - bounds.cover(0.0)
            else:
                yield f"{title} at {effect:.0%}", bounds.cover(effect)
                yield f"A/B {effect:.0%} {title}", bounds.above_0()


def show(runs: int, judge: Judge) -> None:
    """Print the table, a line for each kind of noise and number of samples."""
    started, head = time.monotonic(), False
    for name in NOISES:
        for n in SIZES:
            line = dict(measure(name, n, runs, judge))
            if not head:
                print("noise                     n  " + "  ".join(line))
                head = True
            cells = (f"{value * 100:{len(title)}.1f}" for title, value in line.items())
            print(f"{name:24} {n:2}  " + "  ".join(cells), flush=True)
    print(f"{runs} runs for each number, {time.monotonic() - started:.0f} s\n")


def main() -> None:
    """Print one table, or two."""
    words = argparse.ArgumentParser(description="Coverage of nestlab's intervals.")
    words.add_argument("runs", nargs="?", type=int, default=10_000)
    words.add_argument("--bootstrap", type=int, default=0, metavar="RUNS")
    chosen = words.parse_args()
    show(chosen.runs, ranked)
    if chosen.bootstrap:
        print("SciPy's BCa bootstrap:")
        show(chosen.bootstrap, bootstrapped)


if __name__ == "__main__":
    main()
