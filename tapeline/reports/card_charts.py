"""The pictures of the cards: small, still, each drawn twice, for a wide screen and for a phone."""

from dataclasses import dataclass
from typing import Any

import altair as alt
import pandas as pd

from tapeline.reports.colours import BAD, INK, MODEL, PLAIN

UNWATCHED_SHARE = 0.2  # of the allowed loss, that is drawn below a floor


@dataclass(frozen=True)
class Size:
    """Pixels of a picture with its axes, and of its letters."""

    name: str
    width: int
    height: int
    letters: int


SIZES = (Size("wide", 352, 118, 11), Size("narrow", 162, 74, 9))


def finish(chart: Any, size: Size) -> Any:
    """Set the chart to its size, everything in the page's own colour of ink."""
    axis = {
        "labelFontSize": size.letters,
        "titleFontSize": size.letters,
        "titleFontWeight": "normal",
        "labelColor": INK,
        "titleColor": INK,
        "gridOpacity": 0.15,
        "gridColor": INK,
        "domainColor": INK,
        "tickColor": INK,
        "domainOpacity": 0.4,
        "tickOpacity": 0.4,
        "tickCount": 4 if size.name == "wide" else 3,
        "labelOverlap": True,
        "titlePadding": 2,
        "labelPadding": 3,
        "tickSize": 3,
    }
    return (
        chart.properties(
            width=size.width,
            height=size.height,
            padding=2,
            autosize=alt.AutoSizeParams(type="fit", contains="padding"),
        )
        .configure(background="transparent", font="sans-serif")
        .configure_axis(**axis)
        .configure_view(stroke=None)
        .configure_text(color=INK, fontSize=size.letters)
    )


def interval_chart(points: pd.DataFrame, marks: pd.DataFrame, domain: tuple[float, float], size: Size) -> Any:
    """Points with intervals, a line of the picture each, and what they are held against as upright lines.

    points : `what`, `value`, `low`, `high`, `colour`, shares; marks : `what`, `value`
    """
    scale = alt.Scale(domain=list(domain), clamp=True, nice=False)
    steps = [0, 0.25, 0.5, 0.75, 1] if domain[0] < 0 else alt.Undefined
    x = alt.X("value:Q", scale=scale, title=None, axis=alt.Axis(format=".0%", values=steps))
    order = list(points["what"])
    y = alt.Y("what:N", sort=order, title=None, axis=alt.Axis(ticks=False, domain=False, labelLimit=90))
    colour = alt.Color("colour:N", scale=None)
    base = alt.Chart(points)
    bars = base.mark_rule(strokeWidth=3, opacity=0.6).encode(
        alt.X("low:Q", scale=scale, title=None), alt.X2("high:Q"), y, colour
    )
    dots = base.mark_point(filled=True, size=60, opacity=1).encode(x, y, colour)
    if marks.empty:
        return finish(bars + dots, size)
    lines = alt.Chart(marks).mark_rule(strokeDash=[4, 3], color=PLAIN).encode(x)
    return finish(lines + bars + dots, size)


def waterfall(steps: pd.DataFrame, size: Size) -> Any:
    """Bars from `start` to `end`, each beginning where the one before ended.

    steps : `what`, `start`, `end`, `colour`; money of the account
    """
    order = list(steps["what"])
    below = alt.Axis(
        labelAngle=0, labelLimit=60, ticks=False, labelOverlap=False, labelFontSize=size.letters - 1
    )
    beside = (
        alt.Axis(format="~s") if size.name == "wide" else alt.Axis(labels=False, ticks=False, domain=False)
    )
    bars = (
        alt.Chart(steps)
        .mark_bar()
        .encode(
            alt.X("what:N", sort=order, title=None, axis=below),
            alt.Y("start:Q", title=None, axis=beside),
            alt.Y2("end:Q"),
            alt.Color("colour:N", scale=None),
        )
    )
    zero = alt.Chart(pd.DataFrame({"y": [0]})).mark_rule(color=INK, opacity=0.5).encode(alt.Y("y:Q"))
    return finish(bars + zero, size)


def equity_bounds(table: pd.DataFrame) -> tuple[float, float]:
    """What of an account can happen: FTMO closes it at its floor, so little below that is drawn."""
    columns = [name for name in ("equity", "buy_and_hold") if name in table]
    low, high = float(table["lowest"].min()), float(table[columns].max().max())
    if table["account_floor"].notna().any():
        floor = float(table["account_floor"].min())
        allowed = max(float(table["equity"].iloc[0]) - floor, 1.0)
        low = max(min(low, floor), floor - UNWATCHED_SHARE * allowed)
    room = 0.04 * max(high - low, 1.0)
    return low - room, high + room


def equity_chart(table: pd.DataFrame, size: Size) -> Any:
    """Equity above its floors, buy-and-hold beside it where that is known."""
    scale = alt.Scale(domain=list(equity_bounds(table)), nice=False, zero=False)
    base = alt.Chart(table).encode(alt.X("timestamp:T", title=None, axis=alt.Axis(format="%-d %b")))

    def line(column: str, colour: str, **how: Any) -> Any:
        mark = base.mark_line(clip=True, color=colour, **how)
        return mark.encode(alt.Y(f"{column}:Q", scale=scale, title=None, axis=alt.Axis(format="~s")))

    lines = [
        line("daily_floor", PLAIN, interpolate="step-after", strokeWidth=1),
        line("account_floor", BAD, interpolate="step-after", strokeWidth=1.5),
    ]
    if "buy_and_hold" in table:
        lines.append(line("buy_and_hold", PLAIN, strokeDash=[4, 3], strokeWidth=1.2))
    return finish(alt.layer(*lines, line("equity", MODEL, strokeWidth=1.8)), size)


def drawdown_chart(table: pd.DataFrame, limit: float | None, size: Size) -> Any:
    """Fall from the running peak, downwards, to the limit at most that ends the account."""
    deepest = float(table["drawdown"].max())
    bottom = max(min(deepest, 1.2 * limit), limit) * 1.05 if limit else max(deepest * 1.1, 0.001)
    scale = alt.Scale(domain=[0, bottom], reverse=True, nice=False)
    y = alt.Y("drawdown:Q", scale=scale, title=None, axis=alt.Axis(format=".0%" if bottom > 0.03 else ".1%"))
    x = alt.X("timestamp:T", title=None, axis=alt.Axis(format="%-d %b"))
    area: Any = alt.Chart(table).mark_area(color=BAD, opacity=0.55, clip=True).encode(x, y)
    if limit:
        line = alt.Chart(pd.DataFrame({"drawdown": [limit]})).mark_rule(
            color=BAD, strokeDash=[4, 3], strokeWidth=1.5
        )
        area = area + line.encode(y)
    return finish(area, size)


def calibration_chart(table: pd.DataFrame, size: Size) -> Any:
    """What came of each probability that was said, with the diagonal on which it would be right."""
    scale = alt.Scale(domain=[0, 1])
    axis = alt.Axis(format=".0%", values=[0, 0.25, 0.5, 0.75, 1] if size.name == "wide" else [0, 0.5, 1])
    x = alt.X("mean_probability:Q", scale=scale, title=None, axis=axis)
    y = alt.Y("observed:Q", scale=scale, title=None, axis=axis)
    ends = alt.Chart(pd.DataFrame({"mean_probability": [0, 1], "observed": [0, 1]}))
    bars = alt.Chart(table).mark_rule(color=MODEL, opacity=0.6)
    dots = alt.Chart(table).mark_point(filled=True, color=MODEL, size=28, opacity=1)
    interval = bars.encode(x, alt.Y("low:Q", scale=scale, title=None), alt.Y2("high:Q"))
    return finish(
        ends.mark_line(strokeDash=[4, 3], color=PLAIN).encode(x, y) + interval + dots.encode(x, y), size
    )
