"""Lab files that are right."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from typer.testing import CliRunner

from nestlab.cli.schema import schema
from nestlab.errors import UsageError
from nestlab.spec import models
from nestlab.spec.load import load, parse
from nestlab.spec.models import Guest, LabSpec, Settings
from nestlab.spec.schema import lab_schema
from nestlab.spec.tree import machines
from nestlab.spec.values import size_text
from nestlab.units import GIB, MIB, parse_size
from spec_examples import LABS, dump, text_of

EXAMPLES = Path(__file__).resolve().parent.parent.parent / "examples"
PAGE = EXAMPLES.parent / "docs" / "reference" / "lab-file.md"
MACHINES = {
    "seed": ["l1", "l1/l2"],
    "wide": ["l1", "l1/l2-0", "l1/l2-1", "l1/l2-2"],
    "deep": ["l1", "l1/l2", "l1/l2/l3"],
    "libvirt": ["l1", "l1/l2"],
    "two-compute-nodes": [
        "compute-0", "compute-0/app-0", "compute-0/app-1",
        "compute-1", "compute-1/app-0", "compute-1/app-1",
    ],
}  # fmt: skip


def test_every_example_is_here() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.yaml")} == MACHINES.keys()


@pytest.mark.parametrize("name", MACHINES)
def test_an_example_is_read(name: str) -> None:
    lab = load(EXAMPLES / f"{name}.yaml")
    assert lab.name == name
    assert [node.path for node in machines(lab)] == MACHINES[name]


@pytest.mark.parametrize("name", MACHINES)
def test_guests_of_an_example_fit_into_their_parents(name: str) -> None:
    nodes = machines(load(EXAMPLES / f"{name}.yaml"))
    for parent in nodes:
        inside = [node.guest for node in nodes if node.parent == parent.path]
        assert sum(guest.memory for guest in inside) <= parent.guest.memory - 256 * MIB
        assert sum(guest.disk for guest in inside) <= parent.guest.disk * 2


def test_the_seed_has_the_sizes_that_were_asked_for() -> None:
    l1, l2 = (node.guest for node in machines(load(EXAMPLES / "seed.yaml")))
    assert (l1.memory, l1.vcpus, l1.disk) == (4 * GIB, 2, 16 * GIB)
    assert (l2.memory, l2.vcpus, l2.disk) == (2 * GIB, 2, 8 * GIB)


def test_a_lab_is_called_like_its_file(tmp_path: Path) -> None:
    (tmp_path / "my-lab.yaml").write_text("\ufeffguests: [{name: l1}]\n", encoding="utf-8")
    assert load(str(tmp_path / "my-lab.yaml")).name == "my-lab"
    assert parse("guests: [{name: l1}]").name == "lab"


def test_words_that_yaml_1_1_would_change_stay_text() -> None:
    text = (
        "guests: [{name: on, packages: [no, yes], files: [{source: 4:30, target: /a, mode: 0600}]}]"
    )
    (guest,) = parse(text).guests
    assert (guest.name, guest.packages) == ("on", ("no", "yes"))
    assert (guest.files[0].source, guest.files[0].mode) == ("4:30", 0o600)


def test_an_alias_stands_for_what_it_names() -> None:
    lab = parse("guests: [{name: a, run: &r [[id, -u]]}, {name: b, run: *r}]")
    assert [guest.run for guest in lab.guests] == [(("id", "-u"),)] * 2


def test_defaults_reach_every_depth_and_give_way() -> None:
    lab = parse(
        "defaults: {memory: 3GiB, vcpus: 4, kernel: [quiet], cpu: host}\n"
        "guests:\n"
        "  - name: l1\n"
        "    vcpus: 2\n"
        "    guests: [{name: l2, kernel: [], cpu: null, guests: [{name: l3}]}]\n"
    )
    l1, l2, l3 = machines(lab)
    assert (l1.guest.memory, l1.guest.vcpus, l1.guest.kernel) == (3 * GIB, 2, ("quiet",))
    # a value that is written down counts, even when it is what nestlab would take anyway
    assert (l2.guest.vcpus, l2.guest.kernel, l2.guest.cpu) == (4, (), None)
    assert (l3.guest.vcpus, l3.guest.kernel, l3.guest.cpu) == (4, ("quiet",), "host")
    assert (l3.path, l3.parent, l3.level, l3.name) == ("l1/l2/l3", "l1/l2", 3, "l3")


def test_code_gives_sizes_in_bytes() -> None:
    lab = LabSpec(name="demo", guests=(Guest(name="l1", memory=4 * GIB, disk=GIB + 1),))
    assert parse(dump(lab)) == lab


@given(LABS)
@settings(max_examples=60)
def test_a_lab_that_is_written_and_read_again_is_the_same(data: dict[str, Any]) -> None:
    lab = parse(text_of(data))
    again = parse(dump(lab))
    assert again == lab
    assert machines(again) == machines(lab)
    assert LabSpec.model_validate_json(lab.model_dump_json()) == lab


@given(LABS)
@settings(max_examples=30)
def test_the_schema_takes_what_the_loader_takes(data: dict[str, Any]) -> None:
    Draft202012Validator(lab_schema()).validate(data)


@given(st.integers(1, 2**50))
def test_sizes_are_written_without_loss(size: int) -> None:
    assert parse_size(size_text(size)) == size


# --- schema and reference -------------------------------------------------------------------------


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_schema_takes_the_examples(path: Path) -> None:
    Draft202012Validator(lab_schema()).validate(yaml.safe_load(path.read_text("utf-8")))


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"guests": []},
        {"guests": [{"name": "l1", "memory": 4}]},
        {"guests": [{"name": "l1", "memory": "-4GiB"}]},
        {"guests": [{"name": "l1", "memroy": "4GiB"}]},
        {"guests": [{"name": "a;b"}]},
        {"guests": [{"name": "l1"}], "networks": {"A": {}}},
        {"guests": [{"name": "l1"}], "bench": {"workloads": [{"fio": {"rww": "read"}}]}},
        {"guests": [{"name": "l1"}], "bench": {"workloads": [{"fio": {"iodepth": "1"}}]}},
        {"guests": [{"name": "l1"}], "bench": {"workloads": [{"fioo": {"rw": "read"}}]}},
        {"guests": [{"name": "l1"}], "bench": {"workloads": [{"fio": {}, "exits": {}}]}},
    ],
)
def test_the_schema_refuses(data: dict[str, Any]) -> None:
    assert not Draft202012Validator(lab_schema()).is_valid(data)


def test_the_command_prints_the_schema() -> None:
    app = typer.Typer()
    app.command()(schema)
    assert json.loads(CliRunner().invoke(app, ["lab"]).stdout) == lab_schema()


def test_defaults_of_the_schema_are_those_of_the_code() -> None:
    described: Any = lab_schema()
    for key, field in described["$defs"]["Guest"]["properties"].items():
        if key in Settings.model_fields:
            given_ = Settings.model_validate({key: field["default"]})
            assert getattr(given_, key) == getattr(Settings(), key)
    mode = described["$defs"]["File"]["properties"]["mode"]["default"]
    assert models.File(source="a", target="/a").mode == int(mode, 8)


@pytest.mark.parametrize("kind", ["LabSpec", "Guest", "Disk", "File", "Network"])
def test_every_key_is_in_the_reference(kind: str) -> None:
    rows = re.findall(r"^\| `(\w+)` \|", PAGE.read_text("utf-8"), re.MULTILINE)
    assert getattr(models, kind).model_fields.keys() <= set(rows)


def test_lab_files_of_the_reference_are_right() -> None:
    blocks = re.findall(r"^```yaml\n(.*?)^```", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    assert blocks
    for block in blocks:
        assert machines(parse(block))


def test_machines_of_a_lab_that_is_wrong_are_refused() -> None:
    twice = LabSpec(name="lab", guests=(Guest(name="a"), Guest(name="a")))
    with pytest.raises(UsageError, match=r"^lab-file.duplicate: guests\[1\].name makes a second"):
        machines(twice)
