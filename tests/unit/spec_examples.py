"""Lab files that are written by machine: valid ones of every kind, as YAML of another program."""

from typing import Any

import yaml
from hypothesis import strategies as st

from nestlab.errors import UsageError
from nestlab.spec.load import parse
from nestlab.spec.models import LabSpec

NETWORKS = ("lan", "storage")
NAMES = st.from_regex(r"[a-z]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True).filter(lambda n: n != "l0")
SIZES = st.one_of(
    st.integers(64, 10**6).map(lambda size: f"{size}MiB"),
    st.integers(1, 4096).map(lambda size: f"{size} gib"),
    st.integers(10**8, 10**12).map(lambda size: f"{size}B"),
    st.sampled_from(("1.5GiB", "10GB", "1T")),
)
WORDS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
COMMANDS = st.one_of(
    WORDS.filter(str.strip), st.tuples(WORDS.filter(str.strip), WORDS, WORDS).map(list)
)
PATHS = st.from_regex(r"/[A-Za-z0-9_ ,;'é-]{1,20}", fullmatch=True)
SETTINGS: dict[str, st.SearchStrategy[Any]] = {
    "image": st.sampled_from(("debian-12", "rocky_9.4")),
    "hypervisor": st.just("qemu"),
    "accel": st.sampled_from(("auto", "kvm", "tcg")),
    "vcpus": st.integers(1, 512),
    "memory": SIZES,
    "disk": SIZES,
    "disks": st.lists(st.fixed_dictionaries({"size": SIZES}), max_size=2),
    "devices": st.lists(PATHS, max_size=2),
    "cpu": st.sampled_from((None, "host", "max,svm=on")),
    "kernel": st.lists(st.sampled_from(("quiet", "a=b", 'dyndbg="file a +p"')), max_size=2),
    "files": st.lists(
        st.fixed_dictionaries(
            {"source": st.just("../key"), "target": PATHS},
            optional={"mode": st.integers(0, 0o7777).map(lambda mode: f"{mode:04o}")},
        ),
        max_size=2,
    ),
    "packages": st.lists(st.sampled_from(("qemu-system-x86", "g++")), max_size=2),
    "run": st.lists(COMMANDS, max_size=2),
    "networks": st.lists(st.sampled_from(NETWORKS), unique=True),
    "profile": st.just("tuned-1"),
}
METRICS = st.sampled_from(({"regex": r"^score: ([\d.]+)$"}, {"json": "jobs.0.iops"}))
OWN = st.fixed_dictionaries(
    {
        "name": NAMES,
        "command": st.tuples(WORDS.filter(str.strip), WORDS).map(list),
        "metric": METRICS,
        "unit": st.sampled_from(("s", "MB/s", "bogo ops/s")),
        "better": st.sampled_from(("higher", "lower")),
    },
    optional={"seconds": st.integers(1, 86400)},
)
COUNTS = st.integers(1, 64) | st.just("vcpus")
EXTRA = st.dictionaries(
    st.sampled_from(("ramp_time", "thinktime", "rwmixread", "fsync", "norandommap")),
    st.integers(0, 90) | st.booleans() | st.sampled_from(("4k", "10%")),
    max_size=3,
)
FIO = st.fixed_dictionaries(
    {},
    optional={
        "rw": st.sampled_from(("read", "randread", "randwrite", "randrw")),
        "bs": st.sampled_from(("4k", "512B", "1MiB", "64KiB")),
        "size": st.sampled_from(("1MiB", "10GB", "1.5GiB")),
        "runtime": st.integers(1, 86400),
        "iodepth": st.integers(1, 65536),
        "numjobs": COUNTS,
        "ioengine": st.sampled_from(("libaio", "io_uring", "psync")),
        "direct": st.booleans(),
        "options": EXTRA,
        "device": st.sampled_from(("file", "volumes", "dev0")),
    },
)
_FEW = {
    "copies": COUNTS | st.lists(COUNTS, min_size=1, max_size=3),
    "iterations": st.integers(0, 9),
}
CHOSEN: st.SearchStrategy[Any] = st.one_of(
    FIO.map(lambda options: {"fio": options}),
    st.just({"fio": {"jobfile": "my jobs/a.fio", "size": "2GiB"}}),
    st.fixed_dictionaries({}, optional=_FEW).map(lambda options: {"unixbench": options}),
    NAMES.filter(lambda name: name != "command").map(lambda name: {name: {}}),
)
BENCH: dict[str, st.SearchStrategy[Any]] = {
    "rounds": st.integers(1, 1000),
    "workloads": st.lists(OWN | CHOSEN, max_size=3),
}


def _guests(children: st.SearchStrategy[Any] | None) -> st.SearchStrategy[Any]:
    optional = {**SETTINGS, "count": st.integers(1, 3)}
    if children is not None:
        optional["guests"] = children
    guest = st.fixed_dictionaries({"name": NAMES}, optional=optional)
    # one name that begins with another could meet it once they are counted
    return st.lists(guest, min_size=1, max_size=2, unique_by=lambda each: each["name"][0])


LABS = st.fixed_dictionaries(
    {
        "name": NAMES,
        "guests": _guests(_guests(None)),
        "networks": st.just({"lan": {"subnet": "10.1.2.0/24"}, "storage": {"ipv6": False}}),
    },
    optional={
        "defaults": st.fixed_dictionaries({}, optional=SETTINGS),
        "bench": st.fixed_dictionaries({}, optional=BENCH),
    },
)


def text_of(data: Any) -> str:
    """YAML as PyYAML writes it."""
    return yaml.safe_dump(data, allow_unicode=True, sort_keys=False)


def dump(lab: LabSpec) -> str:
    return text_of(lab.model_dump(mode="json", exclude_unset=True))


def problem(text: str) -> UsageError:
    """What is wrong with a text."""
    try:
        parse(text)
    except UsageError as error:
        return error
    raise AssertionError("nothing is wrong")
