"""Every declared feature: causal, sufficient lookback, inside its range; the plain ones against pandas."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tapeline.features import declare
from tapeline.features.catalog import FEATURES
from tapeline.features.declare import Candles
from tests.candles import random_candles

NAMES = list(FEATURES)


def as_candles(table: pd.DataFrame) -> Candles:
    """The record that feature functions take."""
    arrays = {name: table[name].to_numpy() for name in ("open", "high", "low", "close", "volume")}
    return Candles(timestamp=pd.DatetimeIndex(table["timestamp"]), **arrays)


TABLE = random_candles(2500)
WHOLE = {name: FEATURES[name].compute(as_candles(TABLE)) for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=10, deadline=None)
@given(cut=st.integers(min_value=1500, max_value=2499))
def test_a_value_does_not_depend_on_later_candles(name, cut):
    """Computed on history cut after a candle, that candle's value is the same bits."""
    truncated = FEATURES[name].compute(as_candles(TABLE.iloc[:cut]))
    assert truncated[-1] == WHOLE[name][cut - 1]


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=10, deadline=None)
@given(end=st.integers(min_value=1500, max_value=2500))
def test_the_declared_lookback_is_enough(name, end):
    """From a buffer of `lookback` candles alone, the last value equals the one from all history to 1e-6."""
    buffer = TABLE.iloc[end - FEATURES[name].lookback : end]
    value = FEATURES[name].compute(as_candles(buffer))[-1]
    scale = np.nanstd(WHOLE[name]) + abs(WHOLE[name][end - 1])
    assert abs(value - WHOLE[name][end - 1]) <= 1e-6 * scale


@pytest.mark.parametrize("name", NAMES)
def test_values_are_finite_and_in_their_declared_range(name):
    """After the lookback, on moving and on flat prices, every value is finite and within its bounds."""
    flat = TABLE.assign(**dict.fromkeys(("open", "high", "low", "close"), 100.0), volume=0.0)
    feature = FEATURES[name]
    for values in (WHOLE[name], feature.compute(as_candles(flat))):
        after = values[feature.lookback - 1 :]
        assert np.isfinite(after).all()
        assert feature.low is None or after.min() >= feature.low
        assert feature.high is None or after.max() <= feature.high


def rsi(close: pd.Series) -> pd.Series:
    """Wilder's RSI by pandas' exponential mean, an independent way that agrees once warmed up."""
    up = close.diff().clip(lower=0).ewm(alpha=1 / 14, adjust=False).mean()
    down = -close.diff().clip(upper=0).ewm(alpha=1 / 14, adjust=False).mean()
    return 100 * up / (up + down)


def plain_references(t: pd.DataFrame) -> dict[str, pd.Series]:
    """Features by other means: pandas' rolling windows."""
    log_close = np.log(t["close"])
    ranges = t["high"] - t["low"]
    sign = np.sign(t["close"].diff()) * t["volume"]
    steps = t["close"].diff().abs()
    minute = t["timestamp"].dt.hour * 60 + t["timestamp"].dt.minute
    return {
        **{f"return_{w}": log_close.diff(w) for w in (1, 5, 15, 60, 240)},
        **{f"volatility_{w}": log_close.diff().rolling(w).std(ddof=0) for w in (15, 60, 240)},
        "parkinson_30": np.sqrt((np.log(t["high"] / t["low"]) ** 2).rolling(30).mean() / (4 * np.log(2))),
        "rsi_14": rsi(t["close"]),
        "ema_distance_60": t["close"] / t["close"].ewm(span=60, adjust=False).mean() - 1,
        "efficiency_15": t["close"].diff(15).abs() / steps.rolling(15).sum(),
        "volume_ratio_60": np.log1p(t["volume"] / t["volume"].rolling(60).mean()),
        "signed_volume_60": sign.rolling(60).sum() / t["volume"].rolling(60).sum(),
        "body": (t["close"] - t["open"]) / ranges,
        "upper_shadow": (t["high"] - t[["open", "close"]].max(axis=1)) / ranges,
        "lower_shadow": (t[["open", "close"]].min(axis=1) - t["low"]) / ranges,
        "day_sine": np.sin(2 * np.pi * minute / 1440),
        "day_cosine": np.cos(2 * np.pi * minute / 1440),
        "weekend": t["timestamp"].dt.day_name().isin(["Saturday", "Sunday"]).astype(float),
    }


@pytest.mark.parametrize("name", list(plain_references(TABLE)))
def test_a_feature_equals_its_plain_reference(name):
    """Own features agree with pandas to 1e-9 after 700 candles, where exponential means have settled."""
    reference = plain_references(TABLE)[name].to_numpy()
    np.testing.assert_allclose(WHOLE[name][700:], reference[700:], rtol=1e-7, atol=1e-9)


def test_a_feature_is_declared_once_and_within_the_longest_lookback():
    """A second declaration of a name, or a lookback serving can't hold, is refused."""
    with pytest.raises(ValueError, match="declared twice"):
        declare.feature("returns", lookback=2)(FEATURES["return_1"].compute)
    with pytest.raises(ValueError, match=r"lookback must be 1\.\.1500"):
        declare.feature("returns", lookback=1501)
