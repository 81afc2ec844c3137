"""Every declared feature: causal, sufficient lookback, inside its range, equal to what others compute."""

import numpy as np
import pandas as pd
import pytest
import talib
from hypothesis import given, settings
from hypothesis import strategies as st

from tapeline.features import declare
from tapeline.features.catalog import FEATURES
from tapeline.features.compiled import compute
from tapeline.features.leader import close_before
from tapeline.features.table import as_candles
from tests.candles import random_candles, with_gaps
from tests.features.reference import plain_features, plain_indicators

NAMES = list(FEATURES)
TABLE = random_candles(2500)
MAX_FILL = 15
# Begins later, has a long gap, and short ones that are filled.
LEADER = with_gaps(random_candles(2600, seed=5, gap_at=1900).iloc[100:], share=0.2)
CANDLES = as_candles(TABLE, LEADER, MAX_FILL)
WHOLE = {name: compute(FEATURES[name], CANDLES) for name in NAMES}
REFERENCE = plain_features(TABLE, LEADER)
SETTLED = 1000  # candles after which the longest recursion has forgotten its start


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=10, deadline=None)
@given(cut=st.integers(min_value=1500, max_value=2499))
def test_a_value_does_not_depend_on_later_candles(name, cut):
    """On history cut after a candle, the leader's cut before it, that candle's value is the same bits."""
    leader = LEADER[LEADER["timestamp"] < TABLE["timestamp"].iloc[cut - 1]]
    truncated = compute(FEATURES[name], as_candles(TABLE.iloc[:cut], leader, MAX_FILL))
    assert truncated[-1] == WHOLE[name][cut - 1]


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=10, deadline=None)
@given(end=st.integers(min_value=1500, max_value=2500))
def test_the_declared_lookback_is_enough(name, end):
    """From a buffer of `lookback` candles alone, the last value equals the one from all history to 1e-6."""
    buffer = as_candles(TABLE.iloc[end - FEATURES[name].lookback : end], LEADER, MAX_FILL)
    value = compute(FEATURES[name], buffer)[-1]
    scale = np.nanstd(WHOLE[name]) + abs(WHOLE[name][end - 1])
    assert abs(value - WHOLE[name][end - 1]) <= 1e-6 * scale


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "market",
    [
        "moving",
        "flat",
        "wild",
        *(pytest.param(each, marks=pytest.mark.slow) for each in ("no volume", "quiet")),
    ],
)
def test_values_are_finite_and_in_their_declared_range(name, market):
    """After the lookback, on any market, every value is finite and within its bounds."""
    table = {
        "moving": TABLE,
        "flat": TABLE.assign(**dict.fromkeys(("open", "high", "low", "close"), 100.0), volume=0.0),
        "no volume": TABLE.assign(volume=0.0),
        "quiet": TABLE.assign(**dict.fromkeys(("open", "high", "low"), TABLE["close"])),
        "wild": random_candles(2500, seed=3, sigma=0.2),
    }[market]
    feature = FEATURES[name]
    after = compute(feature, as_candles(table, LEADER, MAX_FILL))[feature.lookback - 1 :]
    slack = 1e-9 * max(1.0, abs(feature.low or 0), abs(feature.high or 0))
    assert np.isfinite(after).all()
    assert feature.low is None or after.min() >= feature.low - slack
    assert feature.high is None or after.max() <= feature.high + slack


@pytest.mark.parametrize("name", list(REFERENCE))
def test_a_feature_equals_its_plain_reference(name):
    """Features of our own agree with pandas to 1e-9, over the leader's late start and its gap too."""
    start = FEATURES[name].lookback - 1
    expected = REFERENCE[name].to_numpy()[start:]
    scale = max(1.0, np.nanmax(np.abs(expected)))
    np.testing.assert_allclose(WHOLE[name][start:], expected, rtol=1e-9, atol=1e-9 * scale)


def talib_features(t):
    """Features that are TA-Lib's, asked of TA-Lib on the table itself."""
    high, low, close, volume = (t[name].to_numpy() for name in ("high", "low", "close", "volume"))
    ema = {window: talib.EMA(close, window) for window in (12, 60)}
    return {
        "rsi_14": talib.RSI(close, 14),
        "stochastic_14": talib.STOCH(high, low, close, 14, 3, 0, 3, 0)[1],
        "cci_20": talib.CCI(high, low, close, 20),
        "macd_histogram": talib.MACD(close, 12, 26, 9)[2] / close,
        "ultimate_oscillator": talib.ULTOSC(high, low, close, 7, 14, 28),
        "trix_15": talib.TRIX(close, 15),
        "natr_14": talib.NATR(high, low, close, 14),
        "adx_14": talib.ADX(high, low, close, 14),
        "directional_movement_14": talib.PLUS_DI(high, low, close, 14) - talib.MINUS_DI(high, low, close, 14),
        "ema_distance_12": close / ema[12] - 1,
        "ema_distance_60": close / ema[60] - 1,
        "ema_cross_12_60": ema[12] / ema[60] - 1,
        "slope_30": talib.LINEARREG_SLOPE(close, 30) / close,
        "aroon_25": talib.AROONOSC(high, low, 25),
        "mfi_14": talib.MFI(high, low, close, volume, 14),
    }


@pytest.mark.parametrize("name", list(talib_features(TABLE)))
def test_a_feature_of_talib_equals_talib(name):
    """Indicators are TA-Lib's, parameters and all."""
    np.testing.assert_array_equal(WHOLE[name], talib_features(TABLE)[name])


def test_every_feature_has_a_reference():
    """Each is compared with pandas or with TA-Lib; at least 60 in ten groups."""
    assert set(REFERENCE) | set(talib_features(TABLE)) == set(NAMES)
    assert len(NAMES) >= 60
    assert len({feature.group for feature in FEATURES.values()}) == 10


@pytest.mark.parametrize("name", list(plain_indicators(TABLE)))
def test_talibs_indicators_are_what_they_are_called(name):
    """By pandas, another way, they agree once their recursions have forgotten how they began."""
    expected = plain_indicators(TABLE)[name].to_numpy()[SETTLED:]
    scale = np.abs(expected).max()
    np.testing.assert_allclose(WHOLE[name][SETTLED:], expected, rtol=1e-6, atol=1e-7 * scale)


def test_a_same_minute_look_at_the_leader_is_impossible():
    """The leader's candle of the same minute, changed beyond recognition, changes nothing."""
    end = 1700
    spoilt = LEADER.copy()
    is_later = spoilt["timestamp"] >= TABLE["timestamp"].iloc[end]
    spoilt.loc[is_later, ["open", "high", "low", "close"]] *= 7.0
    other = as_candles(TABLE, spoilt, MAX_FILL)
    for name in NAMES:
        value = compute(FEATURES[name], other)
        assert value[end] == WHOLE[name][end]
    assert (compute(FEATURES["leader_return_1"], other) != WHOLE["leader_return_1"])[end + 1]


def test_declaring_over_values_makes_a_feature_of_each():
    """One function, one line: a name, lookback and meaning for every value."""
    try:

        @declare.feature("returns", over=(3, 4), lookback=lambda window: window + 1, low=0)
        def probe_(candles, window):
            """Twice the {} candles,
            told over two lines.

            And no further.
            """
            return candles.close * window

        assert FEATURES["probe_3"].lookback == 4
        assert FEATURES["probe_4"].meaning == "Twice the 4 candles, told over two lines."
        assert (compute(FEATURES["probe_4"], CANDLES) == 4 * CANDLES.close).all()
    finally:
        for name in ("probe_3", "probe_4"):
            FEATURES.pop(name, None)


def test_a_feature_is_declared_once_and_within_the_longest_lookback():
    """A second declaration of a name, or a lookback serving can't hold, is refused."""

    def return_1(candles):
        """Nothing."""

    with pytest.raises(ValueError, match="return_1 is declared twice"):
        declare.feature("returns", lookback=2)(return_1)
    with pytest.raises(ValueError, match=r"lookback must be 1\.\.1500 candles, got 1501"):
        declare.feature("returns", lookback=1501)(lambda candles: candles.close)


def test_a_candle_without_past_is_no_error():
    """Features of a handful of candles are computed without a traceback; nobody uses them."""
    for n in (1, 2, 61):
        few = as_candles(TABLE.iloc[:n], LEADER, MAX_FILL)
        for name in NAMES:
            assert compute(FEATURES[name], few).shape == (n,), name


def test_what_is_known_of_a_silent_leader_does_not_hang_on_what_follows():
    """Whether the leader's gap is filled, left open or never ends changes nothing while it lasts."""
    own = TABLE.iloc[:60]
    for n_silent in (1, 3, MAX_FILL, MAX_FILL + 1):
        back = own.iloc[[20 + n_silent + 1]].assign(close=777.0)
        filled = own.iloc[21 : 21 + n_silent].assign(is_filled=True, close=own["close"].iloc[20])
        ends = [own.iloc[:21], pd.concat([own.iloc[:21], filled, back]), pd.concat([own.iloc[:21], back])]
        asked = own.iloc[: 20 + n_silent + 2]
        never, as_filled, as_gap = (as_candles(asked, leader, MAX_FILL).leader_close for leader in ends)
        np.testing.assert_array_equal(as_filled, never)
        np.testing.assert_array_equal(as_gap, never)
        carried = never[21:]
        assert (carried[: MAX_FILL + 1] == own["close"].iloc[20]).all()
        assert np.isnan(carried[MAX_FILL + 1 :]).all()


@given(
    opens=st.lists(st.integers(0, 60), unique=True, min_size=1),
    leads=st.lists(st.integers(0, 60), unique=True),
    max_fill=st.integers(0, 20),
)
def test_the_leaders_close_is_its_last_by_age(opens, leads, max_fill):
    """Candle by candle from the rule: the newest that opened a step before, unless it is too old."""
    time, leader_time = (np.array(sorted(times), dtype=np.int64) for times in (opens, leads))
    found = close_before(time, leader_time, leader_time + 100.0, step=1, max_fill=max_fill)
    for at, close in zip(time, found, strict=True):
        past = [lead for lead in leader_time if at - 1 - max_fill <= lead <= at - 1]
        assert close == max(past) + 100 if past else np.isnan(close)


def test_candles_of_one_interval_later_are_the_leaders_past():
    """`leader_close` at t is the leader's close one interval earlier, whatever the interval."""
    hourly = TABLE.iloc[::60].reset_index(drop=True)
    expected = hourly["close"].shift().to_numpy()
    np.testing.assert_array_equal(as_candles(hourly, hourly, MAX_FILL).leader_close, expected)
    assert pd.isna(as_candles(TABLE, TABLE.iloc[:0], MAX_FILL).leader_close).all()
