"""Prices of fills, bounded from candles and the declared costs.

The spread is that of the hour by the server's clock: widened at rollover and on weekends, at no other time.
"""

import numpy as np
from numpy.typing import NDArray

from tapeline.referee.candles import FloatArray, SymbolCandles
from tapeline.referee.clock import half_spread
from tapeline.referee.fills import FILLS, Fills
from tapeline.referee.findings import Findings, Place
from tapeline.referee.rules import AccountRules, InstrumentRules

ROUNDING = 1e-9  # of a price
SIGMA_ROUNDING = 1e-8  # of a price, for a rolling standard deviation that others add up otherwise


def check_prices(
    fills: Fills, rules: AccountRules, instrument: InstrumentRules, title: str, findings: Findings
) -> None:
    """Prices: entries around the open, exits by their reason, all of them on the dear side."""
    candles, side = fills.candles, fills.side
    half = half_spread(candles.time, rules, instrument)
    value, entered, entry_time = fills.prices("entry")
    slip = slippage(candles, rules, entered)
    ask = side * candles.open[entered] * (1 + side * (half[entered] + slip))
    _between(f"{title}: entry", value, ask, ask, fills.place, entry_time, findings)
    distance = rules.stop * true_range(candles, rules.atr_candles, fills.decided)
    stop = side * value - side * distance
    _check_exits(fills, rules, half[fills.left], title, findings)
    _check_stops(fills, stop, rules, half[fills.left], title, findings)
    if rules.target > 0:
        goal = side * value + side * distance * rules.target / rules.stop
        _check_targets(fills, goal, half[fills.left], title, findings)
    if rules.is_always_open:
        _check_no_stop_missed(fills, stop, half, title, findings)


def _check_exits(fills: Fills, rules: AccountRules, half: FloatArray, title: str, findings: Findings) -> None:
    """Every exit lies within its candle, but for what it costs; those by time are at its open."""
    candles, side = fills.candles, fills.side
    value, left, time = fills.prices("exit")
    slip = slippage(candles, rules, left)
    worst, best = fills.extremes
    least = side * worst * (1 - side * (half + 2 * rules.basis + slip))
    most = side * best * (1 - side * half)
    _between(f"{title}: exit", value, least, most, fills.place, time, findings, ~fills.is_end)
    at_open = np.isin(fills.table["reason"], ("time", "guard"))
    bid = side * candles.open[left] * (1 - side * (half + slip))
    _between(f"{title}: exit at an open", value, bid, bid, fills.place, time, findings, at_open)


def _check_stops(
    fills: Fills,
    stop: FloatArray,
    rules: AccountRules,
    half: FloatArray,
    title: str,
    findings: Findings,
) -> None:
    """A stop is filled at itself or beyond, where its candle went through it."""
    candles, side = fills.candles, fills.side
    value, left, time = fills.prices("exit")
    is_stop, place = (fills.table["reason"] == "stop").to_numpy(), fills.place
    quote = np.minimum(side * stop, side * candles.open[left])
    beyond = quote - np.abs(stop) * slippage(candles, rules, left) / 2
    is_beyond = (value <= beyond + ROUNDING * np.abs(value))[is_stop]
    told = np.abs(value)[is_stop], stop[is_stop]
    findings.hold(FILLS, f"{title}: exit by stop", is_beyond, *told, place, time[is_stop])
    worst, _ = fills.extremes
    quote = side * worst * (1 - side * (half + rules.basis))
    is_touched = (quote <= side * stop + ROUNDING * np.abs(stop))[is_stop]
    told = worst[is_stop], stop[is_stop]
    findings.hold(FILLS, f"{title}: candle of a stop", is_touched, *told, place, time[is_stop])


def _check_targets(fills: Fills, goal: FloatArray, half: FloatArray, title: str, findings: Findings) -> None:
    """A target is a limit order: filled at itself, or at an open beyond it."""
    value, left, time = fills.prices("exit")
    is_won = (fills.table["reason"] == "target").to_numpy()
    quote = fills.side * fills.candles.open[left] * (1 - fills.side * half)
    is_fair = value <= np.maximum(fills.side * goal, quote) + ROUNDING * np.abs(value)
    told = np.abs(value)[is_won], goal[is_won]
    findings.hold(FILLS, f"{title}: exit at target", is_fair[is_won], *told, fills.place, time[is_won])


def _check_no_stop_missed(
    fills: Fills, stop: FloatArray, half: FloatArray, title: str, findings: Findings
) -> None:
    """While a position was held no real candle went through its stop."""
    candles, place = fills.candles, Place(symbol=fills.candles.symbol)
    held = np.maximum(fills.left - fills.entered, 0)
    trade = np.repeat(np.arange(held.size), held)
    row = np.arange(held.sum()) - np.repeat(np.cumsum(held) - held, held) + fills.entered[trade]
    side = fills.side[trade]
    worst = np.where(side > 0, candles.low[row], candles.high[row])
    is_through = side * worst * (1 - side * half[row]) < side * stop[trade] - ROUNDING * stop[trade]
    is_missed = is_through & ~candles.is_filled[row]
    findings.hold(
        FILLS, f"{title}: stop of a position that was held on", ~is_missed, worst, stop[trade], place,
        candles.time[row],
    )  # fmt: skip


def _between(
    what: str,
    value: FloatArray,
    least: FloatArray,
    most: FloatArray,
    place: Place,
    times: NDArray[np.int64],
    findings: Findings,
    rows: NDArray[np.bool_] | None = None,
) -> None:
    """Prices times sides, (n,), within both bounds; `rows` are those that have to be."""
    chosen = slice(None) if rows is None else rows
    value, least, most, times = value[chosen], least[chosen], most[chosen], times[chosen]
    slack = (ROUNDING + SIGMA_ROUNDING) * np.abs(value)
    for is_right, bound, name in (
        (value >= least - slack, least, "at least"),
        (value <= most + slack, most, "at most"),
    ):
        findings.hold(FILLS, f"{what}, {name}", is_right, np.abs(value), np.abs(bound), place, times)


def slippage(candles: SymbolCandles, rules: AccountRules, rows: NDArray[np.int64]) -> FloatArray:
    """Adverse move of a market fill at the open of each of `rows`, fraction of the price, the basis included.

    The standard deviation of the log returns before it, of one minute, times the root of the minutes waited;
    a wait of more than a candle is seen in candles and counts as one.
    """
    n, minutes = rules.volatility_candles, candles.rules.minutes
    closes = candles.close[np.clip(rows[:, None] + np.arange(-n - 1, 0), 0, None)]
    sigma = np.diff(np.log(closes), axis=1).std(axis=1, ddof=1)
    waited = min(rules.latency_s / 60, minutes)
    slip: FloatArray = rules.slippage * np.where(rows > n, sigma, np.nan) * np.sqrt(waited / minutes)
    return slip + rules.basis


def true_range(candles: SymbolCandles, n: int, rows: NDArray[np.int64]) -> FloatArray:
    """Average true range of the `n` candles up to each of `rows`: farthest of high, low and close before."""
    at = np.clip(rows[:, None] + np.arange(-n + 1, 1), 1, None)
    before = candles.close[at - 1]
    reach = np.maximum(candles.high[at], before) - np.minimum(candles.low[at], before)
    mean: FloatArray = np.where(rows >= n, reach.mean(axis=1), np.nan)
    return mean
