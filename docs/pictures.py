"""Make the pictures of the HTML report for the README: `python docs/pictures.py RUN`.

RUN is a real run: its id, its folder or its result file. What is not from a run is never shown as
one. Needs Chromium from the distribution, as the tests of the page do.
"""

import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, sync_playwright

from nestlab.cli.runs import open_run
from nestlab.report.html.page import page

PICTURES = Path(__file__).parent / "pictures"
WIDTH, HEIGHT = 1200, 650
"""CSS pixels; the first picture ends below the summary of each step."""

SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


def main(argv: list[str]) -> int:
    """Write a picture for light and one for dark pages; returns the exit status."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if len(argv) != 1 or browser is None:
        sys.stderr.write("usage: python docs/pictures.py RUN   (needs chromium)\n")
        return 2
    PICTURES.mkdir(exist_ok=True)
    root = ["--no-sandbox"] if os.geteuid() == 0 else []
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        file = Path(folder) / "run.html"
        file.write_text(page(open_run(argv[0])), "utf-8")
        started = playwright.chromium.launch(executable_path=browser, args=root)
        for scheme in SCHEMES:
            take(started, file, scheme)
        started.close()
    return 0


def take(browser: Browser, file: Path, scheme: Literal["light", "dark"]) -> None:
    """The top of the page, then its first exhibits of losses."""
    context = browser.new_context(
        viewport={"width": WIDTH, "height": HEIGHT}, color_scheme=scheme, device_scale_factor=1
    )
    shown = context.new_page()
    shown.goto(file.as_uri())
    shown.screenshot(path=PICTURES / f"report-{scheme}.png")
    shown.evaluate("document.getElementById('losses').scrollIntoView()")
    shown.wait_for_selector("#loss-1[data-live]")
    shown.screenshot(path=PICTURES / f"losses-{scheme}.png")
    context.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
