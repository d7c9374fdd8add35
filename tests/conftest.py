"""What all tests share."""

from pathlib import Path

import pytest

pytest_plugins = ("vm_fixtures",)


@pytest.fixture(scope="session")
def checkout() -> Path:
    """Root of the checkout that is under test."""
    return Path(__file__).resolve().parent.parent
