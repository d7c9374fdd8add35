"""The page as a whole."""

import functools
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from nestlab import __version__
from nestlab.report.html.distributions import exit_costs, latencies
from nestlab.report.html.environment import environment
from nestlab.report.html.exhibit import Exhibit
from nestlab.report.html.headline import headline
from nestlab.report.html.inline import begin_script, data_text, policy, script, style
from nestlab.report.html.losses import losses
from nestlab.report.html.machines import EMULATED, Look, looks
from nestlab.report.html.reproduce import reproduction
from nestlab.report.html.rounds import rounds
from nestlab.report.models import Report
from nestlab.report.rows import rows
from nestlab.report.text import shown
from nestlab.result.models import Result


@dataclass(frozen=True)
class Section:
    """Exhibits under a heading; `empty` says why there are none."""

    id: str
    title: str
    about: str
    exhibits: tuple[Exhibit, ...]
    empty: str


def page(result: Result) -> str:
    """The page of a result, the same for the same file. Pure.

    Whatever a result says gets into it as text: printable, bounded and escaped.
    """
    if result.series:
        begin_script()
    report, looked = rows(result), looks(result)
    sections = tuple(_sections(result, report, looked))
    charts = {
        exhibit.chart.id: exhibit.chart.spec
        for section in sections
        for exhibit in section.exhibits
        if exhibit.chart
    }
    style_text, script_text = style(), script() if charts else None
    return _template().render(
        policy=policy(style_text=style_text, script_text=script_text),
        style=Markup(style_text),  # noqa: S704 - our own file
        script=Markup(script_text) if script_text else None,  # noqa: S704 - our own and Vega's
        charts=Markup(data_text(charts)),  # noqa: S704 - has no character that means anything
        result=result,
        version=__version__,
        is_emulated=any(look.is_emulated for look in looked.values()),
        emulated_word=EMULATED,
        headline=headline(result, report, looked),
        environment=environment(result, looked),
        sections=sections,
        warnings=report.warnings,
        reproduction=reproduction(result),
        command=shlex.join(result.run.argv),
    )


def _sections(result: Result, report: Report, looked: Mapping[str, Look]) -> Iterator[Section]:
    yield Section(
        "losses",
        "Loss per workload",
        "A point is the change of the median from the level above, the line its 95 % interval; a "
        "hollow point shows no difference, since its interval includes 0.",
        tuple(losses(report, looked)),
        "Nothing was measured.",
    )
    yield Section(
        "latency",
        "Latency distributions",
        "Quantiles of single operations, as the tools report them; less is better.",
        tuple(latencies(report, looked)),
        "No workload of this run reports latencies.",
    )
    yield Section(
        "rounds",
        "Rounds over time",
        "The first figure of each case, every sample against the median of its machine. A line "
        "that climbs or falls is a drift; a median says little then.",
        tuple(rounds(result, looked)),
        "Every figure has one sample: what changes over time cannot be seen. Measure more rounds.",
    )
    yield Section(
        "exits",
        "Exit costs",
        "What one CPUID, timer, wake-up or page fault costs at each level, by the machine's clock.",
        tuple(exit_costs(report, looked)),
        "The workload exits was not measured.",
    )


@functools.cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("nestlab.report.html", ""),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_harmless,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["svg"] = Markup  # Vega escapes what it draws
    return environment.get_template("page.html")


def _harmless(value: object) -> object:
    """Every string that the template shows, printable and bounded; ours are neither changed."""
    return value if isinstance(value, Markup) or not isinstance(value, str) else shown(value, 2000)
