"""The HTML report in headless Chromium: opened from disk, with nothing else to load."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from nestlab.report.html.page import page
from nestlab.report.rows import rows
from nestlab.report.text import NO_DIFFERENCE, interval, loss_interval, number, percent
from page_examples import full_page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
DESK: ViewportSize = {"width": 1280, "height": 900}
PHONE: ViewportSize = {"width": 360, "height": 740}
CHARTS = 11

DRAW_ALL = """async () => {
  for (const chart of document.querySelectorAll(".chart")) {
    chart.scrollIntoView();
    while (chart.dataset.live !== "yes") await new Promise(requestAnimationFrame);
  }
}"""
LINES = """() => Object.fromEntries(
  [...document.querySelectorAll("tbody tr:has(td)")].map((line) => [
    line.cells[0].textContent,
    [...line.cells].slice(1).map((cell) => cell.textContent.trim()),
  ]),
)"""
CONTRAST = """() => {
  const light = (channel) => {
    const part = channel / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  };
  const parse = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const luminance = ([r, g, b]) => 0.2126 * light(r) + 0.7152 * light(g) + 0.0722 * light(b);
  const ground = (element) => {
    const colour = parse(getComputedStyle(element).backgroundColor);
    return colour.length === 4 && colour[3] === 0 ? ground(element.parentElement) : colour;
  };
  const found = [];
  for (const element of document.querySelectorAll("body *:not(script)")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!own || !element.checkVisibility()) continue;
    const style = getComputedStyle(element);
    const ink = element instanceof SVGElement ? style.fill : style.color;
    const pair = [luminance(parse(ink)), luminance(ground(element))].sort((a, b) => b - a);
    found.push([(pair[0] + 0.05) / (pair[1] + 0.05), element.textContent.trim().slice(0, 40)]);
  }
  return found;
}"""


@dataclass
class Opened:
    """A page, and what the browser said and asked for while it was open."""

    page: Page
    said: list[str] = field(default_factory=list)
    wanted: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    root = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=root)
        yield started
        started.close()


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    written = tmp_path_factory.mktemp("page") / "run.html"
    written.write_text(page(full_page()), "utf-8")
    return written


@contextmanager
def opened(
    browser: Browser,
    file: Path,
    *,
    size: ViewportSize = DESK,
    scheme: Literal["light", "dark"] = "light",
    scripts: bool = True,
) -> Iterator[Opened]:
    """The page, looked at from top to bottom; nothing may have gone wrong meanwhile."""
    context = browser.new_context(viewport=size, color_scheme=scheme, java_script_enabled=scripts)
    shown = context.new_page()
    found = Opened(shown)
    shown.on("console", lambda message: found.said.append(f"{message.type}: {message.text}"))
    shown.on("pageerror", lambda problem: found.said.append(f"{problem}"))
    shown.on("request", lambda request: found.wanted.append(request.url))
    shown.goto(file.as_uri())
    if scripts:
        shown.evaluate(DRAW_ALL)
    yield found
    assert found.said == []
    assert found.wanted == [file.as_uri()]
    context.close()


def test_the_right_numbers_are_on_the_page(browser: Browser, file: Path) -> None:
    """Each median, interval and loss in the cell of its figure and its machine."""
    machines = [machine.path for machine in full_page().machines]
    with opened(browser, file) as found:
        lines = found.page.evaluate(LINES)
        for row in rows(full_page()).rows:
            cells = lines[f"{row.case} {row.metric}, {row.unit}"]
            figure = cells[machines.index(row.machine)]
            if row.median is None:
                assert figure == f"failed {row.reason}"
                continue
            assert figure == f"{number(row.median)} {interval(row.low, row.high)}, n {row.n}"
            if row.step_loss:
                change = cells[len(machines) - 1 + row.level]
                told = f"{percent(-row.step_loss.value)} {loss_interval(row.step_loss)}"
                assert change == (f"{told} {NO_DIFFERENCE}" if row.step_loss.is_undecided else told)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_is_legible(browser: Browser, file: Path, scheme: Literal["light", "dark"]) -> None:
    with opened(browser, file, scheme=scheme) as found:
        contrasts = found.page.evaluate(CONTRAST)
        assert len(contrasts) > 500
        assert [each for each in contrasts if each[0] < 4.5] == []  # WCAG 2.2, 1.4.3
        ground = found.page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (ground == "rgb(255, 255, 255)") == (scheme == "light")


def test_a_phone_does_not_scroll_sideways(browser: Browser, file: Path) -> None:
    with opened(browser, file, size=PHONE) as found:
        assert found.page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
        widths = found.page.evaluate(
            "[...document.querySelectorAll('.chart svg')].map(s => s.getBoundingClientRect().right)"
        )
        assert len(widths) == CHARTS
        assert max(widths) <= PHONE["width"]


def test_it_works_without_scripts(browser: Browser, file: Path) -> None:
    with opened(browser, file, scripts=False) as found:
        drawings = found.page.locator(".chart > svg")
        assert drawings.count() == CHARTS
        assert all(drawing.is_visible() for drawing in drawings.all())
        assert found.page.locator("#tip").is_hidden()


def test_the_script_draws_every_chart_once_and_tells_values(browser: Browser, file: Path) -> None:
    with opened(browser, file) as found:
        assert found.page.locator(".chart svg").count() == CHARTS
        assert found.page.locator(".chart > svg").count() == 0
        mark = found.page.locator("#exits-1 .mark-symbol.role-mark path").first
        mark.scroll_into_view_if_needed()
        mark.hover()
        tip = found.page.locator("#tip")
        tip.wait_for(state="visible")
        assert "case: cpuid" in tip.inner_text()
        found.page.keyboard.press("Escape")
        assert tip.is_hidden()


def test_the_keyboard_reaches_everything(browser: Browser, file: Path) -> None:
    with opened(browser, file) as found:
        found.page.evaluate("window.scrollTo(0, 0)")
        found.page.keyboard.press("Tab")
        assert found.page.evaluate("document.activeElement.className") == "skip"
        assert found.page.locator(".skip").evaluate("e => e.getBoundingClientRect().left") >= 0
        found.page.keyboard.press("Enter")
        assert found.page.evaluate("document.activeElement.id") == "main"
        reached = set()
        for _ in range(found.page.locator("a, summary, [tabindex='0']").count()):
            found.page.keyboard.press("Tab")
            reached.add(found.page.evaluate("document.activeElement.tagName"))
        assert {"A", "DIV", "SUMMARY", "PRE"} <= reached


def test_it_prints(browser: Browser, file: Path, tmp_path: Path) -> None:
    with opened(browser, file) as found:
        found.page.emulate_media(media="print")
        ground = found.page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert ground == "rgb(255, 255, 255)"
        assert not found.page.locator("nav").is_visible()
        printed = found.page.pdf(format="A4")
        assert printed.startswith(b"%PDF-")
        assert printed.count(b"/Type /Page\n") > 3


def test_a_guest_s_script_does_not_run(browser: Browser, tmp_path: Path) -> None:
    """The page's own policy stops even what would have got past the escaping."""
    file = tmp_path / "run.html"
    planted = "<script>document.title = 'run'</script><img src='https://example.invalid/x'>"
    file.write_text(page(full_page()).replace("<main", f"{planted}<main", 1), "utf-8")
    context = browser.new_context()
    shown = context.new_page()
    said: list[str] = []
    shown.on("console", lambda message: said.append(message.text))
    shown.goto(file.as_uri())
    assert shown.title() != "run"
    assert sum("Content Security Policy" in text for text in said) == 2
    context.close()
