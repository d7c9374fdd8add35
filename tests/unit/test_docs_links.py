"""Links of the documentation lead to what is there."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from doc_pages import CHECKOUT, FENCE, PAGES, name_of


def anchors(page: Path) -> set[str]:
    """Anchors of the headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text("utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken_links(page: Path) -> Iterator[str]:
    text = FENCE.sub("", page.read_text("utf-8"))
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"https?://", target):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        if not there.exists() or (anchor and anchor not in anchors(there)):
            yield target


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    assert list(broken_links(page)) == []


def test_every_page_is_reached_from_the_readme() -> None:
    reached, pending = set(), [CHECKOUT / "README.md"]
    while pending:
        page = pending.pop()
        reached.add(page)
        for target in re.findall(r"\]\(([^)#\s]+\.md)", page.read_text("utf-8")):
            there = (page.parent / target).resolve()
            if there not in reached and there.exists():
                pending.append(there)
    assert set(PAGES) - reached == set()


def test_a_broken_link_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# One `two`: three\n[a](#one-two-three) [b](#two) [c](gone.md) [d](page.md)\n")
    assert list(broken_links(page)) == ["#two", "gone.md"]
