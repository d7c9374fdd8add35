"""What `doctor` shows people: one machine in full, or many in a table."""

from collections.abc import Iterable
from dataclasses import dataclass

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from nestlab.check.rule import Finding
from nestlab.check.verdict import Verdict
from nestlab.harmless import plain
from nestlab.report.text import ABSENT

_STYLES = {"error": "bold red", "warning": "yellow", "info": "cyan", "ok": "green"}


@dataclass(frozen=True)
class Line:
    """A target in the summary; `seconds` until its answer came."""

    target: str
    verdict: Verdict
    seconds: float


def diagnosis(target: str, verdict: Verdict, *, everything: bool, wrapped: bool) -> Group:
    """The verdict on top, then what was found by severity.

    everything  also the checks that passed
    wrapped     whether long lines are broken to the console's width, with their indentation
    """
    shown = [found for found in verdict.findings if everything or found.severity != "ok"]
    passed = sum(found.severity == "ok" for found in verdict.findings)
    parts: list[RenderableType] = [_headline(target, verdict)]
    parts += [_finding(found, wrapped=wrapped) for found in shown]
    if passed and not everything:
        parts.append(Text(f"\n{passed} checks passed; --verbose shows them", style="dim"))
    return Group(*parts)


def summary(lines: Iterable[Line]) -> Table:
    """One row per target."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for heading in ("target", "ready", "depth", "first broken link", "what"):
        table.add_column(heading, overflow="fold")
    table.add_column("s", justify="right")
    for line in lines:
        verdict = line.verdict
        table.add_row(
            Text(plain(line.target), style="bold"),
            _word(verdict),
            Text(_depth(verdict)),
            Text(plain(verdict.broken_link or "")),
            Text(plain(_reason(verdict))),
            Text(f"{line.seconds:.1f}"),
        )
    return table


def _headline(target: str, verdict: Verdict) -> Text:
    style = (
        "bold green" if verdict.ready else "bold yellow" if verdict.emulated_only else "bold red"
    )
    text = Text()
    text.append(f"{plain(target)}: ", style="bold")
    text.append(plain(verdict.verdict), style=style)
    proof = "a guest was run to see it" if verdict.proved else "no guest was run to prove it"
    text.append(f"\nguest levels that will work: {_depth(verdict)}; {proof}", style="dim")
    return text


def _finding(found: Finding, *, wrapped: bool) -> Group:
    head = Text()
    head.append(f"\n{found.severity} ", style=_STYLES[found.severity])
    head.append(plain(found.code), style="bold")
    lines = [("", found.what, "")]
    if found.severity != "ok":
        lines += [("why: ", found.why, "dim"), ("do:  ", found.remedy, "")]
    return Group(head, *(_indented(*line, wrapped=wrapped) for line in lines if line[1]))


def _indented(label: str, text: str, style: str, *, wrapped: bool) -> RenderableType:
    """Further lines of a long one stand below its first word."""
    line = Text(label + plain(text), style=style)
    return Padding(line, (0, 0, 0, 2)) if wrapped else Text("  ").append_text(line)


def _word(verdict: Verdict) -> Text:
    if verdict.ready:
        return Text("yes", style="green")
    return Text("emulated", style="yellow") if verdict.emulated_only else Text("no", style="red")


def _depth(verdict: Verdict) -> str:
    return ABSENT if verdict.max_depth is None else str(verdict.max_depth)


def _reason(verdict: Verdict) -> str:
    broken = next((f for f in verdict.findings if f.code == verdict.broken_link), None)
    return broken.what if broken else ""
