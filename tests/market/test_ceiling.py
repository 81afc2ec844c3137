"""The ceiling: the exact filter against plain references, and that nothing which knows the past beats it."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import multivariate_normal, norm
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tapeline.market.ceiling import ceiling_probability, trend_regimes, up_probability
from tapeline.market.filters import filter_regimes
from tapeline.market.memory import memory_regimes, order_likelihoods, side_likelihoods
from tapeline.market.simulation import MINUTES_PER_DAY, SimulationParams, draw_hidden, simulate

MARKET = {
    "market": "trend",
    "signal": 0.34,
    "seed": 1105,
    "days": 60,
    "start": "2024-01-01",
    "regime_minutes": 240,
    "volatility_bps": 7.2,
    "volatility_spread": 0.3,
    "correlation": 0.7,
    "gaps_per_day": 2.0,
}
HORIZON = 15
WINDOWS = (1, 2, 3, 5, 8, 12, 20, 30, 45, 60, 90, 130, 180, 240, 360)


def market(**changes):
    """The default market with `changes`."""
    return SimulationParams(**{**MARKET, **changes})


def ceiling_of(params, scaled_returns):
    """The ceiling under the true `params`, shape (n, S)."""
    beliefs = filter_regimes(scaled_returns, params.regimes, params.correlation)
    return ceiling_probability(beliefs, params.regimes, HORIZON)


def went_up(hidden):
    """Whether price is higher HORIZON minutes on, shape (n - HORIZON, S)."""
    log_price = np.cumsum(hidden.sigmas * hidden.scaled_returns, axis=0)
    return log_price[HORIZON:] > log_price[:-HORIZON]


def error_of_mean(values):
    """Standard error of the mean of `values` (n, ...) over blocks of two days."""
    block = 2 * MINUTES_PER_DAY
    blocks = values[: len(values) // block * block].reshape(-1, block, *values.shape[1:])
    means = blocks.reshape(len(blocks), -1).mean(axis=1)
    return means.std(ddof=1) / math.sqrt(len(means))


def filter_in_plain_python(scaled_returns, regimes, correlation, likelihoods):
    """The filter as the textbook has it: a dense transition matrix and multivariate normal densities."""
    n_symbols, n_regimes = scaled_returns.shape[1], len(regimes.steps)
    states = list(itertools.product(range(n_regimes), repeat=n_symbols))
    moves = np.array(
        [[math.prod(regimes.moves[x, y] for x, y in zip(a, b, strict=True)) for b in states] for a in states]
    )
    covariance = np.full((n_symbols, n_symbols), correlation) + (1 - correlation) * np.eye(n_symbols)
    belief = np.full(len(states), 1 / len(states))
    drifts = [[regimes.unit * regimes.steps[regime] for regime in state] for state in states]
    densities = np.column_stack(
        [np.atleast_1d(multivariate_normal.pdf(scaled_returns, drift, covariance)) for drift in drifts]
    )
    marginals = []
    for density, seen in zip(densities, likelihoods, strict=True):
        belief = (belief @ moves) * density
        belief = belief * [math.prod(seen[k, regime] for k, regime in enumerate(state)) for state in states]
        belief = belief / belief.sum()
        of = [
            [sum(belief[j] for j, s in enumerate(states) if s[k] == r) for r in range(n_regimes)]
            for k in range(n_symbols)
        ]
        marginals.append(of)
    return np.array(marginals)


@pytest.mark.parametrize(("n_symbols", "n_minutes"), [(1, 300), (2, 200), (3, 60)])
@pytest.mark.parametrize("correlation", [0.0, 0.7])
def test_filter_is_the_textbook_filter(n_symbols, n_minutes, correlation):
    """The kernel gives what dense matrices give, to 1e-12, with regimes that change often."""
    params = market(days=1, signal=0.6, regime_minutes=20, correlation=correlation)
    returns = draw_hidden(params, n_symbols).scaled_returns[:n_minutes]
    nothing_else = np.ones((n_minutes, n_symbols, 3))
    expected = filter_in_plain_python(returns, params.regimes, correlation, nothing_else)
    found = filter_regimes(returns, params.regimes, correlation)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("n_symbols", "n_minutes"), [(1, 300), (2, 60)])
def test_filter_of_the_market_memory_is_the_textbook_filter(n_symbols, n_minutes):
    """Likewise with what the shape and the volume of a candle tell."""
    params = market(market="memory", days=1, signal=0.6, regime_minutes=20)
    hidden = draw_hidden(params, n_symbols)
    returns, seen = hidden.scaled_returns, side_likelihoods(hidden.balances)
    seen = (seen * order_likelihoods(hidden.volume_noise))[:n_minutes]
    expected = filter_in_plain_python(returns[:n_minutes], params.regimes, 0.7, seen)
    found = filter_regimes(returns[:n_minutes], params.regimes, 0.7, seen)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


def test_a_belief_that_is_sure_survives_what_contradicts_it():
    """However unlikely what is seen, the beliefs of a minute add up to one."""
    params = market(market="memory", days=1)
    returns = np.tile([[40.0], [-40.0]], (50, 1))
    noise = np.tile([[30.0], [30.0], [-30.0], [90.0]], (25, 1))
    seen = side_likelihoods(30 * returns) * order_likelihoods(noise)
    beliefs = filter_regimes(returns, params.regimes, 0.7, seen)
    np.testing.assert_allclose(beliefs.sum(axis=-1), 1.0, rtol=1e-12)


@pytest.mark.parametrize("regime_minutes", [2, 7, 240])
@pytest.mark.parametrize("horizon", [1, 2, 5])
def test_up_probability_is_the_sum_over_all_regime_paths(horizon, regime_minutes):
    """Every sequence of regimes, with its chance and the normal CDF of its drift, adds up to the same."""
    for now in range(3):
        expected = 0.0
        for path in itertools.product((0, 1, 2), repeat=horizon):
            chance = 1.0
            for a, b in itertools.pairwise((now, *path)):
                chance *= 1 - 1 / regime_minutes if a == b else 0.5 / regime_minutes
            expected += chance * norm.cdf(0.8 * (sum(path) - horizon) / math.sqrt(horizon))
        found = up_probability(trend_regimes(0.8, regime_minutes), horizon)[now]
        assert found == pytest.approx(expected, abs=1e-14)


@pytest.mark.parametrize("horizon", [1, 2, 4])
def test_up_probability_of_the_market_memory_is_the_sum_over_all_regime_paths(horizon):
    """Two chains: the side of a mean stay of 7 minutes, followed or faded of 28; 13 and 7 tenths of 0.8."""
    for now in itertools.product((0, 1), repeat=2):
        expected = 0.0
        for path in itertools.product(itertools.product((0, 1), repeat=2), repeat=horizon):
            chance, drift = 1.0, 0.0
            for (a0, b0), (a1, b1) in itertools.pairwise((now, *path)):
                chance *= (1 - 1 / 28 if a0 == a1 else 1 / 28) * (1 - 1 / 7 if b0 == b1 else 1 / 7)
                drift += 0.8 * (2 * b1 - 1) * (1.3 if a1 else -0.7)
            expected += chance * norm.cdf(drift / math.sqrt(horizon))
        found = up_probability(memory_regimes(0.8, 7), horizon)[2 * now[0] + now[1]]
        assert found == pytest.approx(expected, abs=1e-14)


@pytest.mark.parametrize(("horizon", "regime_minutes"), [(15, 240), (60, 40)])
def test_up_probability_agrees_with_monte_carlo(horizon, regime_minutes):
    """A hundred thousand drawn futures from every regime rise as often as said."""
    stream, n_futures = np.random.default_rng(3), 100_000
    for now in range(3):
        regime, total = np.full(n_futures, now), np.zeros(n_futures)
        for _ in range(horizon):
            leaves = stream.random(n_futures) < 1 / regime_minutes
            regime = np.where(leaves, (regime + stream.integers(1, 3, n_futures)) % 3, regime)
            total += 0.34 * (regime - 1) + stream.standard_normal(n_futures)
        expected = up_probability(trend_regimes(0.34, regime_minutes), horizon)[now]
        assert (total > 0).mean() == pytest.approx(expected, abs=4 * 0.5 / math.sqrt(n_futures))


@given(
    signal=st.floats(0, 2), regime_minutes=st.integers(2, 1000), horizon=st.sampled_from((1, 4, 15, 60, 240))
)
@settings(max_examples=30, deadline=None)
def test_up_probability_is_symmetric(signal, regime_minutes, horizon):
    """Down mirrors up, flat is even, up is never below even."""
    down, flat, up = up_probability(trend_regimes(signal, regime_minutes), horizon)
    assert flat == pytest.approx(0.5, abs=1e-12)
    assert down + up == pytest.approx(1, abs=1e-12)
    assert up >= 0.5 - 1e-12


@pytest.mark.parametrize("kind", ["trend", "memory"])
def test_without_signal_the_ceiling_is_even(kind):
    """Nothing to find: every probability is 0.5 to the bit."""
    for table in dict(simulate(market(market=kind, signal=0.0, days=3), ("A", "B", "C"), HORIZON)).values():
        assert (table.ceiling.drop(columns="timestamp") == 0.5).all(axis=None)


def sees_the_future(forecast, returns, at):
    """Whether another future after minute `at` changes what `forecast` says up to it."""
    changed = returns.copy()
    changed[at + 1 :] = -3.0 * changed[at + 1 :] + 1.0
    until = slice(0, at + 1)
    whole = forecast(returns)[until]
    return not (
        np.array_equal(whole, forecast(changed)[until]) and np.array_equal(whole, forecast(returns[until]))
    )


@given(
    returns=arrays(float, (60, 2), elements=st.floats(-5, 5)),
    at=st.integers(0, 58),
    correlation=st.floats(0, 0.9),
)
@settings(max_examples=50, deadline=None)
def test_ceiling_knows_the_past_alone(returns, at, correlation):
    """No bit of it up to t changes with what comes after t, or when nothing does."""
    params = market(correlation=correlation)
    assert not sees_the_future(lambda values: ceiling_of(params, values), returns, at)


def test_a_filter_that_looks_ahead_is_caught():
    """One minute of look-ahead, or smoothing from the end, is seen by the check above."""
    params = market()
    returns = draw_hidden(params, 2).scaled_returns[:60]

    def shifted(values):
        return ceiling_of(params, np.roll(values, -1, axis=0))

    def smoothed(values):
        return ceiling_of(params, values) + ceiling_of(params, values[::-1])[::-1]

    assert sees_the_future(shifted, returns, 30)
    assert sees_the_future(smoothed, returns, 30)


ON_ONE_WORKER = pytest.mark.xdist_group("long market")  # which takes seconds to make


@pytest.fixture(scope="module")
def long_market():
    """A thousand days of the default market: params, hidden truth, ceiling and what came, per minute."""
    params = market(days=1000, seed=7)
    hidden = draw_hidden(params, 2)
    return params, hidden, ceiling_of(params, hidden.scaled_returns)[:-HORIZON], went_up(hidden)


@pytest.mark.slow
@ON_ONE_WORKER
def test_ceiling_is_calibrated(long_market):
    """In every band of probability, price rises as often as said, within its block error."""
    _, _, probability, is_up = long_market
    for low in np.arange(0.1, 0.9, 0.1):
        inside = (probability >= low) & (probability < low + 0.1)
        excess = np.where(inside, is_up - probability, 0.0)
        assert inside.any()
        assert abs(excess.mean()) < 4 * error_of_mean(excess), low


@ON_ONE_WORKER
def test_accuracy_of_the_rule_is_the_mean_of_the_surer_side(long_market):
    """Following p > 0.5 is right as often as max(p, 1 - p) says, within its block error."""
    _, _, probability, is_up = long_market
    surprise = ((probability > 0.5) == is_up) - np.maximum(probability, 1 - probability)
    assert error_of_mean(surprise) < 0.003
    assert abs(surprise.mean()) < 4 * error_of_mean(surprise)


@ON_ONE_WORKER
def test_default_ceiling_is_about_074(long_market):
    """In the long run the best accuracy on the default market is 0.74 at 15 minutes."""
    _, hidden, probability, _ = long_market
    assert np.maximum(probability, 1 - probability).mean() == pytest.approx(0.74, abs=0.01)
    log_price = np.cumsum(hidden.sigmas * hidden.scaled_returns, axis=0)
    moves = np.abs(log_price[HORIZON:] - log_price[:-HORIZON]).mean(axis=0) * 1e4
    assert moves == pytest.approx([35, 35], abs=5)


@pytest.mark.slow
@ON_ONE_WORKER
def test_joint_filter_beats_the_filters_of_single_symbols(long_market):
    """What other symbols tell makes the ceiling higher, beyond the paired block error."""
    params, hidden, joint, is_up = long_market
    for k in range(2):
        single = ceiling_of(params, hidden.scaled_returns[:, [k]])[:-HORIZON, 0]
        gain = ((joint[:, k] > 0.5) == is_up[:, k]).astype(float) - ((single > 0.5) == is_up[:, k])
        assert gain.mean() > 3 * error_of_mean(gain)


def past_features(hidden):
    """Windowed past returns of both symbols over their past volatility, shape (n, F)."""
    returns = hidden.sigmas * hidden.scaled_returns
    walk = np.vstack([np.zeros((1, 2)), np.cumsum(returns, axis=0)])
    squares = np.vstack([np.zeros((1, 2)), np.cumsum(returns**2, axis=0)])
    ends = np.arange(len(returns)) + 1
    columns = []
    for window in WINDOWS:
        starts = np.maximum(ends - window, 0)
        volatility = np.sqrt(
            (squares[ends] - squares[np.maximum(ends - 120, 0)]) / np.minimum(ends, 120)[:, None]
        )
        columns += [(walk[ends] - walk[starts]) / volatility / math.sqrt(window)]
        if window >= 30:
            columns += [np.log((squares[ends] - squares[starts]) / window)]
    return np.hstack(columns)


def models():
    """Classifiers of two families, by name."""
    boosting = HistGradientBoostingClassifier(
        max_iter=60, learning_rate=0.1, max_leaf_nodes=15, min_samples_leaf=500, random_state=0
    )
    return {
        "logistic": make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
        "boosting": boosting,
    }


def hits_of(model, features, is_up, first_test):
    """Hits per test minute of symbol 0, trained on every tenth minute that ends before the test begins."""
    train = np.arange(max(WINDOWS), first_test - HORIZON, 10)
    model.fit(features[train], is_up[train, 0])
    return (model.predict(features[first_test : len(is_up)]) == is_up[first_test:, 0]).astype(float)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["logistic", "boosting"])
def test_no_classifier_beats_the_ceiling(name):
    """Models of the past learn, but not beyond the ceiling's 99.9 % interval; one with a leak does."""
    params = market(days=300, seed=11)
    hidden, first_test = draw_hidden(params, 2), 180 * MINUTES_PER_DAY
    is_up, features = went_up(hidden), past_features(hidden)
    best = (ceiling_of(params, hidden.scaled_returns)[first_test:-HORIZON, 0] > 0.5) == is_up[first_test:, 0]
    hits = hits_of(models()[name], features, is_up, first_test)
    gain = hits - best
    assert hits.mean() > 0.68
    assert gain.mean() < 3.29 * error_of_mean(gain)

    leaked = np.column_stack([features, np.roll(features[:, :1], -3, axis=0)])  # the return of minute t + 3
    gain = hits_of(models()[name], leaked, is_up, first_test) - best
    assert gain.mean() > 3.29 * error_of_mean(gain)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["logistic", "boosting"])
def test_without_signal_no_classifier_finds_any(name):
    """On a market with nothing to find models stay inside the 99.9 % interval of 0.5."""
    hidden, first_test = draw_hidden(market(days=300, seed=12, signal=0.0), 2), 180 * MINUTES_PER_DAY
    hits = hits_of(models()[name], past_features(hidden), went_up(hidden), first_test)
    assert error_of_mean(hits) < 0.005
    assert abs(hits.mean() - 0.5) < 3.29 * error_of_mean(hits)
