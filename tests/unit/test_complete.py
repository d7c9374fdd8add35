"""Completion as the shell asks for it, and the manual page as man(1) reads it."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from cli_process import NESTLAB
from lab_examples import L1, L2, home, saved
from nestlab.lab.record.state import save_state
from nestlab.lab.wanted.spec import NetworkSpec


def completed(base: Path, words: str) -> list[str]:
    """What bash is offered for the last word."""
    environment = {
        **os.environ,
        "NESTLAB_HOME": str(base),
        "_NESTLAB_COMPLETE": "complete_bash",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split(" ")) - 1),
    }
    done = subprocess.run(NESTLAB, capture_output=True, text=True, env=environment, check=True)
    return done.stdout.split()


def named(base: Path, lab: str, name: str) -> None:
    folder, state = saved(base, lab, kept=True, guests=(L1, L2))
    networks = tuple(NetworkSpec(f"{name}-{each}") for each in ("storage", "tenant"))
    save_state(state.model_copy(update={"name": name, "networks": networks}), folder)


def test_machines_of_the_only_lab_need_no_name(tmp_path: Path) -> None:
    assert completed(tmp_path, "nestlab exec ") == []
    named(tmp_path, "aa", "seed")
    assert completed(tmp_path, "nestlab exec ") == ["l1", "l1/l2"]
    assert completed(tmp_path, "nestlab exec l1/") == ["l1/l2"]
    assert completed(tmp_path, "nestlab down ") == ["seed"]
    assert completed(tmp_path, "nestlab cp l1/") == ["l1/l2:"]


def test_machines_of_several_labs_have_it(tmp_path: Path) -> None:
    named(tmp_path, "aa", "seed")
    named(tmp_path, "bb", "wide")
    assert completed(tmp_path, "nestlab stop w") == ["wide:l1", "wide:l1/l2"]
    assert completed(tmp_path, "nestlab status ") == ["seed", "wide"]


def test_networks_are_those_of_the_lab(tmp_path: Path) -> None:
    named(tmp_path, "aa", "seed")
    named(tmp_path, "bb", "wide")
    assert completed(tmp_path, "nestlab add seed:l1 --network ") == ["seed-storage", "seed-tenant"]
    assert completed(tmp_path, "nestlab add bb:l1 --network wide-t") == ["wide-tenant"]
    assert completed(tmp_path, "nestlab add l1 --network seed-s") == ["seed-storage"]


def test_a_lab_that_cannot_be_read_offers_nothing(tmp_path: Path) -> None:
    named(tmp_path, "aa", "seed")
    (home(tmp_path).labs / "aa" / "lab.json").write_text("{")
    assert completed(tmp_path, "nestlab ssh ") == []


def test_the_manual_page_is_one(checkout: Path) -> None:
    groff = shutil.which("groff")
    if groff is None:
        pytest.skip("no groff here: `apt-get install groff-base`")
    argv = [groff, "-man", "-ww", "-Tutf8", str(checkout / "docs" / "nestlab.1")]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert "nestlab grow" in done.stdout
