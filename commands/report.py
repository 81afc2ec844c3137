"""The reports of the latest run: `reports/data.html` about the data, `reports/index.html` about all of it.

Each is one page that opens offline.
"""

import sys
from pathlib import Path

import altair as alt
import pandas as pd
from markupsafe import Markup

from commands.data_report import write_data_report
from commands.pages import read_json, svg, write_page
from tapeline.errors import QualityError
from tapeline.quality.report import require_passed

PAGE = Path("reports/index.html")
METRICS = ("data", "lstm", "transformer", "backtest", "promotion", "latency")
DETAILS = ("evaluation", "promotion", "lstm_training", "transformer_training", "expectations")


def write_report() -> Path:
    """Write the page of the whole run from `metrics/` and `plots/`.

    FileNotFoundError names the file that a run has not left; QualityError says that the data did not
    pass, so that figures which are there are of an earlier run.
    """
    require_passed("metrics/detail/expectations.json")
    metrics = {name: read_json(f"metrics/{name}.json") for name in METRICS}
    detail = {name: read_json(f"metrics/detail/{name}.json") for name in DETAILS}
    return write_page(PAGE, "report.html.j2", metrics=metrics, detail=detail, charts=draw_charts())


def draw_charts() -> dict[str, Markup]:
    """SVG of each plot, by name."""
    charts = {f"{name} loss": _learning_curve(read_history(name)) for name in ("lstm", "transformer")}
    charts["reliability"] = _reliability(pd.read_csv("plots/reliability.csv"))
    charts["accuracy by confidence"] = _confidence(pd.read_csv("plots/confidence.csv"))
    charts["equity"] = _equity(pd.read_csv("plots/equity.csv"))
    return {name: svg(chart.properties(title=name)) for name, chart in charts.items()}


def read_history(network: str) -> pd.DataFrame:
    """Losses of every fold and epoch, one a line: `fold`, `step`, `part`, `loss`."""
    found = []
    for path in sorted(Path(f"plots/{network}_history").glob("fold_*/plots/metrics/*.tsv")):
        table = pd.read_csv(path, sep="\t").rename(columns={path.stem: "loss"})
        found.append(table.assign(fold=path.parents[2].name, part=path.stem))
    if not found:
        raise FileNotFoundError(2, "no history", f"plots/{network}_history")
    return pd.concat(found, ignore_index=True)


def _learning_curve(history: pd.DataFrame) -> alt.LayerChart:
    """Mean of the folds that trained that long, in the band of the lowest and the highest of them."""
    base = alt.Chart(history, width=320, height=200).encode(x=alt.X("step:O", title="epoch"), color="part")
    scale = alt.Scale(zero=False)
    band = base.mark_area(opacity=0.2).encode(
        alt.Y("min(loss):Q", scale=scale, title="loss"), alt.Y2("max(loss):Q")
    )
    return band + base.mark_line(point=True).encode(alt.Y("mean(loss):Q", scale=scale))


def _confidence(table: pd.DataFrame) -> alt.LayerChart:
    scale = alt.Scale(zero=False)
    chart = alt.Chart(table, width=320, height=200)
    x = alt.X("confidence", scale=scale, title="confidence of the prediction")
    points = chart.mark_line(point=True).encode(x, alt.Y("accuracy", scale=scale, title="share right"))
    return chart.mark_rule().encode(x, alt.Y("low", scale=scale), alt.Y2("high")) + points


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


def main() -> None:
    """Write what the run has left enough for, and say in a line what is missing for the rest.

    Exits non-zero if not even the page about the data could be written.
    """
    try:
        print(f"written: {write_data_report()}")
    except FileNotFoundError as error:
        sys.exit(f"{error.filename} is not there: run `dvc repro` first")
    try:
        print(f"written: {write_report()}")
    except (FileNotFoundError, QualityError) as error:
        reason = f"{error.filename} is not there" if isinstance(error, OSError) else "the data did not pass"
        print(f"{PAGE}: {'left as an earlier run wrote it' if PAGE.exists() else 'not written'}, {reason}")


if __name__ == "__main__":
    main()
