"""What all tests share."""

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# How long an example takes says more about the machine than about the code.
settings.register_profile("nestlab", deadline=None)
settings.load_profile("nestlab")

pytest_plugins = ("vm_fixtures",)


@pytest.fixture(scope="session")
def checkout() -> Path:
    """Root of the checkout that is under test."""
    return Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True, scope="module")
def collected() -> Iterator[None]:
    """What tests leave to the garbage collector goes here, not in the middle of another test.

    A future that nobody asked is reported with a traceback, for which Python 3.11 parses source;
    when that happens within `ast.parse`, which hypothesis calls, the outer one fails with
    SystemError (github.com/python/cpython/issues/106905).
    """
    yield
    gc.collect()
