"""Lab files that are wrong: every problem has its code, its line and its key."""

import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from nestlab.errors import UsageError
from nestlab.spec.load import load, parse
from nestlab.spec.models import Guest, LabSpec
from nestlab.spec.tree import machines
from spec_examples import problem, text_of

HEAD = "guests:\n  - name: l1\n"


def guest(line: str) -> str:
    return f"{HEAD}    {line}\n"


OWN = "{name: mine, command: [a], unit: s, better: lower, metric: {regex: (x)}}"


def bench(workload: str) -> str:
    return f"bench:\n  workloads: [{workload}]\n{HEAD}"


CASES = {
    "unknown key": (guest("memroy: 4GiB"), "unknown-key", "3:5: guests[0].memroy", "`memory`"),
    "unknown, nothing near": (guest("x: 1"), "unknown-key", "3:5: guests[0].x", "known keys here"),
    "unknown above": ("gests: []\n", "value", "1:1: guests is missing", "at least one"),
    "unknown in network": (
        "networks: {lan: {sub: a}}\n" + HEAD, "unknown-key", "1:18: networks.lan.sub", "`subnet`",
    ),
    "unknown in disk": (guest("disks: [{sise: 1GiB, size: 1GiB}]"), "unknown-key", "3:14", "size"),
    "merge key": (guest("<<: {vcpus: 2}"), "unknown-key", "guests[0]['<<']", "known keys"),
    "wrong type": (guest("vcpus: two"), "value", "3:5: guests[0].vcpus must be a whole", "512"),
    "text for number": (guest('vcpus: "2"'), "value", "must be a whole number: '2'", "512"),
    "boolean for number": (guest("vcpus: true"), "value", "whole number: true", "512"),
    "number for text": (guest("image: 12"), "value", "guests[0].image must be text: 12", "image"),
    "map for list": ("guests: {}\n", "value", "1:1: guests must be a list: a mapping", "guests"),
    "list for map": ("- a\n", "value", "lab.yaml:1:1: the file must be a mapping", "guests:"),
    "empty": ("", "value", "lab.yaml:1:1: guests is missing", "at least one"),
    "no guests": ("guests: []\n", "value", "guests must have at least 1 entry", "at least one"),
    "no name": ("guests:\n  - vcpus: 2\n", "value", "2:5: guests[0].name is missing", "letter"),
    "negative size": (guest("memory: -4GiB"), "value", "3:5: guests[0].memory is not a s", "4GiB"),
    "size without unit": (guest("memory: 4"), "value", "guests[0].memory needs a unit: 4", "4GiB"),
    "quoted without unit": (guest('disk: "4"'), "value", "guests[0].disk is not a size", "4GiB"),
    "small": (guest("memory: 1MiB"), "value", "must be at least 64.0 MiB: '1MiB'", "64MiB"),
    "large": (guest("disk: 999999T"), "value", "must be at most", "GiB"),
    "no cpu": (guest("vcpus: 0"), "value", "guests[0].vcpus must be at least 1: 0", "512"),
    "count": (guest("count: 10000"), "value", "guests[0].count must be at most 100", "100"),
    "back end": (guest("hypervisor: xen"), "value", "must be 'qemu' or 'libvirt'", "libvirt"),
    "accelerator": (guest("accel: fast"), "value", "must be 'auto', 'kvm' or 'tcg'", "tcg"),
    "cpu model": (guest("cpu: 'host;id'"), "value", "guests[0].cpu has characters", "max,svm=on"),
    "kernel": (guest('kernel: ["a\\nb"]'), "value", "guests[0].kernel[0] has", "ASCII"),
    "kernel blank": (guest("kernel: [a b]"), "value", "guests[0].kernel[0] has", "quotes"),
    "package": (guest("packages: [--no]"), "value", "guests[0].packages[0]", "Debian"),
    "device": (guest("devices: [dev/sda]"), "value", "guests[0].devices[0]", "absolute"),
    "argv": (guest("run: [[sleep, 5]]"), "value", "guests[0].run[0] must have only", "quotes"),
    "no argv": (guest("run: [[]]"), "value", "guests[0].run[0] must not be empty", "shell"),
    "NUL": (guest('run: ["a\\0"]'), "value", "guests[0].run[0] must not have a NUL", "shell"),
    "long command": (guest(f"run: [{'a' * 70000}]"), "value", "must be shorter", "files"),
    "way up": (guest("files: [{source: a, target: /a/../b}]"), "value", "`..`", "absolute"),
    "mode": (guest("files: [{source: a, target: /a, mode: 644}]"), "value", "mode", '"0644"'),
    "subnet": ("networks: {a: {subnet: 10.0.0.1/24}}\n" + HEAD, "value", "not an IPv4", "/29"),
    "subnet number": ("networks: {a: {subnet: 5}}\n" + HEAD, "value", "in text: 5", "/29"),
    "subnet size": ("networks: {a: {subnet: 10.0.0.0/30}}\n" + HEAD, "value", "from /8", "/29"),
    "bench key": ("bench: {round: 2}\n" + HEAD, "unknown-key", "1:9: bench.round is", "`rounds`"),
    "rounds": ("bench: {rounds: 0}\n" + HEAD, "value", "bench.rounds must be at least 1", "1000"),
    "workloads": ("bench: {workloads: fio}\n" + HEAD, "value", "must be a list: 'fio'", "fio"),
    "workload in text": (bench("fio"), "value", "2:15: bench.workloads[0] must be a map", "fio"),
    "two workloads": (bench("{fio: {}, sysbench: {}}"), "value", "[0] must have at most 1", "fio"),
    "chosen, with text": (bench("{fio: rw}"), "value", "workloads[0].fio must be a", "randread"),
    "own, a key": (bench(OWN[:-1] + ", units: s}"), "unknown-key", "[0].units is not", "`unit`"),
    "own, no unit": (bench(OWN.replace("unit: s, ", "")), "value", "[0].unit is missing", "MB/s"),
    "own, name": (bench(OWN.replace("mine", "My")), "value", "workloads[0].name has", "small"),
    "own, shell": (bench(OWN.replace("[a]", "a b")), "value", "be a list of words", "[sh, -c,"),
    "own, two metrics": (bench(OWN.replace("(x)", "(x), json: a")), "value", "one of", "one"),
    "own, a regex": (bench(OWN.replace("(x)", "(x")), "value", "is not a regular", "one group"),
    "own, a brace": (bench(OWN.replace("(x)", "'(?P<a}>x)'")), "value", "bad character", "one"),
    "own, no group": (bench(OWN.replace("(x)", "x")), "value", "must have one group", "one group"),
    "own, a path": (bench(OWN.replace("regex: (x)", "json: a..b")), "value", "with dots", "iops"),
    "own, better": (bench(OWN.replace("lower", "less")), "value", "must be 'higher' or", "lower"),
    "own, seconds": (bench(OWN.replace("}}", "}, seconds: 0}")), "value", "at least 1: 0", "86400"),
    "network name": ("networks: {'a;b': {}}\n" + HEAD, "value", "networks['a;b']", "letter"),
    "no network": (guest("networks: [lann]"), "unknown-network", "3:16: guests[0].netw", "none"),
    "near network": (
        "networks: {lan: {}}\ndefaults: {networks: [lann]}\n" + HEAD,
        "unknown-network", "2:23: defaults.networks[0]: there is no network 'lann'", "`lan`",
    ),
    "network twice": (
        "networks: {a: {}}\n" + guest("networks: [a, a]"), "duplicate", "'a' is there twice", "one",
    ),
    "disk twice": (
        guest("disks: [{size: 1G, name: a}, {size: 1G, name: a}]"), "duplicate", "disks[1]", "name",
    ),
    "equal names": (
        HEAD + "  - name: l1\n", "duplicate",
        "3:5: guests[1].name makes a second 'l1' beside the first; the other is on line 2", "count",
    ),
    "equal after counting": (
        "guests:\n  - name: l1-1\n  - {count: 2,\n     name: l1}\n", "duplicate",
        "4:6: guests[1].name makes a second 'l1-1' beside the first; the other is on line 2", "-0",
    ),
    "key twice": (guest("cpu: a\n    cpu: b"), "duplicate", "3:5: guests[0].cpu is there", "one"),
    "too many": (
        "guests: [{name: a, count: 100, guests: [{name: b, count: 100}]}]\n", "too-many",
        "1:1: guests makes 10100 machines, at most 1000", "count",
    ),
    "cycle": ("guests: &a\n  - name: l1\n    guests: *a\n", "syntax", "3:13: the alias", "write"),
    "cycle in a key": ("? &a [*a]\n: 1\n", "syntax", "1:7: the alias *a contains itself", "write"),
    "unknown alias": ("a: *b\n", "syntax", "1:4: found undefined alias", "quotes"),
    "tag": ("a: !!python/object:os.system b\n", "syntax", "1:4: the tag", "!"),
    "two documents": (HEAD + "---\na: b\n", "syntax", "3:1:", "one document"),
    "tab": ("guests:\n\t- name: l1\n", "syntax", "2:1:", "blanks"),
    "open bracket": ("guests: [\n", "syntax", "lab.yaml:2:1", "quotes"),
    "control character": ("name: a\nb: \a\n", "syntax", "2:4: a character", "escape"),
    "deep": ("a: " + "[" * 60 + "]" * 60, "syntax", "1:53: this is nested deeper", "levels"),
    "list as key": ("? [a]\n: b\n", "syntax", "1:3: a key must be text", "key: value"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "code", "message", "hint"), CASES.values(), ids=CASES.keys())
def test_a_problem_has_code_place_and_remedy(text: str, code: str, message: str, hint: str) -> None:
    found = problem(text)
    assert found.code == f"lab-file.{code}"
    assert found.exit_status == 2
    assert message in found.message
    assert found.message.startswith("lab.yaml:")
    assert found.hint is not None
    assert hint in found.hint


@pytest.mark.parametrize(
    "name",
    [
        "../x",
        "a;b",
        "a\nb",
        "a\n",
        "a" * 300,
        "A",
        "-a",
        "a-",
        "",
        "a/b",
        "a b",
        "l0",
        "é",
        "$(id)",
        "\0",
    ],
)
@pytest.mark.parametrize("where", ["guest", "lab", "child"])
def test_a_name_that_is_none_is_refused(name: str, where: str) -> None:
    data: dict[str, Any] = {"name": "lab", "guests": [{"name": "l1", "guests": [{"name": "l2"}]}]}
    place = {"lab": data, "guest": data["guests"][0], "child": data["guests"][0]["guests"][0]}
    place[where]["name"] = name
    if (where, name) == ("lab", "l0"):
        return
    found = problem(text_of(data))
    assert found.code == "lab-file.value"
    assert "name" in found.message
    assert "\n" not in found.message
    assert len(found.message) < 250


def test_all_problems_are_told_at_once_in_the_order_of_the_file() -> None:
    found = problem(
        "nmae: x\n" + guest("vcpus: 0\n    networks: [lan]") + "  - {name: l1, memory: 4}\n"
    )
    assert found.code == "lab-file.unknown-key"
    lines = [note.split(" ")[0] for note in (found.message, *found.notes)]
    assert lines == [f"lab.yaml:{place}:" for place in ("1:1", "4:5", "5:16", "6:6", "6:16")]
    assert "(write 4MiB or 4GiB)" in found.notes[-1]


def test_problems_beyond_twenty_are_counted() -> None:
    found = problem("guests:\n" + "  - {name: l1, x: 1}\n" * 30)
    assert len(found.notes) == 20
    assert found.notes[-1] == "and 39 more"


def test_aliases_that_expand_hugely_cost_nothing() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)]
    tracemalloc.start()
    found = problem("\n".join(lines))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert "more than 200000 values" in found.message
    assert peak < 20_000_000


def test_aliases_cannot_go_deeper_than_brackets() -> None:
    lines = ["a0: &a0 [" + "[" * 20 + "]" * 21]
    lines += [f"a{n}: &a{n} [{'[' * 20}*a{n - 1}{']' * 21}" for n in range(1, 5)]
    assert "nested deeper than 50 levels" in problem("\n".join(lines)).message


def test_machines_are_counted_without_making_them() -> None:
    inner: tuple[Guest, ...] = ()
    for _ in range(20):
        inner = (Guest(name="a", count=100, guests=inner),)
    with pytest.raises(UsageError, match=r"lab-file\.too-many") as caught:
        machines(LabSpec(name="lab", guests=inner))
    assert str(sum(100**n for n in range(1, 21))) in caught.value.message


def test_a_thousand_machines_are_allowed() -> None:
    text = "guests: [{name: a, count: 10, guests: [{name: b, count: 99}]}]"
    assert len(machines(parse(text))) == 1000


@pytest.mark.parametrize("name", ["Seed Lab.yaml", "9.yaml", "-.yaml", "..", "a\nb.yaml"])
def test_a_file_whose_name_is_no_name_asks_for_one(name: str) -> None:
    with pytest.raises(UsageError, match=r"name is missing") as caught:
        parse("guests: [{name: l1}]", name=name)
    hint = caught.value.hint or ""
    fit = hint.partition("`")[2].rstrip("`")
    lab = parse(f"{fit}\nguests: [{{name: l1}}]", name=name)
    assert fit == f"name: {lab.name}"


@pytest.mark.parametrize("content", [b"\xff\xfe", b"a: \xe9\n", b"# x\n" * 300_000])
def test_a_file_that_is_no_text_or_too_large_is_unreadable(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "lab.yaml"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=r"lab-file\.unreadable"):
        load(path)


@pytest.mark.parametrize("path", ["missing.yaml", ".", "a\0b", "missing/lab.yaml"])
def test_what_is_no_file_is_unreadable(path: str) -> None:
    with pytest.raises(UsageError, match=r"lab-file\.unreadable"):
        load(path)


def test_text_that_is_too_large_is_refused() -> None:
    assert problem("# x\n" * 300_000).code == "lab-file.unreadable"
