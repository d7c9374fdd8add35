"""Labs for programs: the example project's own tests, and a program with asyncio."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab_user import User, labs_left
from leftovers import snapshot
from nestlab.image.store import Image

PROGRAM = """\
import asyncio
from nestlab import Lab

async def main():
    async with Lab.from_file("lab.yaml") as lab:
        done = await lab["l1/l2"].run(["uname", "-n"])
        print(lab.paths, done.text.strip(), lab["l1/l2"].level)
        await lab.stop("l1/l2")
        await lab.start()
        print((await lab["l1/l2"].run(["uname", "-n"])).text.strip())

asyncio.run(main())
"""


@pytest.fixture(scope="module")
def project(
    image: Image, checkout: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[User]:
    """A copy of the example project, away from this checkout; no lab is left by it."""
    folder = tmp_path_factory.mktemp("project")
    shutil.copytree(checkout / "examples" / "pytest-project", folder, dirs_exist_ok=True)
    user = User.in_folder(folder, (folder / "lab.yaml").read_text())
    before = snapshot()
    yield user
    assert snapshot() == before
    assert labs_left(user) == []


def python(user: User, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, *words],
        check=False,
        capture_output=True,
        text=True,
        cwd=user.folder,
        env=user.environment,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_example_project_passes_twice_with_one_lab(project: User) -> None:
    words = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "--nestlab-keep")
    assert "3 passed" in python(project, *words)
    before = project.pids
    assert "3 passed" in python(project, *words)
    assert project.pids == before


def test_a_program_leaves_a_lab_up_that_was_up_and_takes_its_own_down(project: User) -> None:
    project.said("up")  # also where a further try of this test finds it gone
    said = python(project, "-c", PROGRAM)
    assert said == "('l1', 'l1/l2') l2 2\nl2\n"
    assert project.states == {"l1": "running", "l1/l2": "running"}
    project.said("down")
    assert python(project, "-c", PROGRAM) == said
    assert labs_left(project) == []
