"""Fixtures for people who test virtualization software (docs/how-to/test-in-a-lab.md).

pytest loads this in every project that has nestlab installed: nothing is imported before a test
asks for a lab.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from nestlab.api.sync import SyncLab

Misconfigured = pytest.UsageError

OpenLab = Callable[..., "SyncLab"]
"""Lab file, and options of `Lab.from_file` -> a lab that is up."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--nestlab-…`, and the same in the configuration file."""
    group = parser.getgroup("nestlab", "nested virtualization labs")
    group.addoption(
        "--nestlab-keep",
        action="store_true",
        help="leave labs up when the tests end; the next run goes on with them",
    )
    for name, default, words in (
        ("lab", "lab.yaml", "lab file of the fixture nested_lab, relative to the root folder"),
        ("scope", "session", "scope of the fixture nested_lab: session, module or function"),
        ("host", "", "user@host: where labs live; this machine if empty"),
    ):
        group.addoption(f"--nestlab-{name}", default=None, help=words)
        parser.addini(f"nestlab_{name}", words, default=default)


def _option(config: pytest.Config, name: str) -> str:
    chosen = config.getoption(f"nestlab_{name}")
    return str(config.getini(f"nestlab_{name}") if chosen is None else chosen)


def _scope(fixture_name: str, config: pytest.Config) -> str:  # noqa: ARG001  (pytest passes both)
    scope = _option(config, "scope")
    if scope not in {"session", "module", "function"}:
        raise Misconfigured(f"nestlab_scope: {scope!r} is not session, module or function")
    return scope


@pytest.fixture(scope="session")
def open_lab(pytestconfig: pytest.Config) -> Iterator[OpenLab]:
    """Bring labs up from their files; they go when the session ends."""
    with ExitStack() as stack:
        yield lambda file, **options: stack.enter_context(_lab(pytestconfig, file, **options))


@pytest.fixture(scope=_scope)  # type: ignore[arg-type]  # (pytest wants one of its own literals)
def nested_lab(pytestconfig: pytest.Config) -> Iterator["SyncLab"]:
    """The lab of the configured file, up."""
    file = pytestconfig.rootpath / _option(pytestconfig, "lab")
    with _lab(pytestconfig, file) as lab:
        yield lab


def _lab(config: pytest.Config, file: str | Path, **options: object) -> "SyncLab":
    from nestlab.api.sync import SyncLab  # noqa: PLC0415

    lab = SyncLab.from_file(
        file,
        **{
            "host": _option(config, "host") or None,
            "keep": bool(config.getoption("nestlab_keep")),
            **options,
        },
    )
    # workers of pytest-xdist would otherwise share a lab that one of them takes down
    if worker := os.environ.get("PYTEST_XDIST_WORKER"):
        lab.lab.name = f"{lab.lab.name}-{worker}"
    return lab
