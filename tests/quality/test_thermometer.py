"""On a random walk honest columns stay at one half, and a single leaked minute does not."""

import numpy as np
import pandas as pd
import pytest

from tapeline.errors import QualityError
from tapeline.quality.report import judge_leaks
from tapeline.quality.thermometer import audit_thermometer, random_walks
from tests.quality.planted import CAUSAL, builder, direction

HORIZON = 15


def mean_interval(is_hit, position, block):
    """Interval of the mean by the blocks' own means, at 3.3 standard errors (99.9 %)."""
    means = [part.mean() for part in np.array_split(is_hit, len(is_hit) // block)]
    error = np.std(means, ddof=1) / np.sqrt(len(means))
    return is_hit.mean() - 3.3 * error, is_hit.mean() + 3.3 * error


def audit(columns, build=None):
    """The thermometer of `columns`, made of closes."""
    columns = {**columns, "direction": lambda close: direction(close, HORIZON)}
    names = [name for name in columns if name != "direction"]
    made = build or builder(columns, warm_up=40)
    return audit_thermometer(made, names, "direction", HORIZON, "1m", mean_interval, seed=5)


def test_honest_columns_are_right_half_of_the_time():
    """Past moves say nothing about the next of a random walk."""
    honest = {name: CAUSAL[name] for name in ("return", "ema")} | {
        "slope": lambda close: close.diff(20) / close
    }
    found, temperature = audit(honest)
    judge_leaks([found])
    assert temperature.accuracy_low <= 0.5 <= temperature.accuracy_high
    assert abs(temperature.agreement) < 0.05
    assert found.cells == temperature.rows > 10_000


def test_one_leaked_minute_is_found():
    """The next candle's return lifts accuracy to 0.583, and is named with how far it looks."""
    leaking = {"return": CAUSAL["return"], "peek": lambda close: close.pct_change().shift(-1).fillna(0)}
    found, temperature = audit(leaking)
    assert temperature.accuracy == pytest.approx(0.5 + np.arcsin(np.sqrt(1 / 15)) / np.pi, abs=0.03)
    assert (temperature.column, temperature.ahead) == ("peek", 1)
    assert temperature.agreement > 0.99
    with pytest.raises(QualityError, match="random walk: peek at 2024-.*: accuracy 0.5 expected"):
        judge_leaks([found])


def test_a_look_at_the_leaders_next_minute_is_found():
    """What the leader does next says what a correlated follower does."""

    def build(candles, leader):
        table = builder({"direction": lambda close: direction(close, HORIZON)}, warm_up=40)(candles, leader)
        ahead = leader["close"].pct_change().shift(-1).fillna(0).to_numpy()
        return table.assign(leader=ahead[40:])

    found, temperature = audit({"leader": None}, build)
    assert found.leaks
    assert temperature.ahead == 1


def test_the_walks_have_no_past_and_hold_together():
    """Canonical candles, returns without memory, two symbols correlated as said."""
    leader, follower = random_walks(20_000, 1, seed=0)
    moves = [np.diff(np.log(walk["close"])) for walk in (leader, follower)]
    assert np.corrcoef(moves)[0, 1] == pytest.approx(0.7, abs=0.02)
    for walk, move in zip((leader, follower), moves, strict=True):
        assert abs(np.corrcoef(move[1:], move[:-1])[0, 1]) < 0.03
        assert (walk["high"] >= walk[["open", "close"]].max(axis=1)).all()
        assert (walk["low"] <= walk[["open", "close"]].min(axis=1)).all()
    again, _ = random_walks(20_000, 1, seed=0)
    pd.testing.assert_frame_equal(leader, again)
