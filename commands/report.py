"""One page of the latest run, `reports/index.html`: verdicts, figures, plots. It opens offline."""

import io
import json
import sys
from pathlib import Path
from typing import Any

import altair as alt
import pandas as pd
from jinja2 import Environment, FileSystemLoader, select_autoescape
from markupsafe import Markup

from tapeline.outputs import whole_file

PAGE = Path("reports/index.html")
METRICS = ("data", "lstm", "transformer", "backtest", "promotion", "latency")
DETAILS = ("evaluation", "promotion", "lstm_training", "transformer_training", "expectations")


def write_report() -> Path:
    """Write the page from `metrics/` and `plots/`; exit in one line if a run has not left them."""
    try:
        metrics = {name: _read(f"metrics/{name}.json") for name in METRICS}
        detail = {name: _read(f"metrics/detail/{name}.json") for name in DETAILS}
        charts = draw_charts()
    except FileNotFoundError as error:
        sys.exit(f"{error.filename} is not there: run `dvc repro` first")
    folder = Path(__file__).parent
    environment = Environment(loader=FileSystemLoader(folder), autoescape=select_autoescape(["j2"]))
    environment.filters["figure"] = figure
    page = environment.get_template("report.html.j2").render(metrics=metrics, detail=detail, charts=charts)
    with whole_file(PAGE) as aside:
        aside.write_text(page, encoding="utf-8")
    return PAGE


def draw_charts() -> dict[str, Markup]:
    """SVG of each plot, by name."""
    histories = {name: pd.read_csv(f"plots/{name}_history.csv") for name in ("lstm", "transformer")}
    charts = {f"{name} loss": _learning_curve(history) for name, history in histories.items()}
    charts["reliability"] = _reliability(pd.read_csv("plots/reliability.csv"))
    charts["equity"] = _equity(pd.read_csv("plots/equity.csv"))
    return {name: _svg(chart.properties(title=name)) for name, chart in charts.items()}


def figure(value: Any) -> str:
    """A value as a person reads it: four significant digits, a dash where it is not defined."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and abs(value) < 1e4:
        return f"{value:.4g}"
    return f"{value:,.0f}" if isinstance(value, int | float) else str(value)


def _learning_curve(history: pd.DataFrame) -> alt.Chart:
    long = history.melt(["fold", "epoch"], ["training_loss", "validation_loss"], "part", "loss")
    lines = alt.Chart(long, width=320, height=200).mark_line(point=True)
    return lines.encode(
        x="epoch:O",
        y=alt.Y("loss", scale=alt.Scale(zero=False)),
        color="part",
        strokeDash=alt.StrokeDash("fold:N"),
    )


def _reliability(table: pd.DataFrame) -> alt.LayerChart:
    scale = alt.Scale(domain=[0, 1])
    chart = alt.Chart(table, width=320, height=200)
    x = alt.X("mean_probability", scale=scale, title="predicted probability")
    points = chart.mark_line(point=True).encode(x, alt.Y("observed", scale=scale, title="share that rose"))
    interval = chart.mark_rule().encode(x, alt.Y("low"), alt.Y2("high"))
    ends = pd.DataFrame({"mean_probability": [0, 1], "observed": [0, 1]})
    diagonal = alt.Chart(ends).mark_line(strokeDash=[4, 4], color="grey").encode(x, alt.Y("observed"))
    return diagonal + interval + points


def _equity(table: pd.DataFrame) -> alt.Chart:
    lines = alt.Chart(table, width=680, height=200).mark_line()
    return lines.encode(x=alt.X("timestamp:T", title=None), y=alt.Y("equity", scale=alt.Scale(zero=False)))


def _svg(chart: alt.Chart) -> Markup:
    buffer = io.StringIO()
    chart.save(buffer, format="svg")
    return Markup(buffer.getvalue())


def _read(path: str) -> Any:
    return json.loads(Path(path).read_text(encoding="utf-8"))


if __name__ == "__main__":
    print(f"written: {write_report()}")
