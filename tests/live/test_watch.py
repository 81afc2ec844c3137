"""What is watched are the labels as they mature, one of `horizon`; what breaks a promise is found."""

import numpy as np
import pandas as pd
import pytest

from tapeline.evaluation.live import LiveParams
from tapeline.evaluation.promise import (
    Figure,
    Promise,
    direction_values,
    promised,
    stability_index,
    tenths_of,
)
from tapeline.features.labels import direction, trend_strength
from tapeline.live.drift import Drift, Reference
from tapeline.live.watch import Watch
from tapeline.promotion.contract import Contract
from tests.live.promoted import LIVE, SYMBOLS

HORIZON = 15
MINUTE = 60_000_000
START = 1_769_904_000_000_000
TIERS = {"A": (0.7, 1.0), "B": (0.5, 0.7)}


def contract(label):
    """Of a model of two symbols."""
    return Contract.model_validate(
        {
            "artifact": label, "sequence_length": 12, "lookback": 10,
            "input": {
                "columns": [], "interval": "1m", "leader": None, "symbols": list(SYMBOLS), "max_fill": 5,
                "max_filled_share": 0.4,
            },
            "label": {"name": label, "horizon": HORIZON},
            "output": {"name": label, "meaning": "", "low": 0.0, "high": 1.0},
            **({"tiers": {"tiers": TIERS, "trade_tiers": ["A"]}} if label == "direction" else {}),
        },
        strict=False,
    )  # fmt: skip


def watch_of(promises, **params):
    """A watch of models by label."""
    return Watch({name: contract(name) for name in promises}, promises, LiveParams(**LIVE | params))


def figure(mean, bound, deviation=0.3):
    """A promised figure."""
    return Figure(mean=mean, bound=bound, deviation=deviation, moments=1000)


def market(n, skill, seed=0):
    """Closes (n, 2) and calibrated probabilities, of calls that are right with the chance `skill`."""
    rng = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 1e-3, (n, 2)), axis=0))
    rises = np.stack([direction(close[:, k], HORIZON) for k in range(2)], axis=1)
    is_right = rng.random(close.shape) < skill
    return close, np.where((rises == 1) == is_right, skill, 1 - skill)


def fed(watch, close, said, first=0):
    """Feed every candle with what was said at its close; return the bar at which it stopped, or None."""
    for k in range(first, len(close)):
        for s, symbol in enumerate(SYMBOLS):
            numbers = {name: values[k, s] for name, values in said.items()}
            watch.add(symbol, START + k * MINUTE, close[k, s], numbers)
        if watch.is_stopped:
            return k
    return None


def test_figures_are_those_of_labels_that_do_not_overlap():
    """Means over every fifteenth bar of the mean over symbols, as pandas has them from the whole."""
    close, probability = market(4000, 0.72)
    strength = np.random.default_rng(1).random(close.shape)
    promises = {
        "direction": {
            name: figure(0.5, 0.5) for name in ("accuracy", "brier", "overconfidence", "tier_precision")
        },
        "trend_strength": {"trend_error": figure(0.5, 0.5)},
    }
    promises = {name: Promise(level=0.95, figures=each, features={}) for name, each in promises.items()}
    watch = watch_of(promises, window_days=300.0)
    fed(watch, close, {"direction": probability, "trend_strength": strength})
    rows = []
    for s in range(2):
        labels = direction(close[:, s], HORIZON), trend_strength(close[:, s], HORIZON)
        rows.append(pd.DataFrame(
            {"bar": START // MINUTE + np.arange(len(close)), "p": probability[:, s], "y": labels[0],
             "s": strength[:, s], "t": labels[1]}
        ))  # fmt: skip
    table = pd.concat(rows)
    table = table[(table["bar"] % HORIZON == 0) & table["y"].notna()]
    hit = ((table["p"] >= 0.5) == (table["y"] == 1)).astype(float)
    sure = np.maximum(table["p"], 1 - table["p"])
    expected = {
        "accuracy": hit, "brier": (table["p"] - table["y"]) ** 2, "overconfidence": sure - hit,
        "tier_precision": hit[sure >= 0.7], "trend_error": (table["s"] - table["t"]).abs(),
    }  # fmt: skip
    found = {line.name: line for line in watch.lines}
    for name, values in expected.items():
        bars = (
            table["bar"].to_numpy()[(sure >= 0.7).to_numpy()]
            if name == "tier_precision"
            else table["bar"].to_numpy()
        )
        means = values.groupby(bars).mean()[:-1]  # the last bar's moment is not over yet
        assert found[name].moments == pytest.approx(len(means), abs=1)
        if len(means):
            assert found[name].rolling == pytest.approx(means.mean(), abs=2 / len(means))


def test_a_model_that_keeps_its_promise_goes_on_and_one_turned_around_stops():
    """Two months of an honest model; then its calls are turned, and it stops within days."""
    close, probability = market(60 * 1440, 0.65)
    bar = np.repeat(np.arange(len(close)), 2)
    label = np.stack([direction(close[:, k], HORIZON) for k in range(2)], axis=1).ravel()
    is_known = ~np.isnan(label)
    values = direction_values(probability.ravel(), label, np.zeros(label.size, dtype=bool))
    figures = {
        name: promised(name, values[name][is_known], bar[is_known], 0.95)
        for name in ("accuracy", "brier", "overconfidence")
    }
    watch = watch_of({"direction": Promise(level=0.95, figures=figures, features={})})
    assert fed(watch, close, {"direction": probability}) is None
    assert watch.warnings == []
    more, turned = market(67 * 1440, 0.65, seed=1)
    found = fed(watch, more, {"direction": 1 - turned}, first=60 * 1440)
    assert found is not None
    assert found < 63 * 1440
    assert "overconfidence is" in watch.stops[0]
    assert watch.delay_days("direction") > (found - 60 * 1440) / 1440


def test_days_of_an_account_are_held_against_its_promise():
    """Days that lose what they promised to win."""
    pnl = Figure(mean=0.6, bound=0.5, deviation=0.1, moments=60, low=-5000.0, high=5000.0)
    watch = watch_of({"direction": Promise(level=0.95, figures={"daily_pnl": pnl}, features={})})
    for day in range(200):
        watch.add_day("direction", START + day * 86_400_000_000, 800.0)
    assert not watch.is_stopped
    for day in range(200, 260):
        watch.add_day("direction", START + day * 86_400_000_000, -4000.0)
    assert watch.is_stopped
    assert "daily pnl is" in watch.stops[0]


def test_drift_is_told_beyond_what_a_week_of_training_is_used_to():
    """Rows as in training have no index to speak of; moved ones do; an equal value is no drift."""
    rng = np.random.default_rng(0)
    rows = np.column_stack([rng.normal(size=5000), rng.random(5000) < 0.1]).astype(np.float32)
    week = np.arange(5000) // 1000
    tenths = [tenths_of(rows[:, k].astype(float), week) for k in range(2)]
    reference = Reference(
        ("a", "b"), np.array([0, 1]), np.array([each.edges for each in tenths]),
        np.array([each.shares for each in tenths]), np.array([each.usual for each in tenths]),
    )  # fmt: skip
    same, other = Drift(reference, 7, 60), Drift(reference, 7, 60)
    for k in range(2000):
        same.add([("AAA-USD", START + k * 5 * MINUTE, rows[k])])
        other.add([("AAA-USD", START + k, rows[k] + np.float32(1.0))])
    assert max(each.by for each in same.moved().values()) < 0.02
    assert other.moved()["a"].by > 0.25
    assert other.moved()["b"].by > 0.25
    assert tenths[1].usual < 0.05


def test_the_index_is_that_of_its_formula():
    """Of shares of three tenths, by hand; nothing on both sides counts as nothing."""
    counts = np.array([[50, 30, 20, 0, 0, 0, 0, 0, 0, 0]])
    shares = np.array([[0.4, 0.4, 0.2, 0, 0, 0, 0, 0, 0, 0]])
    by_hand = 0.1 * np.log(0.5 / 0.4) - 0.1 * np.log(0.3 / 0.4)
    assert stability_index(counts, shares)[0] == pytest.approx(by_hand)


def test_what_is_of_long_ago_is_forgotten():
    """Days of drift, and moments of a window, are bounded."""
    promises = {"direction": Promise(level=0.95, figures={"accuracy": figure(0.5, 0.1)}, features={})}
    watch = watch_of(promises, window_days=1.0)
    close, probability = market(5 * 1440, 0.6)
    fed(watch, close, {"direction": probability})
    assert len(watch.series("direction", "accuracy")) <= 96
    assert len(watch._moments) <= 3


def test_a_symbol_that_was_silent_changes_no_moment_that_is_over():
    """Three hours of one come after those of the other: moments stay in order, each bar is one."""
    promises = {"direction": Promise(level=0.95, figures={"accuracy": figure(0.5, 0.1)}, features={})}
    watch = watch_of(promises, window_days=300.0)
    close, probability = market(2000, 0.6)
    order = [(k, 0) for k in range(1000, 1180)] + [(k, 1) for k in range(1000, 1180)]
    order = [(k, s) for k in range(1000) for s in (0, 1)] + order
    order += [(k, s) for k in range(1180, 2000) for s in (0, 1)]
    for k, s in order:
        watch.add(SYMBOLS[s], START + k * MINUTE, close[k, s], {"direction": probability[k, s]})
    times = [time for time, _ in watch.series("direction", "accuracy")]
    assert times == sorted(set(times))
    assert len(times) > 2000 // HORIZON - 5


def test_a_stop_stays_however_good_what_follows():
    """Days that win all that can be won, after it: the evidence is gone, the stop is not."""
    pnl = Figure(mean=0.6, bound=0.5, deviation=0.1, moments=60, low=-5000.0, high=5000.0)
    watch = watch_of({"direction": Promise(level=0.95, figures={"daily_pnl": pnl}, features={})})
    for day in range(200):
        watch.add_day("direction", START + day * 86_400_000_000, -4000.0 if day < 60 else 5000.0)
    (line,) = watch.lines
    assert watch.is_stopped
    assert watch.stops
    assert line.state == "stop"


def test_a_symbol_that_never_comes_again_holds_nothing_up():
    """Moments that wait for it are taken without it, and the other's figures go on."""
    promises = {"direction": Promise(level=0.95, figures={"accuracy": figure(0.5, 0.1)}, features={})}
    watch = watch_of(promises, window_days=300.0)
    close, probability = market(2000, 0.6)
    for k in range(2000):
        for s in (0, 1) if k < 500 else (0,):
            watch.add(SYMBOLS[s], START + k * MINUTE, close[k, s], {"direction": probability[k, s]})
    assert len(watch.series("direction", "accuracy")) > 2000 // HORIZON - 5
    assert len(watch._moments) <= 3
