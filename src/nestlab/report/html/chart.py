"""Charts as Vega-Lite by Altair, and drawn once as SVG.

The page's style sheet colours text, axes and grid, so that one drawing serves light, dark and
paper. Nothing of a result gets into an expression or a field's name: it is data and titles only.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import altair as alt
import vl_convert

from nestlab.report.html.exhibit import Chart
from nestlab.report.html.machines import EMULATED, Look

VEGA_LITE = ".".join(alt.SCHEMA_VERSION.removeprefix("v").split(".")[:2])
"""The version that Altair writes, for everything that reads it."""

Datum = dict[str, str | float | int | None]
Values = list[Datum]

_WIDTH = 680
"""Pixels of the drawing that needs no script."""
_LABEL = 170
"""Pixels of a label before it is cut; the table has it in full."""
_FONT = "system-ui, sans-serif"
_ID = re.compile(r'(?<=id=")(?:clip|gradient_)\d+(?=")')


def chart(
    name: str,
    title: str,
    about: str,
    layers: Sequence[alt.Chart],
    rows: Mapping[str, Values],
    *,
    is_emulated: bool,
) -> Chart:
    """Layers over the same scales as a chart of the page.

    title, about  what is shown, as a part of the picture, so that a copy of it is understood and
                  still says `emulated`
    rows          by the names that the layers have for their `data`
    """
    told = f"{EMULATED}: {about}" if is_emulated else about
    whole = alt.layer(*layers).properties(
        title=alt.Title(
            title,
            subtitle=told,
            anchor="start",
            fontSize=12,
            fontWeight="bold",
            subtitleFontSize=12,
            offset=8,
        ),
        width=_WIDTH,
        autosize=alt.AutoSizeParams(type="fit-x", contains="padding"),
    )
    whole = whole.configure(
        background="transparent",
        font=_FONT,
        padding={"left": 2, "right": 14, "top": 2, "bottom": 2},
    )
    whole = whole.configure_view(stroke=None)
    whole = whole.configure_axis(
        labelFontSize=12,
        titleFontSize=12,
        titleFontWeight="normal",
        labelLimit=_LABEL,
        labelFlush=False,
    )
    whole = whole.configure_legend(
        labelFontSize=12,
        symbolStrokeWidth=1.5,
        labelLimit=_LABEL,
    )
    spec: dict[str, Any] = whole.to_dict()
    # Vega's; Altair's schema does not know it. Legends below each other fit a phone.
    spec["config"]["legend"]["layout"] = {"top": {"direction": "vertical", "margin": 2}}
    # Only now: Altair copies and checks rows at each of its steps.
    spec["datasets"] = dict(rows)
    svg = vl_convert.vegalite_to_svg(spec, VEGA_LITE)
    return Chart(
        id=name,
        description=f"{title}, {told}. The table beside it has the values.",
        spec={**spec, "width": "container"},
        svg=_with_own_ids(svg, name),
    )


def band_height(bands: int, lanes: int) -> int:
    """Pixels of an axis with so many bands of so many lanes each."""
    return bands * (lanes * 16 + 12)


def data(name: str) -> alt.Data:
    """Rows of the chart, by their name."""
    found: alt.Data = alt.NamedData(name)
    return found


def machine_colour(looked: Iterable[Look], field: str) -> dict[str, Any]:
    """Encodings that give each machine its colour and shape; the legend shows both."""
    seen = list(looked)
    above = alt.Legend(orient="top", title=None, columns=1 if field == "step" else 2)
    shapes = alt.Scale(domain=named(seen, field), range=[look.shape for look in seen])
    return {
        "color": alt.Color(field, type="nominal", scale=colours(seen, field), legend=above),
        "shape": alt.Shape(field, type="nominal", scale=shapes, legend=above),
    }


def colours(looked: Iterable[Look], field: str) -> alt.Scale:
    """The machines' names, each with its colour."""
    seen = list(looked)
    return alt.Scale(domain=named(seen, field), range=[look.colour for look in seen])


def named(looked: Iterable[Look], field: str) -> list[str]:
    """The machines' names in a field of the data, in their order."""
    return [_named(look, field) for look in looked]


def _named(look: Look, field: str) -> str:
    return look.against if field == "step" else look.label


def _with_own_ids(svg: str, name: str) -> str:
    """The drawing with ids that no other one on the page has, and the same at every run."""
    for place, found in enumerate(dict.fromkeys(_ID.findall(svg))):
        own = f"{name}-{place}"
        svg = svg.replace(f'id="{found}"', f'id="{own}"').replace(f"url(#{found})", f"url(#{own})")
    return svg
