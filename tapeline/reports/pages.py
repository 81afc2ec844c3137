"""How the reports' pages are made: one template each, charts in the page, nothing loaded from elsewhere."""

import functools
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import altair as alt
import vl_convert
from jinja2 import Environment, FileSystemLoader, select_autoescape
from markupsafe import Markup

from tapeline.outputs import whole_file
from tapeline.reports.colours import INK

# Letters and axes have the page's own colour, so that a chart is read on a dark ground as well.
OF_PAGE = {
    "background": "transparent",
    "axis": {"labelColor": INK, "titleColor": INK, "gridColor": INK, "gridOpacity": 0.15, "domainColor": INK,
             "tickColor": INK, "domainOpacity": 0.4, "tickOpacity": 0.4, "titleFontWeight": "normal"},
    "legend": {"labelColor": INK, "titleColor": INK, "titleFontWeight": "normal"},
    "header": {"labelColor": INK, "titleColor": INK, "titleFontWeight": "normal"},
    "title": {"color": INK},
    "view": {"stroke": None},
    "rule": {"color": INK},
    "text": {"color": INK},
}  # fmt: skip


def write_page(
    path: Path, template: str, filters: dict[str, Callable[..., Any]] | None = None, **content: Any
) -> Path:
    """Render `template` of this folder with `content` and `filters` into `path`, and return that."""
    loader = FileSystemLoader(Path(__file__).parent)
    environment = Environment(loader=loader, autoescape=select_autoescape(["j2"]))
    environment.filters |= {"figure": figure} | (filters or {})
    page = environment.get_template(template).render(content)
    with whole_file(path) as aside:
        aside.write_text(page, encoding="utf-8")
    return path


def figure(value: Any) -> str:
    """A value as a person reads it: four significant digits, a dash where it is not defined."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(figure, value))
    if isinstance(value, dict):
        return ", ".join(f"{name.replace('_', ' ')} {figure(item)}" for name, item in value.items())
    if isinstance(value, float) and abs(value) < 1e4:
        return f"{value:.4g}"
    return f"{value:,.0f}" if isinstance(value, int | float) else str(value)


def svg(chart: alt.TopLevelMixin, name: str = "") -> Markup:
    """Draw `chart` as SVG to stand in a page; `name`, once on the page, keeps its references its own."""
    buffer = io.StringIO()
    chart.save(buffer, format="svg")
    drawn = buffer.getvalue()
    # They are counted up by all charts of a process, so the same chart would not be the same text again.
    for number, reference in enumerate(dict.fromkeys(re.findall(r' id="([^"]+)"', drawn)) if name else ()):
        drawn = drawn.replace(f'"{reference}"', f'"{name}-{number}"').replace(
            f"#{reference})", f"#{name}-{number})"
        )
    return Markup(drawn)


def embed(
    parts: dict[str, list[tuple[str, str, alt.TopLevelMixin]]],
) -> tuple[dict[str, list[dict[str, str]]], Markup]:
    """Return where the charts of each part stand in a page, and the scripts that draw them there.

    parts : part -> (title, file, chart); the scripts hold Vega itself, so that the page works offline
    """
    places: dict[str, list[dict[str, str]]] = {}
    drawn: dict[str, dict[str, Any]] = {}
    for part, charts in parts.items():
        for title, file, chart in charts:
            name = f"chart-{len(drawn)}"
            drawn[name] = spec = chart.to_dict()
            spec["config"] = {
                key: value for key, value in spec.get("config", {}).items() if key != "view"
            } | OF_PAGE
            places.setdefault(part, []).append({"id": name, "title": title, "file": file})
    options = json.dumps({"renderer": "svg", "actions": False})
    # Inside a string a closing tag would end the script, and `<!--<script>` keep it from ending.
    specs = json.dumps(drawn).replace("<", "\\u003c")
    draw = f"for (const [id, spec] of Object.entries({specs})) vegaEmbed('#' + id, spec, {options});"
    return places, Markup(f'<script type="module">{_vega()}\n{draw}</script>')


@functools.cache  # takes seconds to put together
def _vega() -> str:
    # Typed as needing a snippet; without one it returns the whole bundle.
    scripts: str = vl_convert.javascript_bundle()  # type: ignore[call-arg]
    return scripts.replace("</script", "<\\/script")
