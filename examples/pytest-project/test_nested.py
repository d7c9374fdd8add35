"""Tests of virtualization software in a real nested lab: `pytest`, or `pytest --nestlab-keep`."""

from pathlib import Path

import pytest

from nestlab import NestlabError, SyncLab


def test_the_guest_in_the_guest_runs_under_kvm(nested_lab: SyncLab) -> None:
    said = nested_lab["l1/l2"].run(["systemd-detect-virt"], check=True)
    assert said.text == "kvm\n"


def test_a_file_goes_two_levels_down_and_back(nested_lab: SyncLab, tmp_path: Path) -> None:
    (tmp_path / "there").write_bytes(b"\0\xff")
    nested_lab["l1/l2"].put(tmp_path / "there", "/root/there")
    nested_lab["l1/l2"].get("/root/there", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == b"\0\xff"


def test_a_command_that_fails_is_an_error_when_it_must_not(nested_lab: SyncLab) -> None:
    done = nested_lab["l1"].run(["sh", "-c", "echo no >&2; exit 3"])
    assert (done.status, done.error_text) == (3, "no\n")
    with pytest.raises(NestlabError) as caught:
        nested_lab["l1"].run(["false"], check=True)
    assert caught.value.code == "machine.command-failed"
