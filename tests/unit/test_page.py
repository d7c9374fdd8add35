"""The HTML report: complete, accessible, and deaf to what a guest says."""

import base64
import functools
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cli_process import nestlab
from measured import RUN, result, series
from nestlab.report.html.inline import data_text
from nestlab.report.html.page import page
from nestlab.report.html.quantiles import statistic
from nestlab.report.rows import rows
from nestlab.report.text import number, percent, shown
from nestlab.result.models import Facts, MachineRecord, Result, Sample, Series, Verified
from page_examples import full_page

VOID = frozenset({"meta", "link"})
DRAWN = frozenset({"svg", "g", "path", "line", "text", "rect", "defs", "clippath", "tspan"})


class Page(HTMLParser):
    """A parsed page: its elements outside the drawings, those within, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, tuple[str, ...]]] = []
        self.drawn: set[tuple[str, tuple[str, ...]]] = set()
        self.text: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.scripts: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = (tag, tuple(name for name, _ in attrs))
        if "svg" in self.open or tag == "svg":
            self.drawn.add(found)
        else:
            self.elements.append(found)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.drawn.add((tag, tuple(name for name, _ in attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] == ["script"]:
            self.scripts.append(data)
        elif self.open[-1:] != ["style"]:
            self.text.append(data)

    def values(self, tag: str, name: str) -> list[str]:
        return [value for each, key, value in self.attributes if (each, key) == (tag, name)]


@functools.cache
def full_text() -> str:
    return page(full_page())


@pytest.fixture(scope="module")
def full() -> Page:
    return Page(full_text())


# --- what is on it --------------------------------------------------------------------------------


def test_every_figure_is_on_the_page_with_its_interval(full: Page) -> None:
    text = " ".join(full.text)
    for row in rows(full_page()).rows:
        if row.median is None:
            assert row.reason in full.text
            continue
        assert number(row.median) in full.text
        assert f"{number(row.low or 0)} to {number(row.high or 0)}, n {row.n}" in text
        if row.step_loss:
            assert percent(-row.step_loss.value) in full.text


def test_every_section_is_there_and_reached_from_the_top(full: Page) -> None:
    sections = ["environment", "losses", "latency", "rounds", "exits", "warnings", "reproduce"]
    links = full.values("a", "href")
    assert links[0] == "#main"
    assert links[1:8] == [f"#{section}" for section in sections]
    assert set(sections) <= set(full.values("h2", "id"))
    for link in links:
        assert any(value == link[1:] for _, name, value in full.attributes if name == "id")


def test_emulated_is_on_every_figure_chart_and_headline(full: Page) -> None:
    text = full_text()
    drawn = re.findall(r">([^<]*)</text>", "".join(re.findall(r"<svg.*?</svg>", text, re.DOTALL)))
    charts = json.loads(full.scripts[0])
    assert len(charts) == len(full.values("svg", "viewbox")) == 11
    for spec in charts.values():
        assert spec["title"]["subtitle"].startswith("emulated: ")
        assert spec["title"]["subtitle"] in drawn
    articles = re.findall(r"<article>.*?</article>", text, re.DOTALL)
    tiles = re.findall(r"<li>\s*<h3>.*?</h3>", text, re.DOTALL)
    assert (len(articles), len(tiles)) == (12, 2)
    heads = re.findall(r"<h1>.*?</h1>", text, re.DOTALL)
    for part in (*articles, *tiles, *heads):
        assert '<span class="badge">emulated</span>' in part
    assert "<title>emulated: " in text
    assert "emulated" not in " ".join(Page(page(full_page(emulated=False))).text)


def test_every_chart_has_a_table_and_words(full: Page) -> None:
    assert full.elements.count(("table", ())) >= len(json.loads(full.scripts[0]))
    charts = [value for _, name, value in full.attributes if name == "aria-label"]
    assert all(charts)
    tags = [tag for tag, _ in full.elements]
    assert tags.count("caption") == tags.count("table")
    assert {names for tag, names in full.elements if tag == "th"} == {
        ("scope",), ("scope", "colspan"),
    }  # fmt: skip


def test_ids_are_unique(full: Page) -> None:
    ids = [value for _, name, value in full.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    used = re.findall(r"url\(#([^)]*)\)", " ".join(value for *_, value in full.attributes))
    assert set(used) <= set(ids)


def test_what_differs_from_the_machine_above_is_marked(full: Page) -> None:
    place = full.text.index("6.1.0-56-cloud-amd64")
    assert "differs" in full.text[place : place + 3]
    assert full.text[full.text.index("tsc") + 1].strip() != "differs"


def test_how_to_reproduce_has_the_command_and_what_was_random(full: Page) -> None:
    for words in ("demo", "seed of the order", "there was no lab file", "fio 1.0", "threads=1"):
        assert words in full.text


def test_one_sample_needs_no_chart_over_time(full: Page) -> None:
    single = Page(page(result(series("l0", "a", "x", 5), series("l1", "a", "x", 4))))
    assert "rounds" in single.values("h2", "id")
    assert any("what changes over time cannot be seen" in text for text in single.text)


def test_nothing_at_all_has_no_script() -> None:
    empty = Page(page(Result(run=RUN, machines=())))
    assert empty.scripts == []
    assert "script-src" not in empty.values("meta", "content")[0]


def test_a_run_that_goes_on_says_so() -> None:
    told = " ".join(Page(page(full_page(turns=200))).text)
    assert "the run was not over when this was written" in told


def test_many_samples_are_few_points() -> None:
    many = [series(path, "a", "x", *(10 + n % 7 for n in range(3000))) for path in ("l0", "l1")]
    charts = json.loads(Page(page(result(*many))).scripts[0])
    assert 60 < json.dumps(charts["rounds-1"]).count('"deviation": ') <= 120


def test_extreme_figures_are_shown() -> None:
    odd = [
        *(series(path, "zero", "x", 0, 0) for path in ("l0", "l1")),
        *(series(path, "huge", "x", 1.7e308, 1.7e308) for path in ("l0", "l1")),
        *(series(path, "less", "ms", -1.0, 5e-324, better="lower") for path in ("l0", "l1")),
    ]
    assert "nan" not in " ".join(Page(page(result(*odd))).text).lower()


@pytest.mark.parametrize(
    ("metric", "name"),
    [
        *(("p50", "p50"), ("latency_p95", "p95"), ("clat_p99_9", "p99.9"), ("p999", "p99.9")),
        *(("p99.99", "p99.99"), ("p99_0", "p99"), ("latency_mean", "mean"), ("max", "maximum")),
        *(("iops", None), ("elapsed", None), ("p5x", None), ("meaning", None)),
    ],
)
def test_statistics_are_known_by_their_names(metric: str, name: str | None) -> None:
    found = statistic(metric)
    assert (found.name if found else None) == name


# --- nothing is loaded, nothing of a guest is run -------------------------------------------------


def test_the_policy_names_the_one_style_and_the_one_script(full: Page) -> None:
    (policy,) = [value for value in full.values("meta", "content") if "default-src" in value]
    text = full_text()
    (style,) = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    (script,) = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    for kind, content in (("style", style), ("script", script)):
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}';" in policy
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    assert "http" not in policy


def test_no_element_refers_to_anything_outside(full: Page) -> None:
    for tag, name, value in full.attributes:
        if name in {"src", "href", "xlink:href", "srcset", "action", "data"}:
            assert value.startswith(("#", "data:,")), (tag, name, value)
        assert not name.startswith("on")
        assert name != "style"


def test_the_same_file_gives_the_same_page() -> None:
    assert page(full_page()) == full_text()


@given(st.recursive(st.text() | st.floats(allow_nan=False, allow_infinity=False), st.lists))
def test_data_cannot_end_its_element(data: object) -> None:
    text = data_text(data)
    assert text.isascii()
    assert not set(text) & set("<>&")
    assert json.loads(text) == data


class Guest:
    """Says a word wherever it is asked, with a number before it, and remembers all of it."""

    def __init__(self, word: str) -> None:
        self.word = word
        self.said: list[str] = []

    def __call__(self) -> str:
        self.said.append(f"w{len(self.said)}{self.word}")
        return self.said[-1]

    def facts(self) -> Facts:
        return Facts(
            identity={self(): self(), "kernel": self(), "cpu_model": self()},
            conditions={self(): self(), "qemu_version": self()},
            unknown={self(): self()},
        )

    def verified(self) -> Verified:
        return Verified(virtualization=self(), hypervisor_vendor=self())

    def series(
        self, where: str, case: tuple[str, str], metric: tuple[str, str], *, fails: bool
    ) -> Series:
        workload, name = case
        return Series(
            workload=workload,
            tool_version=self(),
            case=name,
            params={self(): self()},
            machine=where,
            metric=metric[0],
            unit=metric[1],
            better="lower" if "p" in metric[0] else "higher",
            status="failed" if fails else "ok",
            reason=self() if fails else None,
            samples=()
            if fails
            else tuple(Sample(value=3.0 + n, round=n, order=n, elapsed=2.0) for n in (1, 2)),
        )

    def result(self) -> Result:
        """A result in which every string is the guest's, so that every section has some."""
        host, guest = self(), self()
        machines = tuple(
            MachineRecord(
                path=path,
                level=level,
                parent=host if level else None,
                emulated=level > 0,
                facts=self.facts(),
                verified=self.verified(),
            )
            for level, path in enumerate((host, guest))
        )
        work, exits = (self(), self()), ("exits", self())
        unit = self()
        metrics = [(self(), unit), (f"{self()}_p99", unit)]
        every = [
            self.series(where, case, metric, fails=False)
            for where in (host, guest)
            for case, chosen in ((work, metrics), (exits, metrics[1:]))
            for metric in chosen
        ]
        every.append(self.series(guest, (self(), self()), (self(), self()), fails=True))
        words = {"id": self(), "nestlab_version": self(), "argv": (self(), self())}
        return Result(
            run=RUN.model_copy(update=words),
            machines=machines,
            series=tuple(every),
            warnings=(self(),),
        )


MARKUP = st.sampled_from(
    (
        *("<script>alert(1)</script>", "</script><b>", "<!--", "-->", "<img src=x onerror=a(1)>"),
        *("' onclick='x", '" style="x', "&lt;", "&#x3c;", "{{ 1+1 }}", "{% raw %}", "]]>"),
        *("</title>", "\u2028", "\u202e", "\x1b[2J", "\x00", "javascript:a(1)", "url(#clip0)"),
        *('id="clip0"', "datum.x", "\\u003c", "</style>", "</table>", "</svg>", "<svg/onload=x>"),
    )
)
WORDS = st.lists(MARKUP | st.text(max_size=6), min_size=1, max_size=2).map("".join)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(WORDS)
def test_no_string_becomes_an_element_or_an_attribute(word: str) -> None:
    guest, harmless = Guest(word), harmless_page()
    found = Page(page(guest.result()))
    assert found.elements == harmless.elements
    assert {tag for tag, _ in found.drawn} <= DRAWN
    assert {name for _, names in found.drawn for name in names} <= {
        name for _, names in harmless.drawn for name in names
    }
    assert found.scripts[1] == harmless.scripts[1]
    text = " ".join(found.text)
    said = [each for each in guest.said if each not in found_quoted(guest)]
    assert [each for each in said if shown(each) not in text] == []


@functools.cache
def harmless_page() -> Page:
    return Page(page(Guest("").result()))


def found_quoted(guest: Guest) -> tuple[str, ...]:
    """The words of the command, which are quoted for a shell where they are shown."""
    return tuple(guest.said[-3:-1])


def test_a_long_string_is_cut_with_its_length() -> None:
    long = result(series("l0", "a", "x", reason="b" * 4096))
    (told,) = {text for text in Page(page(long)).text if "bbbb" in text}
    assert told == f"{'b' * 400}… (3696 more characters)"


# --- the command ----------------------------------------------------------------------------------


def test_the_command_writes_the_page_whole(tmp_path: Path) -> None:
    file = tmp_path / "run.html"
    told = nestlab("report", "seed-2018", "--format", "html", "--output", str(file), home=tmp_path)
    assert (told.status, told.out, told.err) == (0, "", "")
    assert file.read_text("utf-8").startswith("<!DOCTYPE html>")
    assert file.stat().st_mode & 0o777 == 0o644
    assert {each.name for each in tmp_path.iterdir()} == {"run.html", "user"}


def test_a_file_that_cannot_be_written_leaves_what_was_there(tmp_path: Path) -> None:
    gone = tmp_path / "gone" / "run.csv"
    told = nestlab("report", "seed-2018", "--format", "csv", "--output", str(gone), home=tmp_path)
    assert told.status == 6
    assert told.err.startswith(f"error[report.not-written]: {gone}: No such file or directory\n")
    assert not gone.parent.exists()


@pytest.mark.parametrize("format_", ["table", "markdown", "json", "csv"])
def test_every_format_goes_into_a_file_and_a_link_stays_a_link(
    tmp_path: Path, format_: str
) -> None:
    file, link = tmp_path / "file", tmp_path / "link"
    file.write_text("old")
    file.chmod(0o640)
    link.symlink_to(file)
    words = ("report", "seed-2018", "--format", format_)
    told = nestlab(*words, "--output", str(link), home=tmp_path)
    assert (told.status, told.out) == (0, "")
    assert link.is_symlink()
    assert "randread" in file.read_text("utf-8")
    assert file.stat().st_mode & 0o777 == 0o640


def test_a_device_is_written_to_not_replaced(tmp_path: Path) -> None:
    words = ("report", "seed-2018", "--format", "csv", "--output", "/dev/stdout")
    assert nestlab(*words, home=tmp_path).out.startswith("workload,case,")
