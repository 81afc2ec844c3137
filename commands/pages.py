"""How the reports' pages are made: one template each, charts as SVG, nothing loaded from elsewhere."""

import io
import json
from pathlib import Path
from typing import Any

import altair as alt
from jinja2 import Environment, FileSystemLoader, select_autoescape
from markupsafe import Markup

from tapeline.outputs import whole_file


def write_page(path: Path, template: str, **content: Any) -> Path:
    """Render `template` of this folder with `content` into `path`, and return that."""
    loader = FileSystemLoader(Path(__file__).parent)
    environment = Environment(loader=loader, autoescape=select_autoescape(["j2"]))
    environment.filters["figure"] = figure
    page = environment.get_template(template).render(content)
    with whole_file(path) as aside:
        aside.write_text(page, encoding="utf-8")
    return path


def read_json(path: Path | str) -> Any:
    """Parse the JSON file at `path`."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


def figure(value: Any) -> str:
    """A value as a person reads it: four significant digits, a dash where it is not defined."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and abs(value) < 1e4:
        return f"{value:.4g}"
    return f"{value:,.0f}" if isinstance(value, int | float) else str(value)


def svg(chart: alt.TopLevelMixin) -> Markup:
    """Draw `chart` as SVG to stand in a page."""
    buffer = io.StringIO()
    chart.save(buffer, format="svg")
    return Markup(buffer.getvalue())
