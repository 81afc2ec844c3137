"""On a random walk honest columns stay at one half, and a single leaked minute does not."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from tapeline.closure import ROOT
from tapeline.errors import QualityError
from tapeline.features.catalog import FEATURES
from tapeline.params import Params
from tapeline.quality.random_walk import (
    ALPHA,
    TOGETHER,
    audit_random_walk,
    interval_of_hits,
    random_walks,
)
from tapeline.quality.report import judge_leaks
from tapeline.scoring.audits import Audited, check_random_walk
from tests.quality.planted import CAUSAL, builder, direction

HORIZON = 15
HONEST = {name: CAUSAL[name] for name in ("return", "ema")} | {"slope": lambda close: close.diff(20) / close}


def audit(columns, build=None, seed=5):
    """The random-walk check of `columns`, made of closes."""
    columns = {**columns, "direction": lambda close: direction(close, HORIZON)}
    names = [name for name in columns if name != "direction"]
    made = build or builder(columns, warm_up=40)
    return audit_random_walk(made, names, "direction", HORIZON, "1m", seed)


def test_honest_columns_are_right_half_of_the_time():
    """Past moves say nothing about the next of a random walk; no column is blamed."""
    found, walked = audit(HONEST)
    judge_leaks([found])
    assert walked.accuracy_low <= 0.5 <= walked.accuracy_high
    assert (walked.column, walked.ahead, walked.agreement) == (None, None, None)
    assert found.cells == walked.rows > 10_000


def test_one_leaked_minute_is_found():
    """The next candle's return lifts accuracy to 0.583; it alone is named, with how far it looks."""
    returns = {"return": CAUSAL["return"]}
    found, walked = audit({**returns, "peek": lambda close: close.pct_change().shift(-1).fillna(0)})
    assert walked.accuracy == pytest.approx(0.5 + np.arcsin(np.sqrt(1 / 15)) / np.pi, abs=0.03)
    assert (walked.column, walked.ahead) == ("peek", 1)
    assert walked.agreement > 0.99
    assert [leak.column for leak in found.leaks] == ["peek"]
    with pytest.raises(QualityError, match="random walk: peek at 2024-.*: accuracy 0.5 expected"):
        judge_leaks([found])


def test_a_leak_that_boosting_overlooks_is_found():
    """Beside a price level, in which trees get lost, a leaked minute still agrees with its candle."""
    found, walked = audit({**HONEST, "peek": lambda close: close.pct_change().shift(-3).fillna(0)})
    assert walked.accuracy_low <= 0.5
    assert [leak.column for leak in found.leaks] == ["peek"]
    assert walked.ahead == 3


def test_a_look_at_the_leaders_next_minute_is_found():
    """What the leader does next says what a correlated follower does."""

    def build(candles, leader):
        table = builder({"direction": lambda close: direction(close, HORIZON)}, warm_up=40)(candles, leader)
        ahead = leader["close"].pct_change().shift(-1).fillna(0).to_numpy()
        return table.assign(leader=ahead[40:])

    found, walked = audit({"leader": None}, build)
    assert found.leaks
    assert walked.ahead == 1


def test_columns_that_tell_the_future_only_together_are_not_blamed_alone():
    """A coin, and the direction turned over by that coin: neither knows much by itself."""
    coin = np.sign(np.random.default_rng(0).normal(0.04, size=100_000))

    def turned(close):
        return (2 * direction(close, HORIZON).fillna(0) - 1) * coin[: len(close)]

    columns = {"coin": lambda close: pd.Series(coin[: len(close)], close.index), "turned": turned}
    found, walked = audit(columns)
    assert walked.accuracy > 0.9
    assert [leak.column for leak in found.leaks] == [walked.column] == [TOGETHER]
    assert walked.agreement is None


def hits(rng, n, horizon):
    """Right or wrong calls on moves to come, by callers that differ in how long they keep to a call."""
    moves = np.concatenate([[0.0], np.cumsum(rng.normal(size=n + horizon))])
    kind, past = rng.integers(4), rng.normal(size=n)
    if kind == 1:  # holds on for hours
        past = pd.Series(past).ewm(span=rng.integers(2, n)).mean().to_numpy()
    elif kind == 2:  # follows the trend, or goes against it
        trend = pd.Series(moves[:n]).diff(int(rng.integers(1, 300))).fillna(0.1)
        past = rng.choice([-1, 1]) * trend.to_numpy()
    elif kind == 3:  # always the same
        past = np.ones(n)
    return ((moves[horizon:][:n] > moves[:n]) == (past > 0)).astype(float)


def alarms(n_samples, n, alpha, seed):
    """How many of `n_samples` markets without anything to know raise an alarm."""
    rng, count = np.random.default_rng(seed), 0
    for _ in range(n_samples):
        horizon = int(rng.choice([1, 5, 15, 60]))
        count += interval_of_hits(hits(rng, n, horizon), horizon, alpha)[0] > 0.5
    return count


@pytest.mark.slow
def test_honest_callers_alarm_no_more_often_than_the_level():
    """Half of alpha lies above one half, whatever the horizon and however long a call is kept."""
    count = alarms(1500, 6000, alpha=0.1, seed=1)
    assert binom.cdf(count, 1500, 0.05) > 1e-4
    assert binom.sf(count - 1, 1500, 0.05) > 1e-4


@pytest.mark.torture
def test_the_level_that_is_used_is_held():
    """At the test's own length: at most one alarm in a thousand."""
    count = alarms(50_000, 12_000, ALPHA, seed=2)
    assert binom.sf(count - 1, 50_000, ALPHA) > 1e-3


@pytest.mark.torture
@pytest.mark.parametrize("first", range(0, 300, 10))
def test_the_projects_features_alarm_no_more_often_than_the_level(first):
    """All of them, on three hundred walks: one alarm in ten may be chance, two are not."""
    horizon = Params.read(ROOT / "params.yaml").value("labels.horizon", int)
    audited = Audited(list(FEATURES.values()), horizon, max_fill=15)
    audits = [check_random_walk(audited, "1m", seed)[0] for seed in range(first, first + 10)]
    count = sum(bool(audit.leaks) for audit in audits)
    assert binom.sf(count - 1, len(audits), ALPHA) > 1e-3


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
