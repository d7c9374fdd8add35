"""The pages of the documentation, for the tests that read them."""

import re
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent.parent
PAGES = sorted([*CHECKOUT.glob("*.md"), *(CHECKOUT / "docs").rglob("*.md")])
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def name_of(page: Path) -> str:
    """Relative to the checkout."""
    return str(page.relative_to(CHECKOUT))
