"""Full and read-only disks, real ones: small file systems that only this test's child can see."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

NAMESPACE = ("unshare", "--mount", *(() if os.geteuid() == 0 else ("--map-root-user",)))


def can_mount() -> bool:
    argv = [*NAMESPACE, "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    try:
        return subprocess.run(argv, check=False, capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    if not can_mount():
        pytest.skip("no mount namespace can be made here (neither root nor user namespaces)")
    script = Path(__file__).with_name("full_disk.py")
    folder = tmp_path_factory.mktemp("disks")
    argv = [*NAMESPACE, sys.executable, str(script), str(folder)]
    found: dict[str, dict[str, Any]] = json.loads(subprocess.check_output(argv))
    return found


Told = dict[str, dict[str, Any]]


@pytest.mark.parametrize(
    ("scenario", "words"),
    [
        ("needs_space", "building needs 5.0 GiB, free: 2.0 MiB"),
        ("fills_while_unpacking", "filled up while building the image"),
        ("fills_while_making_the_disk", "filled up while building the image"),
        ("is_full_already", "filled up while building the image"),
    ],
)
def test_a_full_disk_is_said(told: Told, scenario: str, words: str) -> None:
    assert told[scenario]["code"] == "image.disk-full"
    assert words in told[scenario]["message"]
    assert "NESTLAB_HOME" in told[scenario]["hint"]


def test_a_full_disk_is_given_back(told: Told) -> None:
    assert told["fills_while_unpacking"]["left"] == [".lock"]
    assert told["fills_while_making_the_disk"]["left"] == [".lock"]


def test_a_read_only_cache_is_said(told: Told) -> None:
    assert told["is_read_only"]["code"] == "home.not-writable"
    assert "cannot write to" in told["is_read_only"]["message"]
    assert told["is_read_only"]["left"] == []


def test_a_lab_s_folder_that_cannot_be_removed_is_said(told: Told) -> None:
    assert told["holds_a_mount"]["code"] == "lab.not-removed"
    assert "Device or resource busy" in told["holds_a_mount"]["message"]
