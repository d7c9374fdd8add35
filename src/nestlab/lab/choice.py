"""The workloads that words on a command line and a lab file ask for."""

from collections.abc import Sequence
from pathlib import Path

from nestlab.errors import UsageError
from nestlab.home import Home
from nestlab.lab.unixbench import unixbench_tree
from nestlab.spec.bench import Bench
from nestlab.workload import builtin
from nestlab.workload.builtin import Size
from nestlab.workload.custom import custom
from nestlab.workload.installed import installed
from nestlab.workload.protocol import Workload


async def choose(
    words: Sequence[str], bench: Bench, size: Size, archive: Path | None, home: Home
) -> tuple[Workload, ...]:
    """Those that were named, else those of the lab file, else the default ones.

    archive  a tar of UnixBench, instead of a download; only UnixBench needs its source

    Raises UsageError `workload.unknown`, `workload.not-loaded`, `bench.options`, and what
    `unixbench_tree` raises.
    """
    own = {each.name: each for each in custom(bench.own, taken=builtin.names())}
    chosen = tuple(words) or _of_file(bench) or builtin.DEFAULTS
    others = {**installed([name for name in chosen if name not in builtin.names()]), **own}
    rest = [name for name in chosen if name != builtin.UNIXBENCH]
    builtin.selected(rest, size, others=others)  # before anything is downloaded
    tree = None
    if builtin.UNIXBENCH in chosen:
        tree = await unixbench_tree(archive, home)
    elif archive is not None:
        raise UsageError(
            "bench.options",
            "--archive is the source of UnixBench, which is not to be measured",
            hint="name that one too: --workload unixbench",
        )
    return builtin.selected(chosen, size, unixbench=tree, others=others)


def _of_file(bench: Bench) -> tuple[str, ...]:
    """The names of a lab file's workloads, its own and those that nestlab has."""
    return tuple(
        name
        for each in bench.workloads
        for name in (each if isinstance(each, dict) else (each.name,))
    )
