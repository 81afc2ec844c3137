"""Trend strength at best: what is drawn, the median of a mixture, the order that correlates most."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.special import ndtr

from tapeline.features.labels import trend_strength
from tapeline.market.ceiling import trend_regimes
from tapeline.market.filters import filter_regimes
from tapeline.market.memory import memory_regimes
from tapeline.market.simulation import SimulationParams, beliefs_of, draw_hidden, simulate
from tapeline.market.strength import PATHS, Strengths, draw_strengths, expect_strengths
from tests.market.test_ceiling import MARKET, error_of_mean

HORIZON = 15


def strengths_step_by_step(regimes, horizon, now, n_paths, rng):
    """Strengths of paths from a minute of regime `now`, one after the other, as the label says."""
    drift = [regimes.unit * step for step in regimes.steps]
    found = []
    for _ in range(n_paths):
        regime, price, path = now, 0.0, 0.0
        for _ in range(horizon):
            regime = rng.choice(len(drift), p=regimes.moves[regime])
            move = rng.normal(drift[regime], 1)
            price, path = price + move, path + abs(move)
        found.append(abs(price) / path)
    return np.array(found)


@pytest.fixture(scope="module", params=["trend", pytest.param("memory", marks=pytest.mark.slow)])
def expected(request):
    """The regimes of a market that stays shortly in them, and what is expected in each."""
    regimes = trend_regimes(0.6, 12) if request.param == "trend" else memory_regimes(0.6, 12)
    return regimes, expect_strengths(regimes, 6)


def test_strengths_are_those_of_paths_walked_one_by_one(expected):
    """By Kolmogorov and Smirnov, in each regime, which is told from all but its mirrored twin."""
    regimes, _ = expected
    drawn = draw_strengths(regimes, 6)
    assert drawn.shape == (len(regimes.steps), PATHS)
    rng = np.random.default_rng(4)
    walked = [strengths_step_by_step(regimes, 6, now, 1200, rng) for now in range(len(regimes.steps))]
    p_values = [[stats.ks_2samp(one, other).pvalue for other in drawn[:, :100_000]] for one in walked]
    steps = np.abs(regimes.steps)
    for now, later in itertools.product(range(len(steps)), repeat=2):
        assert (p_values[now][later] > 1e-4) == (steps[now] == steps[later])


def test_two_minutes_have_a_closed_form():
    """Of two moves of one sign the strength is 1: twice over the product of normal chances, by path."""
    regimes = trend_regimes(1.0, 3)  # whose flat minutes are told from a trend's, and end soon
    strengths = expect_strengths(regimes, 2)
    for now in range(3):
        straight = 0.0
        for first, second in itertools.product(range(3), repeat=2):
            up = [ndtr(regimes.steps[k]) for k in (first, second)]
            chance = regimes.moves[now, first] * regimes.moves[first, second]
            straight += chance * (math.prod(up) + math.prod(1 - p for p in up))
        below_one = strengths.reached[strengths.values < 1, now].max()
        assert 1 - below_one == pytest.approx(straight, abs=0.005)
    assert (strengths.median(np.full((1, 3), 1 / 3)) == 1).all()


def test_a_move_of_one_minute_is_always_straight():
    """Strength is 1 whatever is believed, and no order is better than another."""
    strengths = expect_strengths(trend_regimes(0.34, 240), 1)
    beliefs = np.random.default_rng(0).dirichlet(np.ones(3), 50)
    assert (strengths.median(beliefs) == 1).all()
    assert np.ptp(strengths.grade(beliefs)) == 0


@settings(max_examples=40, deadline=None)
@given(weights=st.lists(st.floats(0.01, 1), min_size=3, max_size=3), seed=st.integers(0, 10_000))
def test_the_median_is_that_of_the_mixture(weights, seed):
    """No other strength has less absolute error under the mixture, of any three distributions."""
    rng = np.random.default_rng(seed)
    samples = np.sort(rng.beta(rng.uniform(0.5, 4, 3), rng.uniform(0.5, 4, 3), (40, 3)), axis=0)
    values = np.unique(samples)
    reached = (samples[None] <= values[:, None, None]).mean(axis=1)
    belief = np.array(weights) / sum(weights)
    median = Strengths(values, reached, np.zeros(3)).median(belief[None])[0]
    errors = [float(np.abs(samples - value).mean(axis=0) @ belief) for value in (median, *values)]
    assert errors[0] <= min(errors[1:]) + 1e-9


@pytest.mark.parametrize("market", ["trend", pytest.param("memory", marks=pytest.mark.slow)])
def test_without_signal_one_constant_is_best(market):
    """Bit for bit, whatever is believed: there is no order, and the median is the same as any path's."""
    make = trend_regimes if market == "trend" else memory_regimes
    regimes = make(0.0, 60)
    strengths = expect_strengths(regimes, HORIZON)
    beliefs = np.random.default_rng(1).dirichlet(np.ones(len(regimes.steps)), 500)
    assert np.ptp(strengths.median(beliefs)) == np.ptp(strengths.grade(beliefs)) == 0
    moves = np.random.default_rng(2).standard_normal((200_000, HORIZON))
    walked = np.abs(moves.sum(axis=1)) / np.abs(moves).sum(axis=1)
    assert strengths.median(beliefs)[0] == pytest.approx(np.median(walked), abs=0.003)
    assert strengths.grade(beliefs)[0] == pytest.approx(0.5, abs=1e-6)


@pytest.mark.slow
def test_no_answer_is_nearer_to_the_labels_and_no_order_better():
    """On the market's own labels: medians beat shifted ones and a constant, grades those of fewer symbols."""
    params = SimulationParams(**MARKET | {"days": 40, "gaps_per_day": 0.0})
    strengths, hidden = expect_strengths(params.regimes, HORIZON), draw_hidden(params, 2)
    close = dict(simulate(params, ("A", "B"), HORIZON))["A"].candles["close"].to_numpy()
    label = trend_strength(close, HORIZON)[:-HORIZON]
    beliefs = beliefs_of(hidden, params)["probability"][:-HORIZON, 0]
    median = strengths.median(beliefs)
    # As many labels lie above as below, and the mean grade is what the labels' own ranks say.
    surprise = (label > median) - 0.5
    assert abs(surprise.mean()) < 4 * error_of_mean(surprise)
    surprise = stats.rankdata(label) / label.size - strengths.grade(beliefs)
    assert abs(surprise.mean()) < 4 * error_of_mean(surprise)
    error = np.abs(label - median)
    for other in (median + 0.02, median - 0.02, np.full(label.size, np.median(label))):
        worse = np.abs(label - other) - error
        assert worse.mean() > 0
    alone = filter_regimes(hidden.scaled_returns[:, :1], params.regimes, 0.7)[:-HORIZON, 0]
    correlations = [
        stats.spearmanr(answer, label).statistic
        for answer in (strengths.grade(beliefs), strengths.grade(alone), np.abs(beliefs[:, 0] - 0.5))
    ]
    assert correlations[0] == max(correlations)
    assert correlations[0] > 0.15
