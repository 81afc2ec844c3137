"""TA-Lib's indicators from compiled code: what TA-Lib gives itself."""

import numpy as np
import pytest
import talib

from tapeline.features import indicators
from tests.candles import random_candles

TABLE = random_candles(400)
HIGH, LOW, CLOSE, VOLUME = (TABLE[name].to_numpy() for name in ("high", "low", "close", "volume"))
LATER = np.where(np.arange(400) < 37, np.nan, CLOSE)
SAME = {
    "ema": (talib.EMA, indicators.ema, (CLOSE,)),
    "ema of what begins later": (talib.EMA, indicators.ema, (LATER,)),
    "rsi": (talib.RSI, indicators.rsi, (CLOSE,)),
    "trix": (talib.TRIX, indicators.trix, (CLOSE,)),
    "slope": (talib.LINEARREG_SLOPE, indicators.linear_slope, (CLOSE,)),
    "cci": (talib.CCI, indicators.cci, (HIGH, LOW, CLOSE)),
    "natr": (talib.NATR, indicators.natr, (HIGH, LOW, CLOSE)),
    "adx": (talib.ADX, indicators.adx, (HIGH, LOW, CLOSE)),
    "plus": (talib.PLUS_DI, indicators.plus_di, (HIGH, LOW, CLOSE)),
    "minus": (talib.MINUS_DI, indicators.minus_di, (HIGH, LOW, CLOSE)),
    "aroon": (talib.AROONOSC, indicators.aroon_oscillator, (HIGH, LOW)),
    "mfi": (talib.MFI, indicators.mfi, (HIGH, LOW, CLOSE, VOLUME)),
}


@pytest.mark.parametrize("window", [2, 9, 30])
@pytest.mark.parametrize("name", SAME)
def test_an_indicator_is_talibs_to_the_bit(name, window):
    """With any window, and where what it is of begins later."""
    theirs, ours, inputs = SAME[name]
    np.testing.assert_array_equal(ours(*inputs, window), theirs(*inputs, window))


def test_those_of_fixed_windows_are_talibs_too():
    """With the parameters that their names say."""
    np.testing.assert_array_equal(indicators.macd_histogram(CLOSE), talib.MACD(CLOSE, 12, 26, 9)[2])
    theirs = talib.ULTOSC(HIGH, LOW, CLOSE, 7, 14, 28)
    np.testing.assert_array_equal(indicators.ultimate_oscillator(HIGH, LOW, CLOSE), theirs)
    theirs = talib.STOCH(HIGH, LOW, CLOSE, 14, 3, 0, 3, 0)[1]
    np.testing.assert_array_equal(indicators.slow_stochastic(HIGH, LOW, CLOSE, 14), theirs)


def test_a_window_that_talib_refuses_or_that_is_not_there_gives_nothing():
    """NaN, and nothing left from the call before."""
    assert np.isnan(indicators.rsi(CLOSE, 1)).all()
    assert np.isnan(indicators.rsi(CLOSE[:5], 9)).all()
    assert np.isnan(indicators.ema(np.full(9, np.nan), 3)).all()
