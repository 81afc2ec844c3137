"""The simulated market: what its candles look like, against theory and the hidden truth."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tapeline.errors import ParamsError
from tapeline.market.simulation import (
    MAX_GAP,
    MINUTES_PER_DAY,
    SimulationParams,
    ceilings_of,
    check_symbols,
    draw_candles,
    draw_hidden,
    simulate,
)
from tapeline.schema import TIMESTAMP_TYPE

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
PAIR = ("BTC-USD", "ETH-USD")


def market(**changes):
    """The default market with `changes`."""
    return SimulationParams(**{**MARKET, **changes})


def steps_in_minutes(candles):
    """Minutes from each candle to the next, shape (n - 1,)."""
    return candles["timestamp"].diff().dt.total_seconds().to_numpy()[1:] / 60


@pytest.fixture(scope="module")
def pair():
    """The default market of two symbols."""
    return dict(simulate(market(), PAIR, 15))


def test_same_params_give_the_same_bytes():
    """Two runs agree bit for bit; another seed gives another market."""
    first, second, other = (dict(simulate(market(days=2, seed=seed), PAIR, 15)) for seed in (1, 1, 2))
    for symbol in PAIR:
        for table in ("candles", "ceiling"):
            a, b = getattr(first[symbol], table), getattr(second[symbol], table)
            pd.testing.assert_frame_equal(a, b, check_exact=True)
        assert not np.array_equal(
            first[symbol].candles["close"][:1000], other[symbol].candles["close"][:1000]
        )


def test_more_days_continue_the_same_market():
    """Candles and ceiling of the first days are the same bits however many days follow."""
    short, long = (dict(simulate(market(days=days), PAIR, 15)) for days in (2, 5))
    for symbol in PAIR:
        for table in ("candles", "ceiling"):
            a, b = getattr(short[symbol], table), getattr(long[symbol], table)
            pd.testing.assert_frame_equal(a, b[: len(a)], check_exact=True)


def test_another_symbol_leaves_the_candles_of_the_first_alone():
    """A symbol's candles hang on the seed and its position only."""
    alone, paired = dict(simulate(market(days=2), PAIR[:1], 15)), dict(simulate(market(days=2), PAIR, 15))
    pd.testing.assert_frame_equal(alone[PAIR[0]].candles, paired[PAIR[0]].candles, check_exact=True)


def test_tables_have_the_promised_columns_and_rows(pair):
    """Candles and ceiling share their timestamps, UTC minutes from the first day on, without repeats."""
    for symbol in PAIR:
        candles, ceiling = pair[symbol].candles, pair[symbol].ceiling
        assert list(candles) == ["timestamp", "open", "high", "low", "close", "volume"]
        assert list(ceiling) == ["timestamp", "probability"]
        assert candles["timestamp"].dtype == TIMESTAMP_TYPE
        pd.testing.assert_series_equal(candles["timestamp"], ceiling["timestamp"])
        assert candles["timestamp"][0] == pd.Timestamp("2024-01-01", tz="UTC")
        assert candles["timestamp"].iloc[-1] < pd.Timestamp("2024-03-01", tz="UTC")
        steps = steps_in_minutes(candles)
        assert (steps >= 1).all()
        assert (steps == np.rint(steps)).all()
        assert ceiling["probability"].between(0, 1).all()


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    signal=st.floats(0, 0.5),
    volatility_bps=st.floats(0.01, 20),
    volatility_spread=st.floats(0, 0.5),
    n_symbols=st.integers(1, 5),
)
def test_prices_obey_the_logic_of_candles(seed, signal, volatility_bps, volatility_spread, n_symbols):
    """Low <= open, close <= high; all positive, finite and of seven digits; volume positive."""
    params = market(
        days=1,
        seed=seed,
        signal=signal,
        volatility_bps=volatility_bps,
        volatility_spread=volatility_spread,
    )
    hidden = draw_hidden(params, n_symbols)
    for position in range(n_symbols):
        open_, high, low, close, volume = draw_candles(hidden, seed, position)
        assert (low > 0).all()
        assert (low <= np.minimum(open_, close)).all()
        assert (high >= np.maximum(open_, close)).all()
        assert np.isfinite(high).all()
        assert (volume > 0).all()
        assert all(float(f"{price:.7g}") == pytest.approx(price, rel=1e-15) for price in close[:50])


def test_open_is_the_previous_close(pair):
    """Candles join, except across a gap, where the price has moved unseen."""
    candles = pair[PAIR[0]].candles
    joined = candles["open"].to_numpy()[1:] == candles["close"].to_numpy()[:-1]
    adjacent = steps_in_minutes(candles) == 1
    assert joined[adjacent].all()
    assert joined[~adjacent].mean() < 0.1


def test_close_to_close_is_the_hidden_return():
    """Over a day the candles move as the hidden returns say, to the rounding of prices."""
    hidden = draw_hidden(market(days=1), 2)
    for position in range(2):
        _, _, _, close, _ = draw_candles(hidden, MARKET["seed"], position)
        returns = (hidden.sigmas * hidden.scaled_returns)[1:, position]
        np.testing.assert_allclose(np.diff(np.log(close)), returns, atol=2e-6)


def test_highs_and_lows_are_extremes_of_a_path():
    """The mean range is that of a Brownian path seen at 12 steps, sqrt(8/pi) - 2 * 0.5826 / sqrt(12)."""
    hidden = draw_hidden(market(days=40, signal=0.0), 1)
    open_, high, low, close, _ = draw_candles(hidden, MARKET["seed"], 0)
    ranges = np.log(high / low) / hidden.sigmas[:, 0]
    expected = math.sqrt(8 / math.pi) - 2 * 0.5826 / math.sqrt(12)
    assert ranges.mean() == pytest.approx(expected, rel=0.03)
    assert 0.05 < (high == np.maximum(open_, close)).mean() < 0.6


def test_volume_and_extremes_say_no_more_of_the_regime_than_the_return():
    """Among minutes of like return, neither volume nor wicks differ between regimes."""
    hidden = draw_hidden(market(days=200, signal=1.0, volatility_spread=0.0), 1)
    open_, high, low, close, volume = draw_candles(hidden, MARKET["seed"], 0)
    scaled, sigma = hidden.scaled_returns[:, 0], hidden.sigmas[:, 0]
    seen = {
        "volume": np.log(volume / sigma),  # volume has the season of sigma
        "upper wick": np.log(high / np.maximum(open_, close)) / sigma,
        "lower wick": np.log(np.minimum(open_, close) / low) / sigma,
        "look-ahead": np.roll(scaled, -1),  # what does tell: the oracle has teeth
    }
    like = np.floor(scaled * 50).astype(int)
    inside = np.abs(scaled) < 2
    scores = {}
    for name, values in seen.items():
        table = pd.DataFrame({"like": like, "value": values, "up": hidden.regimes[:, 0] - 1.0})[inside]
        value, up = (
            table[column] - table.groupby("like")[column].transform("mean") for column in ("value", "up")
        )
        scores[name] = abs(np.corrcoef(value, up)[0, 1]) * math.sqrt(len(table))
    assert scores.pop("look-ahead") > 50
    assert max(scores.values()) < 4, scores


def test_regimes_stay_and_jump_as_the_params_say():
    """Mean stay is regime_minutes, the three regimes are as frequent, both jumps as likely."""
    regimes = draw_hidden(market(days=1500), 1).regimes[:, 0]
    at = np.flatnonzero(np.diff(regimes))
    n_stays = len(at)
    assert np.diff(at).mean() == pytest.approx(240, abs=4 * 240 / math.sqrt(n_stays))
    jumps = (regimes[at + 1] - regimes[at]) % 3
    assert (jumps == 1).mean() == pytest.approx(0.5, abs=4 * 0.5 / math.sqrt(n_stays))
    assert np.bincount(regimes) / len(regimes) == pytest.approx([1 / 3] * 3, abs=0.03)


def test_drift_follows_the_regime():
    """The mean scaled return of a regime is -signal, 0 or signal, in the minute of that regime itself."""
    hidden = draw_hidden(market(days=200), 2)
    for k in range(2):
        for regime, drift in enumerate((-0.34, 0.0, 0.34)):
            returns = hidden.scaled_returns[hidden.regimes[:, k] == regime, k]
            assert returns.mean() == pytest.approx(drift, abs=4 / math.sqrt(len(returns)))
            assert returns.std() == pytest.approx(1, abs=4 / math.sqrt(len(returns)))


@pytest.mark.slow
def test_volatility_has_season_spread_and_persistence():
    """Log volatility has its own spread and forgets over a day; the day's season has mean one."""
    sigmas = draw_hidden(market(days=3000), 1).sigmas[:, 0].reshape(-1, MINUTES_PER_DAY)
    plain = draw_hidden(market(days=2, volatility_spread=0.0), 1).sigmas[:, 0]
    assert plain.mean() == pytest.approx(7.2e-4, rel=1e-12)
    season = plain[:MINUTES_PER_DAY]
    assert season.argmax() == 14 * 60 + 30
    assert season.max() / season.min() > 1.5
    assert np.abs(np.diff(season)).max() < 0.01 * season.mean()
    level = np.log(sigmas / season).ravel()
    assert level.std() == pytest.approx(0.3, rel=0.1)
    day = MINUTES_PER_DAY
    assert np.corrcoef(level[:-day], level[day:])[0, 1] == pytest.approx(math.exp(-1), abs=0.06)


def test_volume_has_the_season_of_volatility():
    """Most is traded in the minutes that move most: its median by hour follows that of the moves."""
    hidden = draw_hidden(market(volatility_spread=0.0), 1)
    hour = np.arange(len(hidden.sigmas)) // 60 % 24
    volume = draw_candles(hidden, MARKET["seed"], 0)[4]
    by_hour = np.array([np.median(volume[hour == h]) for h in range(24)])
    season = np.array([hidden.sigmas[hour == h, 0].mean() for h in range(24)])
    assert by_hour / by_hour.mean() == pytest.approx(season / season.mean(), rel=0.05)


@pytest.mark.parametrize("correlation", [0.0, 0.7])
def test_noise_is_correlated_as_asked(correlation):
    """One-minute returns of any two of three symbols correlate by the param when regimes do not move them."""
    params = market(days=60, signal=0.0, volatility_spread=0.0, gaps_per_day=0.0, correlation=correlation)
    tables = dict(simulate(params, ("A", "B", "C"), 15))
    returns = np.array([np.diff(np.log(table.candles["close"])) for table in tables.values()])
    between = np.corrcoef(returns)[np.triu_indices(3, 1)]
    assert between == pytest.approx([correlation] * 3, abs=4 / math.sqrt(returns.shape[1]))


@pytest.mark.slow
def test_gaps_come_as_often_as_asked_and_now_and_then_long():
    """Gaps start at the given rate; most last one to a few minutes, some more than 15."""
    params = market(days=400)
    lengths = np.concatenate(
        [steps_in_minutes(t.candles) - 1 for t in dict(simulate(params, PAIR, 15)).values()]
    )
    lengths = lengths[lengths > 0]
    assert len(lengths) / 800 == pytest.approx(2, rel=0.1)
    assert np.mean(lengths <= 3) > 0.75
    assert 0.005 < np.mean(lengths > 15) < 0.03
    assert lengths.max() <= 2 * MAX_GAP


def test_gaps_are_each_symbols_own(pair):
    """What one symbol misses the other mostly has."""
    minutes = [set(pair[symbol].candles["timestamp"]) for symbol in PAIR]
    assert len(minutes[0] ^ minutes[1]) > 0.8 * (2 * 60 * MINUTES_PER_DAY - len(minutes[0]) - len(minutes[1]))


def test_no_gaps_leave_every_minute():
    """Without gaps there is a row for every minute of every day."""
    tables = dict(simulate(market(days=3, gaps_per_day=0.0), PAIR, 15))
    assert all(len(table.candles) == 3 * MINUTES_PER_DAY for table in tables.values())


def test_moves_are_of_real_size(pair):
    """The mean absolute 15-minute return of the default market is 30 to 40 bps."""
    for symbol in PAIR:
        closes = pair[symbol].candles.set_index("timestamp")["close"].resample("1min").ffill()
        assert 30 < np.log(closes).diff(15).abs().mean() * 1e4 < 40


def test_the_default_seed_is_a_typical_market(pair):
    """The default 60 days, and their last 18, have the ceiling that the market has in the long run."""
    for days in (60, 18):
        for symbol in PAIR:
            probability = pair[symbol].ceiling["probability"][-days * MINUTES_PER_DAY :]
            assert 0.73 < np.maximum(probability, 1 - probability).mean() < 0.75


@pytest.mark.parametrize(
    "start", ["2024-13-01", "20240101", "today", 20240101, pd.Timestamp("2024-01-01").date()]
)
def test_start_must_be_a_quoted_day(start):
    """Anything but 'YYYY-MM-DD' is refused with the rule."""
    with pytest.raises(ValidationError, match="YYYY-MM-DD"):
        market(start=start)


@pytest.mark.parametrize("symbols", [[], ["A", "A"], list("ABCDEFA")])
def test_symbols_must_be_different(symbols):
    """None, or a repeat, are refused by name of the key."""
    with pytest.raises(ParamsError, match=r"data\.symbols is .* needs different symbols"):
        check_symbols(symbols)
    with pytest.raises(ParamsError):
        dict(simulate(market(days=1), symbols, 15))


@pytest.mark.parametrize("kind", ["trend", pytest.param("memory", marks=pytest.mark.slow)])
def test_each_five_symbols_are_a_market_of_their_own(kind):
    """The first five are as they are alone; what follows has no noise in common with them, but its own."""
    params = market(market=kind, days=3, gaps_per_day=0.0, signal=0.3)
    many, five = dict(simulate(params, "ABCDEFGH", 15)), dict(simulate(params, "ABCDE", 15))
    for symbol, alone in five.items():
        pd.testing.assert_frame_equal(many[symbol].candles, alone.candles)
        pd.testing.assert_frame_equal(many[symbol].ceiling, alone.ceiling)
    returns = pd.DataFrame({s: np.log(t.candles["close"]).diff() for s, t in many.items()}).corr()
    within = [returns.loc[a, b] for group in ("ABCDE", "FGH") for a in group for b in group if a < b]
    between = returns.loc[list("ABCDE"), list("FGH")].to_numpy()
    assert min(within) > 0.5
    assert np.abs(between).max() < 0.1
    hidden = draw_hidden(params, 3, group=1)
    best = ceilings_of(hidden, params, 15)["probability"]
    for position, symbol in enumerate("FGH"):
        np.testing.assert_array_equal(many[symbol].ceiling["probability"], best[:, position])


def test_no_two_symbols_of_many_are_alike():
    """Neither price paths nor volumes are drawn twice; a starting price comes again in the next five."""
    tables = [
        told.candles
        for _, told in simulate(market(days=1, gaps_per_day=0.0), [f"S{k}" for k in range(12)], 15)
    ]
    for column in ("close", "volume"):
        changes = pd.DataFrame({k: np.log(table[column]).diff() for k, table in enumerate(tables)})
        assert changes.T.duplicated().sum() == 0


def test_prices_out_of_range_are_refused():
    """Params under which prices would overflow end in a line that says what to lower."""
    with pytest.raises(ParamsError, match=r"volatility_bps is .* lets prices run"):
        dict(simulate(market(signal=2.0, volatility_bps=1000.0, regime_minutes=10_000), PAIR, 15))
