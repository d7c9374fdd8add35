"""The linters, the type checker and the rules that no linter knows."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

SHELL_SCRIPT = re.compile(rb"#!.*\b(?:ba|da)?sh\b")
# Put together here so that this file passes its own test.
REGISTRY_HOSTS = ("pypi" + ".org", "python" + "hosted.org", "deb." + "debian.org", "npm" + "js.org")
DEVELOPMENT_PATHS = (
    "/work/" + "(?:main|shared)",
    "/root/" + r"\.pyenv",
    "/opt/" + "(?:wheels|pypi)",
    "/home/" + r"[a-z][\w-]*/",
    "/Users/" + r"\w",
)
SHELL_CALLS = (r"\bshell\s*=\s*" + "True", r"\bos\." + r"system\(")
OUTSIDE = re.compile(
    "|".join([*(re.escape(host) for host in REGISTRY_HOSTS), *DEVELOPMENT_PATHS]), re.IGNORECASE
)
SHELL = re.compile("|".join(SHELL_CALLS))


def passes(checkout: Path, *argv: str) -> None:
    """Run a linter in the checkout. Its words go where pytest shows them when it fails."""
    environment = {**os.environ, "NO_COLOR": "1"}
    status = subprocess.run(argv, cwd=checkout, check=False, env=environment).returncode
    if status != 0:
        pytest.fail(f"{Path(argv[0]).name} ended with {status}", pytrace=False)


def program(name: str) -> str:
    """Path of a program of the environment that runs the tests."""
    return str(Path(sys.executable).parent / name)


def test_ruff_finds_nothing(checkout: Path) -> None:
    passes(checkout, program("ruff"), "check", ".")


def test_ruff_would_reformat_nothing(checkout: Path) -> None:
    passes(checkout, program("ruff"), "format", "--check", ".")


def test_mypy_finds_nothing(checkout: Path) -> None:
    passes(checkout, program("mypy"))


def test_imports_go_one_way(checkout: Path) -> None:
    passes(checkout, program("lint-imports"))


@pytest.mark.skipif(not shutil.which("shellcheck"), reason="shellcheck is not installed")
def test_shellcheck_finds_nothing(checkout: Path) -> None:
    scripts = [
        str(path.relative_to(checkout))
        for path in project_files(checkout)
        if SHELL_SCRIPT.match(path.read_bytes())
    ]
    assert "scripts/setup" in scripts
    passes(checkout, "shellcheck", *scripts)


def test_no_file_names_a_registry_or_a_development_machine(checkout: Path) -> None:
    assert list(findings(checkout, project_files(checkout), OUTSIDE)) == []


def test_no_source_uses_a_shell_string(checkout: Path) -> None:
    sources = list((checkout / "src").rglob("*.py"))
    assert sources
    assert list(findings(checkout, sources, SHELL)) == []


@pytest.mark.parametrize(
    ("rule", "line"),
    [
        *((OUTSIDE, f"see https://{host}/simple") for host in REGISTRY_HOSTS),
        (OUTSIDE, "cd /work/" + "main && ls"),
        (OUTSIDE, "home = /root/" + ".pyenv/versions"),
        (OUTSIDE, "--find-links /opt/" + "wheels"),
        (OUTSIDE, "/home/" + "someone/nestlab"),
        (OUTSIDE, "/Users/" + "someone/nestlab"),
        (SHELL, "subprocess.run(line, shell=" + "True)"),
        (SHELL, "os.system" + "(line)"),
    ],
)
def test_a_planted_offence_is_found(tmp_path: Path, rule: re.Pattern[str], line: str) -> None:
    planted = tmp_path / "planted.txt"
    planted.write_text(f"harmless\n{line}\n")
    assert list(findings(tmp_path, [planted], rule)) == [f"planted.txt:2: {line}"]


def findings(root: Path, files: list[Path], rule: re.Pattern[str]) -> Iterator[str]:
    """Lines that break a rule, each with its file and number."""
    for path in files:
        text = path.read_text(encoding="utf-8", errors="replace")
        for number, line in enumerate(text.splitlines(), start=1):
            if rule.search(line):
                yield f"{path.relative_to(root)}:{number}: {line}"


def project_files(checkout: Path) -> list[Path]:
    """Files that git tracks, or would track if all were added."""
    git = ["git", "-c", "safe.directory=*"]  # the checkout may belong to another user
    with tempfile.TemporaryDirectory() as empty:
        if not (checkout / ".git").exists():  # unpacked from an archive
            subprocess.run([*git, "init", "--quiet", "--bare", empty], check=True)
            git += [f"--git-dir={empty}", f"--work-tree={checkout}"]
        listing = subprocess.run(
            [*git, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=checkout,
            check=True,
            capture_output=True,
            text=True,
        ).stdout
    paths = sorted({checkout / name for name in listing.split("\0") if name})
    files = [path for path in paths if path.is_file() and not path.is_symlink()]
    assert files, "git lists no file"
    return files
