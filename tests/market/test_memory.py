"""The market that needs a memory: its hidden chains, and what a candle tells of them and what it doesn't."""

import itertools
import math

import numpy as np
import pytest
from scipy.stats import norm

from tapeline.market.ceiling import ceiling_probability
from tapeline.market.filters import filter_regimes
from tapeline.market.memory import (
    FOLLOWED,
    IMPRINT,
    PERSISTENCE,
    SIDE,
    STAY_RATIO,
    memory_regimes,
    order_likelihoods,
    side_likelihoods,
)
from tapeline.market.simulation import SimulationParams, ceilings_of, draw_candles, draw_hidden
from tests.market.test_ceiling import MARKET, error_of_mean, sees_the_future, went_up

MEMORY = MARKET | {"market": "memory", "signal": 0.28, "regime_minutes": 60}


def market(**changes):
    """A market of the kind with `changes`."""
    return SimulationParams(**MEMORY | changes)


@pytest.fixture(scope="module")
def hidden():
    """Two hundred days of two symbols."""
    return draw_hidden(market(days=200), 2)


def test_regimes_stay_as_the_params_say(hidden):
    """Sides last 60 minutes on average, followed and faded 240; all four regimes are as frequent."""
    regimes = hidden.regimes[:, 0]
    for values, stay in ((SIDE[regimes], 60), (FOLLOWED[regimes], 60 * STAY_RATIO)):
        stays = np.diff(np.flatnonzero(np.diff(values)))
        assert stays.mean() == pytest.approx(stay, abs=4 * stay / math.sqrt(len(stays)))
    assert np.bincount(regimes) / len(regimes) == pytest.approx([0.25] * 4, abs=0.03)


def test_drift_is_the_side_followed_or_faded(hidden):
    """Of 0.28 sigmas a minute: 1.3 times that with a side that is followed, 0.7 times against a faded one."""
    assert memory_regimes(0.28, 60).drifts == pytest.approx([0.196, -0.196, -0.364, 0.364])
    for regime, drift in enumerate((0.196, -0.196, -0.364, 0.364)):
        returns = hidden.scaled_returns[hidden.regimes == regime]
        assert returns.mean() == pytest.approx(drift, abs=4 / math.sqrt(len(returns)))


def test_shadows_are_shared_as_the_balance_says(hidden):
    """The part above the body is the normal quantile's, whatever the candle's size; low and high hold it."""
    open_, high, low, close, _ = draw_candles(hidden, MEMORY["seed"], 0)
    above = np.log(high / np.maximum(open_, close))
    below = np.log(np.minimum(open_, close) / low)
    is_seen = above + below > 2e-4  # so that a price's last digit tells little
    share = above[is_seen] / (above + below)[is_seen]
    np.testing.assert_allclose(share, norm.cdf(hidden.balances[is_seen, 0]), atol=0.01)


def test_volume_follows_volume_by_the_regime(hidden):
    """Noise of unit variance in all regimes, whose correlation with the minute before is theirs."""
    for k in range(2):
        noise, followed = hidden.volume_noise[:, k], FOLLOWED[hidden.regimes[:, k]]
        for sign in (-1, 1):
            at = np.flatnonzero(followed[1:] == sign) + 1
            error = 4 / math.sqrt(len(at)) * (1 + PERSISTENCE) / (1 - PERSISTENCE)
            assert noise[at].std() == pytest.approx(1, abs=error)
            assert np.mean(noise[at] * noise[at - 1]) == pytest.approx(sign * PERSISTENCE, abs=error)


def test_one_candle_tells_nothing_of_whether_its_side_is_followed(hidden):
    """Neither shape nor volume of a candle differs between followed and faded; the order of two does."""
    followed, side = FOLLOWED[hidden.regimes[:, 0]], SIDE[hidden.regimes[:, 0]]
    noise, balance = hidden.volume_noise[:, 0], hidden.balances[:, 0]
    pairs = np.r_[0.0, noise[1:] * noise[:-1]]
    told = {"volume": noise, "its size": noise**2, "shape": balance - IMPRINT * side, "order": pairs}
    scores = {
        name: np.mean(values * followed) / error_of_mean(values * followed) for name, values in told.items()
    }
    assert scores.pop("order") > 50
    assert max(map(abs, scores.values())) < 4, scores


def test_each_ceiling_knows_more_than_the_one_before(hidden):
    """Returns, the last candle's shape too, everything: each right more often, and as often as it says."""
    known, is_up = ceilings_of(hidden, market(), 15), went_up(hidden)
    hits = {}
    for name in ("from_returns", "from_candle", "probability"):
        probability = known[name][:-15]
        hits[name] = ((probability > 0.5) == is_up).astype(float)
        surprise = hits[name] - np.maximum(probability, 1 - probability)
        assert abs(surprise.mean()) < 4 * error_of_mean(surprise), name
    names = list(hits)
    for less, more in itertools.pairwise(names):
        gain = hits[more] - hits[less]
        assert gain.mean() > 4 * error_of_mean(gain), more
    assert hits["probability"].mean() - hits["from_candle"].mean() > 0.05


@pytest.mark.parametrize("at", [0, 7, 58])
def test_no_ceiling_knows_what_comes(at):
    """Returns, shapes and volumes after a minute replaced: nothing up to it changes, by a bit."""
    params, drawn = market(), draw_hidden(market(days=1), 2)
    columns = [drawn.scaled_returns[:60], drawn.balances[:60], drawn.volume_noise[:60]]

    def forecast(values):
        returns, balances, noise = np.split(values, 3, axis=1)
        seen = side_likelihoods(balances) * order_likelihoods(noise)
        beliefs = filter_regimes(np.ascontiguousarray(returns), params.regimes, 0.7, seen)
        return ceiling_probability(beliefs, params.regimes, 15)

    assert not sees_the_future(forecast, np.hstack(columns), at)
    if at < 58:
        assert sees_the_future(lambda values: forecast(np.roll(values, -1, axis=0)), np.hstack(columns), at)


def test_a_leap_of_volume_leaves_the_likelihoods_finite():
    """However far from what any regime expects."""
    seen = order_likelihoods(np.array([[0.0], [1e3], [-1e3], [0.0]]))
    assert seen.shape == (4, 1, 4)
    assert np.isfinite(seen).all()
    assert (seen > 0).all()
