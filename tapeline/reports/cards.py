"""The six cards of a run: a figure, what it is held against, and a picture."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
from markupsafe import Markup

from tapeline.promotion.gates import FAILED, PASSED, Verdict
from tapeline.reports import card_charts
from tapeline.reports.card_charts import SIZES, Size
from tapeline.reports.colours import BAD, INK, MODEL, PLAIN
from tapeline.reports.pages import svg
from tapeline.reports.wording import Wording, equated, name_of, percent

Figures = dict[str, Any]


@dataclass(frozen=True)
class Card:
    """One card. verdict : of the run's gates on it; told : what the picture shows, in words."""

    name: str
    title: str
    figure: str
    verdict: str
    lines: tuple[str, ...]
    told: str
    pictures: tuple[tuple[str, Markup], ...]
    anchor: str


@dataclass(frozen=True)
class RunTables:
    """What the cards are of. equity : hour by hour, with `buy_and_hold` where candles are there."""

    metrics: dict[str, Figures]
    controls: Figures  # of the traded model
    traded: str  # its name
    equity: pd.DataFrame
    reliability: pd.DataFrame
    initial: float
    gates: tuple[Verdict, ...]

    def verdict(self, *gates: str) -> str:
        """What the gates came to together: failed if one has, else passed if one has; empty without any."""
        found = {each.status for each in self.gates if each.gate in gates}
        if not found:
            return ""
        return FAILED if FAILED in found else PASSED if PASSED in found else "not judged"

    def limit(self, gate: str) -> float | None:
        """What a gate of the run allows; None without that gate."""
        found = next((each.limit for each in self.gates if each.gate == gate), None)
        return float(found.split()[1]) if found else None


def make_cards(tables: RunTables, wording: Wording) -> list[Card]:
    """All six, in the order they are read."""
    return [
        make(tables, wording) for make in (_accuracy, _net_pnl, _equity, _drawdown, _passing, _calibration)
    ]


def _pictures(name: str, draw: Callable[[Size], alt.TopLevelMixin]) -> tuple[tuple[str, Markup], ...]:
    return tuple((size.name, svg(draw(size), f"{name}-{size.name}")) for size in SIZES)


def _interval(low: float | None, high: float | None) -> str:
    """Two shares as an interval in percent."""
    return (
        f"{percent(low).removesuffix(' %')} to {percent(high)}"
        if low is not None
        else "no interval: too few days"
    )


def _accuracy(tables: RunTables, wording: Wording) -> Card:
    """Accuracy with its interval against one half, the ceiling and the best control."""
    own = tables.metrics[tables.traded]
    value, low, high = (own.get(f"accuracy_all{end}") for end in ("", "_low", "_high"))
    best, ceiling = own.get("accuracy_best_control"), own.get("ceiling")
    of = next((name for name, control in tables.controls.items() if control["accuracy"] == best), "")
    half = pd.DataFrame({"what": ["50 %"], "value": [0.5]})
    rows = [("model", value, low, high, MODEL)]
    if best is not None:
        control = tables.controls.get(of, {})
        rows.append(("control", best, control.get("low"), control.get("high"), PLAIN))
    if ceiling is not None:
        rows.append(("ceiling", ceiling, None, None, INK))
    points = pd.DataFrame(rows, columns=["what", "value", "low", "high", "colour"])
    shown = np.append(points[["value", "low", "high"]].to_numpy(dtype=float), 0.5)
    domain = max(0.0, float(np.nanmin(shown)) - 0.02), min(1.0, float(np.nanmax(shown)) + 0.02)
    against = (
        f"best control {percent(best)}{f' ({name_of(of)})' if of else ''}"
        if best is not None
        else "no control"
    )
    bound = f"ceiling {percent(ceiling)}" if ceiling is not None else "ceiling unknown"
    asked = ("accuracy_all", "accuracy_all_low", "lead_over_rules_low", "lead_over_controls_low")
    verdict = tables.verdict(*(f"{tables.traded}.{gate}" for gate in asked))
    return Card(
        "accuracy",
        "Accuracy of direction",
        percent(value),
        verdict,
        (_interval(low, high), f"{against}; {bound}"),
        f"Accuracy {percent(value)} and its interval beside {against}, {bound} and one half",
        _pictures("accuracy", lambda size: card_charts.interval_chart(points, half, domain, size)),
        "probabilities",
    )


def _net_pnl(tables: RunTables, wording: Wording) -> Card:
    """Net PnL against gross and the costs between them, on what balance."""
    money = tables.metrics["backtest"]
    if not money.get("trades"):
        return _without(
            "pnl",
            "Net PnL",
            "No trades",
            "no prediction reached a tier that trades, or its stop lay inside the costs",
        )
    net, low, high = money["net_pnl"], money.get("net_pnl_low"), money.get("net_pnl_high")
    parts = [
        ("gross", money["gross_pnl"]),
        ("spread", -money["spread_cost"]),
        ("slip", -money["slippage_cost"]),
        ("fee", -money["commission_cost"]),
        ("swap", money["swap"]),
    ]
    at, steps = 0.0, []
    for what, change in parts:
        steps.append((what, at, at + change, PLAIN if what == "gross" else BAD if change < 0 else MODEL))
        at += change
    steps.append(("net", 0.0, net, MODEL if net >= 0 else BAD))
    table = pd.DataFrame(steps, columns=["what", "start", "end", "colour"])
    ends = (
        f"{wording.money(low).removesuffix(' ' + wording.currency)} to {wording.money(high)}"
        if low is not None and high is not None
        else "no interval: too few days"
    )
    costs = money["gross_pnl"] - net
    gross, balance = wording.money(money["gross_pnl"]), wording.money(tables.initial)
    why = f"gross {gross} less costs {wording.money(costs)}, on {balance}"
    verdict = tables.verdict("backtest.net_pnl", "backtest.net_pnl_low")
    return Card(
        "pnl",
        "Net PnL",
        wording.money(net, signed=True),
        verdict,
        (ends, why),
        f"From {why} to net {wording.money(net)}, a bar for each cost",
        _pictures("pnl", lambda size: card_charts.waterfall(table, size)),
        "account",
    )


def _equity(tables: RunTables, wording: Wording) -> Card:
    """Equity above its floors, beside buy-and-hold."""
    table = tables.equity
    ends = "buy-and-hold beside it not known: no candles here"
    if "buy_and_hold" in table:
        ends = f"buy-and-hold {wording.money(float(table['buy_and_hold'].iloc[-1]))} (dashed)"
    floors = "FTMO does not watch it"
    if table["account_floor"].notna().any():
        floor = wording.money(float(table["account_floor"].iloc[-1]))
        broken = "broke a floor" if tables.metrics["ftmo"].get("breached") else "no floor broken"
        floors = f"{broken}: {floor} (red), the day's (grey)"
    last = float(table["equity"].iloc[-1])
    return Card(
        "equity",
        "Equity",
        wording.money(last),
        "",
        (floors, ends),
        f"Equity from {wording.money(tables.initial)} to {wording.money(last)}; {floors}; {ends}",
        _pictures("equity", lambda size: card_charts.equity_chart(table, size)),
        "account",
    )


def _drawdown(tables: RunTables, wording: Wording) -> Card:
    """Drawdown, its largest, and what the gate allows."""
    money, limit = tables.metrics["backtest"], tables.limit("backtest.max_drawdown_inside")
    largest = money.get("max_drawdown_inside")
    longest = money.get("longest_drawdown_days")
    allowed = f"gate at {percent(limit)} (dashed)" if limit is not None else "no gate on it"
    lasted = f"longest {longest:.1f} days below a peak" if longest is not None else "nothing was traded"
    verdict = tables.verdict("backtest.max_drawdown_inside")
    return Card(
        "drawdown",
        "Largest drawdown",
        percent(largest),
        verdict,
        (allowed, lasted),
        f"Fall from the running peak, at most {percent(largest)}; {allowed}",
        _pictures("drawdown", lambda size: card_charts.drawdown_chart(tables.equity, limit, size)),
        "account",
    )


def _passing(tables: RunTables, wording: Wording) -> Card:
    """Probability to pass FTMO's first phase, with its interval, beside random sides."""
    ftmo, days = tables.metrics["ftmo"], tables.metrics["backtest"].get("days")
    value = ftmo.get("pass_probability")
    title = "Passes FTMO's challenge"
    if value is None:
        why = "not watched by FTMO" if ftmo.get("first_phase_passed") is None else "too few days to resample"
        return _without("passing", title, "Not known", why)
    low, high, sides = (ftmo.get(f"pass_probability_{end}") for end in ("low", "high", "random_sides"))
    p = wording.said(ftmo.get("zero_edge_p_value"), "zero_edge_p_value")
    rows = [("model", value, low, high, MODEL), ("random", sides, None, None, PLAIN)]
    points = pd.DataFrame(rows, columns=["what", "value", "low", "high", "colour"]).dropna(subset=["value"])
    beside = f"random sides {percent(sides)}; as much PnL with p {equated(p)}"
    took = f"{_interval(low, high)}, resampled from {days} days"
    verdict = tables.verdict(
        "ftmo.pass_probability_gain", "ftmo.pass_probability", "ftmo.pass_probability_low"
    )
    return Card(
        "passing",
        title,
        percent(value),
        verdict,
        (took, beside),
        f"Probability of passing {percent(value)} and its interval, {beside}",
        _pictures(
            "passing", lambda size: card_charts.interval_chart(points, pd.DataFrame(), (-0.04, 1.04), size)
        ),
        "ftmo",
    )


def _calibration(tables: RunTables, wording: Wording) -> Card:
    """What came of the probabilities that were said."""
    own, limit = tables.metrics[tables.traded], tables.limit(f"{tables.traded}.ece")
    value, low, high = (own.get(f"ece{end}") for end in ("", "_low", "_high"))
    allowed = f"gate at {percent(limit)}" if limit is not None else "no gate on it"
    brier = own.get("brier_skill")
    skill = f"Brier skill {percent(brier)}" if brier is not None else "dashed: said as often as it came"
    verdict = tables.verdict(f"{tables.traded}.ece")
    return Card(
        "calibration",
        "Calibration error",
        percent(value),
        verdict,
        (f"{_interval(low, high)}; {allowed}", skill),
        f"Share that rose against the probability said; off by {percent(value)} on average",
        _pictures("calibration", lambda size: card_charts.calibration_chart(tables.reliability, size)),
        "probabilities",
    )


def _without(name: str, title: str, figure: str, why: str) -> Card:
    """A card that has nothing to draw, and says why."""
    return Card(name, title, figure, "", (why,), "", (), "account" if name == "pnl" else "ftmo")
