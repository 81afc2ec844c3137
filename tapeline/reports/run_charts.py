"""The charts of a run, each drawn from one of its files."""

from pathlib import Path
from typing import Any, Literal

import altair as alt
import pandas as pd

from tapeline.models.table import NETWORKS
from tapeline.reports.card_charts import equity_bounds
from tapeline.reports.colours import BAD, MODEL, PLAIN

HEIGHT = 220
WIDE = alt.Scale(zero=False)
LOSS, GAIN = "#f0a8a2", "#9cc3ea"  # light: figures are written on them
DAY = alt.Axis(format="%-d %b", labelOverlap="greedy", labelSeparation=4)
PERCENT = alt.Axis(format=".0%", tickCount=10)

alt.data_transformers.disable_max_rows()  # a year of hours is more than Altair draws unasked


def draw_run(equity: pd.DataFrame) -> dict[str, list[tuple[str, str, alt.TopLevelMixin]]]:
    """Title, file and chart of every figure, by the part of the page it belongs to.

    equity : hour by hour, as `account_tables.read_equity` reads it
    """
    odds = pd.read_csv("plots/odds.csv")
    return {
        "probabilities": [
            (
                "Predicted probability and what came of it",
                "plots/reliability.csv",
                reliability(pd.read_csv("plots/reliability.csv")),
            ),
            (
                "Share right by confidence",
                "plots/confidence.csv",
                confidence(pd.read_csv("plots/confidence.csv")),
            ),
        ],
        "equity": [
            (
                "Equity, hour by hour, its intrabar low, and the floors",
                "plots/equity.csv",
                floors(equity),
            ),
            ("Drawdown from the running peak", "plots/equity.csv", drawdown(equity)),
            ("Net PnL by UTC day", "plots/daily_pnl.csv", daily(pd.read_csv("plots/daily_pnl.csv"))),
        ],
        "odds": []
        if odds.empty  # where ftmo.program is none
        else [
            (
                "Balance in resampled challenges: median, half and nine in ten of them",
                "plots/odds.csv",
                fan(odds, equity_bounds(equity)[0]),
            )
        ],
        "stress": [
            (
                "Net PnL against latency",
                "plots/latency.csv",
                curve(pd.read_csv("plots/latency.csv"), "latency_s", "seconds from close to fill", "symlog"),
            ),
            (
                "Net PnL against costs",
                "plots/cost_stress.csv",
                curve(pd.read_csv("plots/cost_stress.csv"), "multiple", "multiple of all costs", "linear"),
            ),
        ],
        "edge": [
            (
                "Gross move over the costs of its round trip, by confidence and holding time",
                "metrics/detail/edge.json",
                edge(pd.read_json("metrics/detail/edge.json", orient="records")),
            )
        ],
        "training": [
            (
                f"Loss of the {model.title}",
                f"plots/{model.name}_history",
                learning_curve(read_history(model.name)),
            )
            for model in NETWORKS
        ],
    }


def read_history(network: str) -> pd.DataFrame:
    """Losses of every fold, member and epoch, one per row: `fold`, `member`, `step`, `part`, `loss`."""
    tables = []
    root = Path(f"plots/{network}_history")
    for path in sorted(root.glob("fold_*/**/plots/metrics/*.tsv")):
        fold, *member = path.relative_to(root).parts[:-3]  # a network alone has no folder of its own
        table = pd.read_csv(path, sep="\t").rename(columns={path.stem: "loss"})
        tables.append(table.assign(fold=fold, member=" ".join(member), part=path.stem))
    if not tables:
        raise FileNotFoundError(2, "no history", f"plots/{network}_history")
    return pd.concat(tables, ignore_index=True)


def _chart(table: pd.DataFrame) -> alt.Chart:
    return alt.Chart(table, width="container", height=HEIGHT)


def edge(table: pd.DataFrame) -> alt.FacetChart:
    """Gross move in multiples of costs: blue for a gain, white for zero, red for a loss.

    Without costs there are no multiples of them: cells with a number and no colour.
    """
    table = table.assign(
        multiple=table["gross_bps"] / table["cost_bps"].where(table["cost_bps"] > 0),
        confidence=(100 * table["share"]).map("top {:g} %".format),
    )
    bound = max(1.0, float(table["multiple"].abs().max()))
    scale = alt.Scale(domain=[-bound, 0, bound], range=[LOSS, "#ffffff", GAIN])
    order = list(dict.fromkeys(table.sort_values("share")["confidence"]))
    base = alt.Chart(width=alt.Step(36)).encode(
        alt.X("hold:O", title="candles held"), alt.Y("confidence:O", title=None, sort=order)
    )
    cells = base.mark_rect().encode(
        alt.Color("multiple:Q", scale=scale, title="gross over costs"), tooltip=list(table.columns)
    )
    words = base.mark_text(fontSize=10, color="#1d2126").encode(alt.Text("gross_bps:Q", format=".1f"))
    return alt.layer(cells, words, data=table).facet(
        facet=alt.Facet("symbol:N", title="basis points gross, mean of a call", sort=None), columns=3
    )


def learning_curve(history: pd.DataFrame) -> alt.LayerChart:
    """Mean of the folds, and their members, that trained that long, in the band of lowest and highest."""
    base = _chart(history).encode(x=alt.X("step:O", title="epoch"), color=alt.Color("part", title=None))
    band = base.mark_area(opacity=0.2).encode(
        alt.Y("min(loss):Q", scale=WIDE, title="loss"), alt.Y2("max(loss):Q")
    )
    chart: alt.LayerChart = band + base.mark_line(point=True).encode(alt.Y("mean(loss):Q", scale=WIDE))
    return chart


def confidence(table: pd.DataFrame) -> alt.LayerChart:
    """Accuracy with its interval against the prediction's confidence."""
    x = alt.X("confidence", scale=WIDE, title="confidence of the prediction", axis=PERCENT)
    points = (
        _chart(table)
        .mark_line(point=True, color=MODEL)
        .encode(
            x, alt.Y("accuracy", scale=WIDE, title="share right", axis=PERCENT), tooltip=list(table.columns)
        )
    )
    interval = _chart(table).mark_rule().encode(x, alt.Y("low", scale=WIDE), alt.Y2("high"))
    chart: alt.LayerChart = interval + points
    return chart


def reliability(table: pd.DataFrame) -> alt.LayerChart:
    """Observed against predicted, with intervals and the diagonal; a point's size is its count."""
    scale = alt.Scale(domain=[0, 1])
    x = alt.X("mean_probability", scale=scale, title="predicted probability", axis=PERCENT)
    y = alt.Y("observed", scale=scale, title="share that rose", axis=PERCENT)
    points = (
        _chart(table)
        .mark_point(filled=True, color=MODEL)
        .encode(x, y, alt.Size("count:Q", title="candles"), tooltip=list(table.columns))
    )
    interval = _chart(table).mark_rule().encode(x, alt.Y("low", title=""), alt.Y2("high"))
    ends = pd.DataFrame({"mean_probability": [0, 1], "observed": [0, 1]})
    diagonal = _chart(ends).mark_line(strokeDash=[4, 4], color=PLAIN).encode(x, y)
    chart: alt.LayerChart = diagonal + interval + points
    return chart


def floors(table: pd.DataFrame) -> alt.LayerChart | alt.FacetChart:
    """Equity above the floors that FTMO's program sets, not far below them, beside buy-and-hold."""
    x = alt.X("timestamp:T", title=None)
    lines, scale = _chart(table), alt.Scale(domain=list(equity_bounds(table)), nice=False)

    def line(column: str, colour: str, **how: Any) -> alt.Chart:
        mark = lines.mark_line(color=colour, clip=True, **how)
        y = alt.Y(f"{column}:Q", scale=scale, title="account currency" if column == "equity" else "")
        drawn: alt.Chart = mark.encode(x, y, tooltip=list(table.columns))
        return drawn

    account = line("account_floor", BAD, interpolate="step-after")
    day = line("daily_floor", PLAIN, interpolate="step-after")
    held = [line("buy_and_hold", PLAIN, strokeDash=[4, 3])] if "buy_and_hold" in table else []
    own = line("lowest", MODEL, opacity=0.3), line("equity", MODEL)
    return alt.layer(account, day, *held, *own)


def drawdown(table: pd.DataFrame) -> alt.Chart:
    """Fall from the running peak, as a fraction of it."""
    y = alt.Y("drawdown", axis=alt.Axis(format=".1%"), title="drawdown", scale=alt.Scale(reverse=True))
    area = _chart(table).mark_area(color=BAD, opacity=0.5)
    chart: alt.Chart = area.encode(alt.X("timestamp:T", title=None), y)
    return chart


def daily(table: pd.DataFrame) -> alt.Chart:
    """Net PnL by day, a bar each."""
    colour = alt.condition(alt.datum.net_pnl < 0, alt.value(BAD), alt.value(MODEL))
    y = alt.Y("net_pnl", title="net PnL")
    x, bars = alt.X("utcyearmonthdate(day):T", title=None, axis=DAY), _chart(table).mark_bar()
    chart: alt.Chart = bars.encode(x, y, color=colour, tooltip=list(table.columns))
    return chart


def fan(table: pd.DataFrame, floor: float | None = None) -> alt.LayerChart:
    """Quantiles of balance day by day, of the model and of the same trades without an edge.

    floor : below which nothing is drawn, as the account is long closed
    """
    base = _chart(table).encode(
        x=alt.X("day:Q", title="account days"),
        color=alt.Color("kind", title=None, scale=alt.Scale(range=[MODEL, PLAIN])),
    )
    highest = float(table["q95"].max())
    low = float(table["q05"].min()) if floor is None else max(float(table["q05"].min()), floor)
    scale = alt.Scale(domain=[low, max(highest, low)], nice=False)
    outer = base.mark_area(opacity=0.15, clip=True).encode(
        alt.Y("q05", scale=scale, title="balance"), alt.Y2("q95")
    )
    inner = base.mark_area(opacity=0.3, clip=True).encode(alt.Y("q25", scale=scale), alt.Y2("q75"))
    chart: alt.LayerChart = outer + inner + base.mark_line(clip=True).encode(alt.Y("q50", scale=scale))
    return chart


def curve(
    table: pd.DataFrame, column: str, title: str, scale: Literal["linear", "symlog"]
) -> alt.LayerChart | alt.Chart:
    """Net PnL with its interval along a param; a text where nothing was traded."""
    table = table.dropna(subset=["net_pnl"])
    if table.empty:
        words = _chart(pd.DataFrame({"word": ["no trades"]})).mark_text(color=PLAIN)
        word: alt.Chart = words.encode(text="word")
        return word
    tried = sorted(table[column].unique().tolist())  # labels stand at these, unrounded, and at no others
    axis = alt.Axis(values=tried, labelExpr="'' + datum.value", labelOverlap="greedy", labelSeparation=6)
    x = alt.X(f"{column}:Q", title=title, scale=alt.Scale(type=scale, zero=True), axis=axis)
    line = (
        _chart(table)
        .mark_line(point=True, color=MODEL)
        .encode(x, alt.Y("net_pnl:Q", title="net PnL"), tooltip=list(table.columns))
    )
    interval = _chart(table).mark_rule().encode(x, alt.Y("net_pnl_low:Q", title=""), alt.Y2("net_pnl_high"))
    nothing = alt.Chart(pd.DataFrame({"net_pnl": [0]})).mark_rule(color=PLAIN, strokeDash=[4, 4])
    chart: alt.LayerChart = nothing.encode(alt.Y("net_pnl:Q")) + interval + line
    return chart
