"""`reports/live.html`, which opens offline: the state first, then what it rests on."""

from pathlib import Path
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
from markupsafe import Markup

from tapeline.evaluation.live import LiveParams
from tapeline.evaluation.promise import ACCURACY
from tapeline.live.followed import Followed
from tapeline.live.production import Production
from tapeline.live.state import State, counted
from tapeline.reports.colours import BAD, INK, MODEL
from tapeline.reports.pages import OF_PAGE, svg, write_page

PAGE = Path("reports/live.html")
DRIFTED = 10  # features that the page lists
WIDTH, HEIGHT = 620, 200
LEAST = 20  # calls of a bin below which its share of rises says nothing


def write_live_page(
    production: Production, followed: Followed, state: State, params: LiveParams, path: Path = PAGE
) -> Path:
    """Write the page of a state."""
    directions = [name for name in production.promises if (name, ACCURACY) in followed.watch.names]
    charts = {
        "equity": _equity(production, followed) if state.account else None,
        "accuracy": {name: _accuracy(followed, name) for name in directions},
        "calibration": {name: _calibration(followed, name) for name in directions},
    }
    return write_page(
        path,
        "live.html.j2",
        {"minute": lambda time: f"{time:%Y-%m-%d %H:%M}", "money": lambda value: f"{value:,.2f}"},
        state=state,
        market=production.stream.market,
        counted=counted(state),
        ids=production.ids,
        params=params,
        charts=charts,
        drifted=list(state.drift.items())[:DRIFTED],
    )


def _equity(production: Production, followed: Followed) -> Markup:
    rows = pd.DataFrame(followed.equity, columns=["time", "equity", "lowest"])
    rows["time"] = pd.to_datetime(rows["time"], unit="us")
    time = alt.X("time:T", title=None)
    scale = alt.Scale(zero=False)
    layers = [
        alt.Chart(rows)
        .mark_line(color=MODEL, strokeWidth=1)
        .encode(time, alt.Y("equity:Q", title="equity", scale=scale)),
        alt.Chart(rows).mark_line(color=MODEL, opacity=0.3, strokeWidth=1).encode(time, alt.Y("lowest:Q")),
    ]
    floors = floors_of(production, followed)
    if floors:
        lines = pd.DataFrame({"floor": floors.values(), "what": floors.keys()})
        layers.append(alt.Chart(lines).mark_rule(color=BAD, strokeDash=[4, 3]).encode(alt.Y("floor:Q")))
    return _drawn(alt.layer(*layers), "equity")


def floors_of(production: Production, followed: Followed) -> dict[str, float]:
    """What the account's equity must stay above: over all, and today; none without a program."""
    trading, account = production.trading, followed.account
    program = trading.ftmo.chosen if trading else None
    if trading is None or account is None or program is None:
        return {}
    initial = trading.signals.initial_balance
    floors = {"today": account.midnight_balance - program.daily_loss * initial}
    if not program.is_trailing:
        floors["over all"] = initial * (1 - program.max_loss)
    return floors


def _accuracy(followed: Followed, artifact: str) -> Markup:
    figure = followed.watch.figure(artifact, ACCURACY)
    moments = pd.DataFrame(followed.watch.series(artifact, ACCURACY), columns=["time", "hit"])
    day = pd.to_datetime(moments["time"], unit="us").dt.floor("D")
    daily = moments.groupby(day)["hit"].mean().rename_axis("day").reset_index(name="accuracy")
    band = pd.DataFrame({"low": [figure.bound or figure.mean], "high": [figure.mean]})
    chart = alt.layer(
        alt.Chart(band).mark_rect(color=MODEL, opacity=0.15).encode(alt.Y("low:Q"), alt.Y2("high:Q")),
        alt.Chart(daily)
        .mark_line(color=MODEL, point=True)
        .encode(
            alt.X("day:T", title=None), alt.Y("accuracy:Q", title="accuracy", scale=alt.Scale(zero=False))
        ),
    )
    return _drawn(chart, f"accuracy-{artifact}")


def _calibration(followed: Followed, artifact: str) -> Markup:
    bins = followed.watch.calibration[artifact]
    bins = bins[bins[:, 2] >= LEAST]
    number = np.maximum(bins[:, 2:], 1)
    rows = pd.DataFrame(bins[:, :2] / number, columns=["said", "rises"]).assign(number=bins[:, 2])
    ideal = pd.DataFrame({"said": [0.0, 1.0], "rises": [0.0, 1.0]})
    chart = alt.layer(
        alt.Chart(ideal)
        .mark_line(color=INK, opacity=0.4, strokeDash=[4, 3])
        .encode(alt.X("said:Q"), alt.Y("rises:Q")),
        alt.Chart(rows)
        .mark_line(color=MODEL, point=True)
        .encode(alt.X("said:Q", title="probability said"), alt.Y("rises:Q", title="share of rises")),
    )
    return _drawn(chart, f"calibration-{artifact}")


def _drawn(chart: Any, name: str) -> Markup:
    """The chart in the page's own colour of ink, read on a dark ground as well."""
    sized = chart.properties(width=WIDTH, height=HEIGHT).configure(**OF_PAGE)
    return svg(sized, name)
