"""Have on L0 what workloads need before they can be made: job files, UnixBench, other packages."""

from pathlib import Path

from nestlab.home import Home
from nestlab.lab.measure.unixbench import unixbench_tree
from nestlab.lab.measure.user_file import read_user_file
from nestlab.spec.bench import Bench
from nestlab.workload import builtin
from nestlab.workload.chosen import Sources, job_files_of
from nestlab.workload.fio_job import LARGEST
from nestlab.workload.installed import installed


async def sources_of(bench: Bench, home: Home, *, folder: Path, unixbench: Path | None) -> Sources:
    """Everything that `workloads_of` will need for these workloads.

    folder     what the paths of job files start from: that of the lab file
    unixbench  a tar of its upstream tree, for people without a network

    Nothing is downloaded before the rest is known to be there. Raises UsageError
    `workload.unknown`, `workload.not-loaded`, `workload.bad-job-file`, and what `unixbench_tree`
    raises.
    """
    names = [choice.name for choice in bench.chosen]
    others = installed([name for name in names if name not in builtin.names()])
    builtin.selected([name for name in names if name != builtin.UNIXBENCH], "full", others=others)
    files = {path: _read(folder / path) for path in job_files_of(bench.chosen)}
    tree = await unixbench_tree(unixbench, home) if builtin.UNIXBENCH in names else None
    return Sources(unixbench=tree, job_files=files, others=others)


def _read(path: Path) -> bytes:
    return read_user_file(
        path,
        LARGEST,
        code="workload.bad-job-file",
        hint="a path is relative to the folder of the lab file, or to the current one",
    )
