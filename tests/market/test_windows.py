"""What a window of candles allows: the filter begun anew at its first, on each of some minutes."""

import itertools
import math

import numpy as np
import pytest
from scipy.stats import norm

from tapeline.market.ceiling import Regimes, ceiling_probability
from tapeline.market.filters import filter_regimes, filter_windows
from tapeline.market.known import known_at, sampled_every
from tapeline.market.simulation import SimulationParams, draw_hidden, what_shows
from tapeline.market.strength import expect_strengths
from tests.market.test_ceiling import MARKET, error_of_mean

MARKETS = {
    "trend": SimulationParams(**MARKET | {"days": 20}),
    "memory": SimulationParams(
        **MARKET | {"days": 20, "market": "memory", "signal": 0.28, "regime_minutes": 60}
    ),
}


def windows_of(params, hidden, ends, length):
    """Beliefs of windows of the market."""
    shown = what_shows(hidden, params)
    return filter_windows(
        hidden.scaled_returns, params.regimes, params.correlation, np.asarray(ends), length, *shown
    )


def test_a_window_is_the_sum_over_all_paths_of_regimes_in_it():
    """Of two states, each path with its chance from the first minute on, and with what each minute shows."""
    regimes = Regimes(np.array([[0.9, 0.1], [0.1, 0.9]]), np.array([-1, 1]), 0.7)
    rng = np.random.default_rng(3)
    returns, shown, opening = rng.normal(size=(12, 1)), rng.random((12, 1, 2)), rng.random((12, 1, 2))
    ends, length = np.array([2, 7, 11]), 5
    found = filter_windows(returns, regimes, 0.0, ends, length, shown, opening)
    for row, end in enumerate(ends):
        minutes = range(max(0, end - length + 1), end + 1)
        belief = np.zeros(2)
        for path in itertools.product(range(2), repeat=len(minutes)):
            chance = 0.5 * math.prod(regimes.moves[a, b] for a, b in itertools.pairwise(path))
            for k, (minute, regime) in enumerate(zip(minutes, path, strict=True)):
                seen = (shown if k else opening)[minute, 0, regime]
                chance *= seen * norm.pdf(returns[minute, 0], 0.7 * regimes.steps[regime])
            belief[path[-1]] += chance
        np.testing.assert_allclose(found[row, 0], belief / belief.sum(), rtol=1e-12)


@pytest.mark.parametrize("market", MARKETS)
def test_a_window_is_the_filter_begun_at_its_first_minute(market):
    """Of two symbols: what lies before a window, the volume before its first among it, changes nothing."""
    params = MARKETS[market]
    hidden, ends = draw_hidden(params, 2), [9, 300, 1000]
    found = windows_of(params, hidden, ends, 40)
    everything, alone = what_shows(hidden, params)
    for row, end in enumerate(ends):
        inside = slice(max(0, end - 39), end + 1)
        seen = None
        if everything is not None:
            seen = everything[inside].copy()
            seen[0] = alone[inside][0]
        expected = filter_regimes(hidden.scaled_returns[inside], params.regimes, params.correlation, seen)
        np.testing.assert_allclose(found[row], expected[-1], rtol=1e-12)


@pytest.mark.parametrize("market", MARKETS)
def test_a_longer_window_allows_more_up_to_all_that_is_past(market):
    """Each is right as often as it says and expects no less than a shorter one, a long one as all of it."""
    params = MARKETS[market]
    hidden, ends = draw_hidden(params, 1), np.arange(3000, 28_000, 25)
    everything = filter_regimes(
        hidden.scaled_returns, params.regimes, params.correlation, what_shows(hidden, params)[0]
    )[ends]
    whole = ceiling_probability(everything, params.regimes, 15)
    log_price = np.cumsum(hidden.sigmas * hidden.scaled_returns, axis=0)
    is_up = log_price[ends + 15] > log_price[ends]
    expects = []
    for length in (1, 5, 30, 1000):
        probability = ceiling_probability(windows_of(params, hidden, ends, length), params.regimes, 15)
        sure = np.maximum(probability, 1 - probability)
        surprise = ((probability > 0.5) == is_up) - sure
        assert abs(surprise.mean()) < 4 * error_of_mean(surprise.repeat(25, axis=0))
        expects.append(sure.mean())
    expects.append(np.maximum(whole, 1 - whole).mean())
    assert np.diff(expects).min() > -1e-3
    assert expects[0] < expects[1] < expects[3] - 0.01
    assert expects[3] == pytest.approx(expects[4], abs=1e-4)
    np.testing.assert_allclose(probability, whole, atol=0.02)


@pytest.mark.slow
def test_windows_of_many_symbols_are_looked_at_here_and_there(monkeypatch):
    """Evenly, so that a run ends in seconds; elsewhere nothing is said, and all that is said is the same."""
    params = MARKETS["memory"]
    assert sampled_every(params, 2, 25_920, 60) == 1
    every = sampled_every(params, 5, 25_920, 60)
    assert 25_920 * 60 * 4**5 / every <= 4e8 < 25_920 * 60 * 4**5 / (every - 1)
    hidden, minutes = draw_hidden(params, 2), np.arange(500, 600)
    monkeypatch.setattr("tapeline.market.strength.PATHS", 2000)
    strengths = expect_strengths(params.regimes, 15)
    known = known_at(hidden, params, strengths, 15, 20, minutes)
    monkeypatch.setattr("tapeline.market.known.MOST_STEPS", 100 * 20 * 16 // 4)
    sampled = known_at(hidden, params, strengths, 15, 20, minutes)
    assert set(known) == set(sampled)
    for name, values in sampled.items():
        expected = known[name].copy()
        if "window" in name:
            expected[np.arange(100) % 4 != 0] = np.nan
        np.testing.assert_array_equal(values, expected)
