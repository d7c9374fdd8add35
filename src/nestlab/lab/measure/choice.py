"""The workloads that words on a command line and a lab file ask for."""

from collections.abc import Sequence
from pathlib import Path

from nestlab.errors import UsageError
from nestlab.home import Home
from nestlab.lab.measure.sources import sources_of
from nestlab.spec.bench import Bench
from nestlab.spec.choice import parse_choice
from nestlab.workload import builtin
from nestlab.workload.builtin import Size
from nestlab.workload.chosen import workloads_of
from nestlab.workload.protocol import Workload


async def choose(
    words: Sequence[str],
    bench: Bench,
    size: Size,
    archive: Path | None,
    home: Home,
    *,
    folder: Path,
) -> tuple[Workload, ...]:
    """Those that were named, else those of the lab file, else the default ones.

    words    as `parse_choice` reads them, or the name of a workload of the lab file's own
    archive  a tar of UnixBench, instead of a download; only UnixBench needs its source
    folder   what the paths of job files start from

    Raises UsageError `bench.options`, and what `parse_choice`, `sources_of` and `workloads_of`
    raise.
    """
    wanted = _named(words, bench) if words else bench
    if archive is not None and builtin.UNIXBENCH not in {each.name for each in wanted.chosen}:
        raise UsageError(
            "bench.options",
            "--archive is the source of UnixBench, which is not to be measured",
            hint="name that one too: --workload unixbench",
        )
    sources = await sources_of(wanted, home, folder=folder, unixbench=archive)
    return workloads_of(wanted, size, sources)


def _named(words: Sequence[str], bench: Bench) -> Bench:
    own = {each.name: each for each in bench.own}
    chosen = tuple(own.get(word) or parse_choice(word) for word in dict.fromkeys(words))
    return bench.model_copy(update={"workloads": chosen})
