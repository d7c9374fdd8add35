"""UnixBench: what is run, its report, and the tree it comes from."""

import gzip
import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from nestlab.errors import StoredDataError, UsageError, WorkloadError
from nestlab.workload import unixbench_source as source
from nestlab.workload.protocol import Case, Envelope
from nestlab.workload.unixbench import SHORT, UnixBench
from nestlab.workload.unixbench_text import PARTS

GOLDEN = Path(__file__).parents[1] / "golden" / "unixbench"
WHOLE = UnixBench(b"tree", iterations=1)
QUICK = UnixBench(b"tree", iterations=1, tests=SHORT)
ONE, MANY = WHOLE.cases(vcpus=24, queue_cpus=1)
_, TWO = WHOLE.cases(vcpus=2, queue_cpus=1)
_, SHORT_TWO = QUICK.cases(vcpus=2, queue_cpus=1)
ENVELOPE = Envelope((0, 1), "/var/lib/lab")


def golden(name: str) -> str:
    return (GOLDEN / f"{name}.txt").read_text()


def test_cases_say_which_parts_they_have() -> None:
    assert [case.case for case in (ONE, MANY)] == ["copies-1", "copies-24"]
    assert [case.case for case in QUICK.cases(vcpus=2, queue_cpus=1)] == ["short-1", "short-2"]
    assert [case.case for case in WHOLE.cases(vcpus=1, queue_cpus=1)] == ["copies-1"]
    assert WHOLE.metrics[0].metric == "index"
    assert [metric.metric for metric in WHOLE.metrics[1:]] == list(PARTS)
    assert [metric.metric for metric in QUICK.metrics] == list(SHORT)  # and no index
    other = UnixBench(b"another tree", iterations=1).cases(vcpus=1, queue_cpus=1)[0]
    assert other.params != ONE.params  # another source does not compare


def test_the_tree_is_put_built_and_run_in_its_folder() -> None:
    command = WHOLE.command(MANY, ENVELOPE)
    folder = "/var/lib/lab/unixbench"
    assert [(file.path, file.data) for file in command.files] == [
        (f"{folder}/unixbench.tar", b"tree")
    ]
    assert [argv[0] for argv in command.prepare] == ["tar", "sed", "make"]
    assert command.argv[:5] == ("taskset", "-c", "0,1", "sh", "-c")
    assert command.argv[6:] == (folder, "-c", "24", "-i", "1")
    assert command.cleanup == (("rm", "-rf", "--", folder),)
    assert QUICK.command(SHORT_TWO, ENVELOPE).argv[6:] == (folder, "-c", "2", "-i", "1", *SHORT)
    full = UnixBench(b"tree")
    argv = full.command(full.cases(vcpus=1, queue_cpus=1)[0], ENVELOPE).argv
    assert argv[6:] == (folder, "-c", "1")  # as the document has it


@pytest.mark.parametrize(
    ("workload", "case", "index"),
    [(WHOLE, ONE, True), (WHOLE, TWO, True), (WHOLE, MANY, True), (QUICK, SHORT_TWO, False)],
    ids=["one copy", "two copies", "more copies than 16", "short"],
)
def test_reads_a_report(workload: UnixBench, case: Case, index: bool) -> None:
    """Of real runs; the 24 copies had two CPUs."""
    parsed = workload.parse(case, golden(case.case).encode())
    declared = [(m.metric, m.unit, m.better) for m in workload.metrics]
    assert [(f.metric, f.unit, f.better) for f in parsed.figures] == declared
    values = {figure.metric: figure.value for figure in parsed.figures}
    assert ("index" in values) == index
    for name, part in PARTS.items():
        assert (name in values) == (index or name in SHORT)
        if name in values:
            assert f"{values[name]:8.1f}\n" in golden(case.case)
            assert part.title in golden(case.case)
    if index:
        assert f"{values['index']:8.1f}\n" in golden(case.case)
    assert parsed.tool_version == "UnixBench 5.1.3"


@pytest.mark.parametrize(
    ("name", "workload", "case", "said"),
    [
        ("copies-1-truncated", WHOLE, ONE, "this line is unknown: 'Pipe Throughput     '"),
        ("copies-24-number-as-text", WHOLE, MANY, "many lps"),
        ("short-2-section-twice", QUICK, SHORT_TWO, "this line is unknown: '-----"),
    ],
)
def test_a_damaged_copy_is_refused(name: str, workload: UnixBench, case: Case, said: str) -> None:
    with pytest.raises(WorkloadError, match=said) as caught:
        workload.parse(case, golden(name).encode())
    assert caught.value.code == "workload.unreadable-output"


def test_a_run_with_all_its_passes_keeps_two_thirds_of_them() -> None:
    text = golden("copies-1")
    for part in PARTS.values():
        kept = part.passes - part.passes // 3
        (line,) = [
            line for line in text.splitlines() if line.startswith(part.title) and "(" in line[58:]
        ]
        text = text.replace(line, line.replace("1 samples", f"{kept} samples"))
    full = UnixBench(b"tree")
    (case,) = full.cases(vcpus=1, queue_cpus=1)
    assert len(full.parse(case, text.encode()).figures) == 13
    with pytest.raises(WorkloadError, match="1 samples of 10 passes"):
        full.parse(case, golden("copies-1").encode())


def test_a_partial_index_is_never_an_index() -> None:
    with pytest.raises(WorkloadError, match="is unknown") as caught:
        WHOLE.parse(ONE, golden("short-2").encode())
    assert caught.value.code == "workload.unreadable-output"
    with pytest.raises(WorkloadError, match="not wanted") as caught:
        QUICK.parse(SHORT_TWO, golden("copies-1").encode())
    assert caught.value.code == "workload.unreadable-output"


def test_a_run_that_leaves_everything_out_is_an_error() -> None:
    """What the unchanged `Run` does for more than 16 copies."""
    with pytest.raises(WorkloadError, match="no result of") as caught:
        WHOLE.parse(MANY, golden("left-out-24").encode())
    assert caught.value.code == "workload.unreadable-output"


def test_what_run_says_of_its_failure_is_the_reason() -> None:
    text = golden("copies-1").partition("1 x Execl")[0]
    stars = "*" * 46
    said = f'\n{stars}\nRun: "Execl Throughput": slave write failed; aborting\n{stars}\n'
    with pytest.raises(WorkloadError, match="slave write failed") as caught:
        WHOLE.parse(ONE, (text + said).encode())
    assert caught.value.code == "workload.failed"


Edit = Callable[[str], str]
EDITS: dict[str, Edit] = {
    "empty": lambda _: "",
    "cut off before the report": lambda t: t[: t.index("=" * 72)],
    "cut off in the scores": lambda t: t[: t.index("Pipe Throughput    ")],
    "cut off in the index": lambda t: t[: t.rindex("System Call Overhead")],
    "no total": lambda t: t[: t.rindex("System Benchmarks Index Score")],
    "another version": lambda t: t.replace("(Version 5.1.3)", "(Version 6.0.0)"),
    "a new line": lambda t: t.replace(
        "1 parallel copy of tests\n", "1 parallel copy of tests\nHi\n"
    ),
    "a line at the end": lambda t: t + "No index results available for 3D\n",
    "a test twice": lambda t: t.replace(
        "Pipe-based Context Switching ", "Pipe Throughput              "
    ),
    "other copies": lambda t: t.replace("1 parallel copy", "2 parallel copies"),
    "other samples": lambda t: t.replace("1 samples", "2 samples"),
    "another baseline": lambda t: t.replace(" 12440.0 ", " 12441.0 "),
    "another result": lambda t: t.replace(" 12440.0 ", " 12440.0    9"),
    "a part without index": lambda t: t.replace(" 12440.0 ", "     --- "),
    "partial": lambda t: t.replace("Index Values ", "Partial Index"),
    "partial in the end": lambda t: t.replace(
        "Index Score" + " " * 15, "Index Score (Partial Only)"
    ),
    "a total that is none": lambda t: t.replace("Index Score  ", "Index Score 9"),
    "bytes": lambda t: t.replace("lps", "l\udcffs"),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_output_that_is_not_known_is_an_error(edit: Edit) -> None:
    damaged = edit(golden("copies-1"))
    assert damaged != golden("copies-1")
    with pytest.raises(WorkloadError) as caught:
        WHOLE.parse(ONE, damaged.encode("utf-8", "surrogateescape"))
    assert caught.value.code == "workload.unreadable-output"


RUN = b"#!/usr/bin/perl -w\n#  UnixBench - Release 5.1.3, based on:\n"


def packed(files: dict[str, bytes], *, link: str | None = None) -> bytes:
    into = io.BytesIO()
    with tarfile.open(fileobj=into, mode="w") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(data), 0o755 if name.endswith("Run") else 0o644
            tar.addfile(member, io.BytesIO(data))
        if link:
            member = tarfile.TarInfo(link)
            member.type, member.linkname = tarfile.SYMTYPE, "/etc"
            tar.addfile(member)
    return into.getvalue()


UPSTREAM = {
    "byte-unixbench-5.1.3/README.md": b"readme",
    "byte-unixbench-5.1.3/UnixBench/Run": RUN,
    "byte-unixbench-5.1.3/UnixBench/Makefile": b"all:\n",
    "byte-unixbench-5.1.3/UnixBench/src/pipe.c": b"int main(void) {}\n",
}


def test_only_the_files_beside_run_are_taken() -> None:
    made = source.tree(packed(UPSTREAM, link="byte-unixbench-5.1.3/UnixBench/way-out"), "a.tar")
    with tarfile.open(fileobj=io.BytesIO(made)) as tar:
        found = {member.name: (member.mode, member.isreg()) for member in tar}
    assert found == {
        "Makefile": (0o644, True),
        "Run": (0o755, True),
        "src/pipe.c": (0o644, True),
    }


def test_the_same_tree_gives_the_same_bytes() -> None:
    inner = {name.partition("/")[2]: data for name, data in UPSTREAM.items() if "Bench/" in name}
    whole = source.tree(gzip.compress(packed(UPSTREAM)), "a.tar.gz")
    assert whole == source.tree(packed(dict(reversed(inner.items()))), "b.tar")


@pytest.mark.parametrize(
    ("archive", "why"),
    [
        (b"", "cannot be read"),
        (b"\x1f\x8b\x08no gzip", "cannot be read"),
        (gzip.compress(packed(UPSTREAM))[:-30], "cannot be read"),
        (gzip.compress(b"\0" * (17 << 20)), "too large"),
        (packed({"readme": b""}), "has not one folder"),
        (packed({"a/Run": RUN}), "has not one folder"),
        (packed({**UPSTREAM, "b/Run": RUN}), "has not one folder"),
        (packed({"a/Run": b"Release 6.0.0", "a/Makefile": b""}), "another version"),
        (packed({"a/Run": RUN, "a/Makefile": b"", "../x": b""}), "has a file '../x'"),
        (packed({"a/Run": RUN, "a/Makefile": b"", "/etc/x": b""}), "has a file '/etc/x'"),
    ],
)
def test_what_is_no_tar_of_unixbench_is_refused(archive: bytes, why: str) -> None:
    with pytest.raises(UsageError, match=why) as caught:
        source.tree(archive, "a.tar")
    assert caught.value.code == "unixbench.bad-archive"


def test_a_download_that_is_another_one_is_refused() -> None:
    with pytest.raises(StoredDataError, match=source.SHA256) as caught:
        source.checked_download(packed(UPSTREAM))
    assert caught.value.code == "unixbench.checksum"
