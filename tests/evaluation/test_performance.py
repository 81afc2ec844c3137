"""Equity and trades: figures by hand, ruin and stillness included."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, stats

from tapeline.evaluation.performance import (
    best_sharpe_of,
    daily_pnl,
    deflated_sharpe,
    drawdown_depths,
    interval_of_total,
    probabilistic_sharpe,
    ratios_reason,
)
from tapeline.evaluation.performance import score_equity as score_with_lows

RATIOS = "sharpe_ratio", "sortino_ratio", "calmar_ratio", "probabilistic_sharpe"


def equity_series(values, minutes=720):
    """Equity at closes `minutes` apart."""
    times = pd.date_range("2025-01-01", periods=len(values), freq=f"{minutes}min", tz="UTC")
    return pd.Series(values, index=times, dtype=float)


def score_equity(equity, initial):
    """Scores of an account that is never lower than at its closes."""
    return score_with_lows(equity, equity.to_numpy(), initial)


def test_figures_by_hand():
    """Two closes a day over three days; the peak before the first close is the initial balance."""
    scores = score_equity(equity_series([90, 110, 99, 121, 121, 133.1]), 100.0)
    returns = np.array([0.1, 0.1, 0.1])
    assert scores["days"] == 3
    assert scores["return_"] == pytest.approx(0.331)
    assert scores["max_drawdown"] == pytest.approx(0.1)
    assert scores["average_drawdown"] == pytest.approx(0.1)
    assert returns.std() == pytest.approx(0)
    daily = np.array([0.1, -0.1, 0.2, *[0.1] * 7])
    closes = 100 * np.cumprod(1 + daily)
    halves = np.repeat(closes, 2)
    halves[2] = 100
    varied = score_equity(equity_series(halves), 100.0)
    assert varied["sharpe_ratio"] == pytest.approx(daily.mean() / daily.std(ddof=1) * np.sqrt(365))
    assert varied["sortino_ratio"] == pytest.approx(daily.mean() / np.sqrt(0.1**2 / 10) * np.sqrt(365))
    assert varied["calmar_ratio"] is None  # of ten days
    assert varied["longest_drawdown_days"] == 1.5  # from the second close at 110 to the one at 118.8
    assert varied["average_drawdown_days"] == 1.5
    net = np.diff(closes, prepend=100.0)
    assert deflated_sharpe(net, 100.0, 1) == pytest.approx(varied["probabilistic_sharpe"])  # one has no best


def test_growth_needs_days_enough():
    """Sixty days with one fall of a tenth: yearly growth over it, with fewer days none."""
    path = [110, 99, *np.linspace(99, 132, 58)]
    yearly = 1.32 ** (365 / 60) - 1
    assert score_equity(equity_series(path, 1440), 100.0)["calmar_ratio"] == pytest.approx(yearly / 0.1)
    assert score_equity(equity_series(path[:-1], 1440), 100.0)["calmar_ratio"] is None


@pytest.mark.parametrize(("traded", "has_ratios"), [(2, False), (9, False), (10, True)])
def test_ratios_need_ten_days_on_which_something_happened(traded, has_ratios):
    """Of 120 days, all others still: two good ones are luck and no Sharpe ratio, whatever the others say."""
    daily = np.zeros(120)
    daily[5 : 5 + traded] = np.linspace(100, 200, traded)
    equity = equity_series(10_000 + np.cumsum(daily), 1440)
    scores = score_equity(equity, 10_000.0)
    for name in ("sharpe_ratio", "probabilistic_sharpe"):
        assert (scores[name] is not None) == has_ratios, name
    reason = ratios_reason(equity, 10_000.0)
    assert reason == (None if has_ratios else f"equity changed on {traded} days; ratios need 10")


def test_an_account_that_did_nothing_has_no_ratio():
    """No move: no drawdown, no Sharpe ratio, and no division by zero."""
    scores = score_equity(equity_series([100.0] * 6), 100.0)
    assert (scores["max_drawdown"], scores["average_drawdown"], scores["longest_drawdown_days"]) == (0, 0, 0)
    assert [scores[name] for name in RATIOS] == [None] * len(RATIOS)


def test_a_ruined_account_has_no_ratio():
    """Equity at or below zero makes returns meaningless; the loss itself is said."""
    scores = score_equity(equity_series([100, 50, -20, -60, -200, -180]), 100.0)
    assert [scores[name] for name in RATIOS] == [None] * len(RATIOS)
    assert scores["return_"] == pytest.approx(-2.8)
    assert scores["max_drawdown"] > 1


@given(st.lists(st.floats(1, 1000), min_size=1, max_size=40))
def test_drawdowns_equal_a_plain_loop(values):
    """Each fall's depth, from leaving a peak to reaching it again or the end."""
    depths, peak, deepest = [], values[0], 0.0
    for value in values:
        if value >= peak:
            if deepest:
                depths.append(deepest)
            peak, deepest = value, 0.0
        else:
            deepest = max(deepest, 1 - value / peak)
    if deepest:
        depths.append(deepest)
    np.testing.assert_allclose(drawdown_depths(np.array(values)), depths)


def test_drawdowns_inside_candles_are_deeper_than_at_closes():
    """From the highest close before to the worst of a candle."""
    equity = equity_series([100, 110, 108, 112])
    scores = score_with_lows(equity, np.array([95.0, 99.0, 88.0, 104.5]), 100.0)
    assert scores["max_drawdown"] == pytest.approx(2 / 110)
    assert scores["max_drawdown_inside"] == pytest.approx(22 / 110)


@given(st.lists(st.floats(1, 1000), min_size=1, max_size=40), st.floats(1, 1000))
def test_falls_last_from_a_peak_to_the_next(values, initial):
    """Against a plain loop; the first close stands for a peak that lies before it."""
    lasted, began = [], None
    for k, value in enumerate(values):
        if value >= max([initial, *values[:k]]):
            if began is not None:
                lasted.append(k - began)
            began = None
        elif began is None:
            began = max(k - 1, 0)
    if began is not None:
        lasted.append(len(values) - 1 - began)
    scores = score_equity(equity_series(values, 1440), initial)
    assert scores["longest_drawdown_days"] == pytest.approx(max(lasted, default=0))
    assert scores["average_drawdown_days"] == pytest.approx(np.mean(lasted) if lasted else 0)


def test_days_add_up_to_the_whole():
    """The first day counts from the initial balance; the interval of the sum holds it."""
    daily = daily_pnl(equity_series([101, 103, 102, 99, 99, 120]), 100.0)
    assert daily.tolist() == [3, -4, 21]
    low, high = interval_of_total(daily, 0.9)
    assert low < 20 < high
    assert interval_of_total(daily.iloc[:1], 0.9) == (None, None)


@pytest.mark.parametrize("n", [5, 18, 120])
def test_the_interval_of_a_total_has_the_skewness_of_days_taken_out(n):
    """Hall's cubic of the t statistic, solved for both ends by bisection; cosines written out as a sum."""
    days = np.random.default_rng(n).exponential(size=n) * 100 - 80
    off, freedom = days - days.mean(), min(6, n - 1)
    angle = np.pi * np.outer(np.arange(1, freedom + 1), np.arange(n) + 0.5) / n
    error = np.sqrt(np.mean((np.sqrt(2 / n) * np.cos(angle) @ off) ** 2) / n)
    skew = np.mean(off**3) / np.mean(off**2) ** 1.5 / np.sqrt(n)

    def cubic(t):
        return t + skew * t**2 / 3 + skew**2 * t**3 / 27 + skew / 6

    quantile = stats.t.ppf(0.975, freedom)
    ends = [
        n * (days.mean() - error * optimize.brentq(lambda t, q=q: cubic(t) - q, -1e3, 1e3))
        for q in (quantile, -quantile)
    ]
    assert interval_of_total(pd.Series(days), 0.95) == pytest.approx(ends)


def test_the_deflated_sharpe_ratio_equals_the_sources_example():
    """Bailey, Lopez de Prado 2014: 100 trials, 1250 days, 2.5 a year, skew -3, kurtosis 10 give 0.9004."""
    best = best_sharpe_of(100, 0.5 / 250)
    assert best == pytest.approx(0.1132, abs=5e-5)
    assert probabilistic_sharpe(2.5 / np.sqrt(250), best, 1250, -3.0, 10.0) == pytest.approx(0.9004, abs=5e-5)
    assert best_sharpe_of(1, 0.5) == 0.0


def test_the_best_of_many_without_an_edge_is_what_chance_shows():
    """Against simulation: the mean of the highest of 50 Sharpe ratios of 100 days of noise."""
    noise = np.random.default_rng(9).normal(size=(2000, 50, 100))
    ratios = noise.mean(axis=2) / noise.std(axis=2, ddof=1)
    assert best_sharpe_of(50, 1 / 99) == pytest.approx(ratios.max(axis=1).mean(), rel=0.03)
    probabilities = [
        probabilistic_sharpe(float(ratio), 0.0, 100, 0.0, 3.0) for ratio in ratios.reshape(-1)[:2000]
    ]
    assert np.mean(np.array(probabilities) > 0.95) == pytest.approx(0.05, abs=0.015)


def test_more_trials_make_a_ratio_worth_less():
    """The same days, tried more often; none where nothing moved or all was lost."""
    daily = np.random.default_rng(3).normal(0.3, 1, 120)
    worth = [deflated_sharpe(daily, 100.0, trials) for trials in (1, 10, 1000)]
    assert worth[0] > worth[1] > worth[2] > 0
    assert deflated_sharpe(np.zeros(5), 100.0, 3) is None
    assert deflated_sharpe(np.array([10.0, -120.0, 50.0]), 100.0, 3) is None


@given(st.lists(st.integers(1, 6), min_size=1, max_size=30))
def test_the_longest_drawdown_equals_a_plain_loop(values):
    """In closes a day apart: from the last peak to the close that is as high again, or the last one."""
    peak, began, longest = 3, 0, 0
    is_under = False
    for k, value in enumerate(values):
        was_under, is_under = is_under, value < peak
        if was_under or is_under:
            longest = max(longest, k - began)
        if not is_under:
            peak, began = value, k
    scores = score_equity(equity_series(values, minutes=1440), 3.0)
    assert scores["longest_drawdown_days"] == longest
