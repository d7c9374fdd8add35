"""What all tests share."""

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
