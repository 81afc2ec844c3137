"""The leak audit on own functions: honest ones pass, each kind of leak is named."""

import numpy as np
import pandas as pd
import pytest

from tapeline import api
from tests.candles import random_candles

CANDLES = random_candles(400, gap_at=150)
GIVEN = {"interval": "1m", "max_fill": 0, "leak_cuts": 24, "seed": 3}


def honest(candles):
    """A sum over 5 candles and one that needs none."""
    return pd.DataFrame({"sum": candles["close"].rolling(5).sum(), "range": candles["high"] - candles["low"]})


def test_a_causal_function_has_no_leak():
    """As a DataFrame or a Series, with NaN in its warm-up, with more lookback than it needs too."""
    assert api.audit_features(honest, CANDLES, lookback=5, **GIVEN).empty
    assert api.audit_features(lambda c: honest(c)["sum"], CANDLES, lookback=40, **GIVEN).empty


@pytest.mark.parametrize(
    ("function", "audits"),
    [
        (lambda c: c["close"].shift(-1), {"truncation", "poison", "warm_up"}),
        (lambda c: c["close"].shift(-30), {"poison", "warm_up"}),  # beyond the lookback
        (lambda c: c["close"] / c["close"].mean(), {"truncation", "poison", "warm_up"}),
        (lambda c: c["close"].rolling(6).sum(), {"warm_up"}),  # one candle more than is said
        (lambda c: c["close"].ewm(alpha=0.01).mean(), {"warm_up"}),
    ],
    ids=["next", "far", "scaled by all", "longer", "no end"],
)
def test_a_leak_is_named_by_the_audits_that_see_it(function, audits):
    """The honest column beside it is not blamed."""
    found = api.audit_features(lambda c: honest(c).assign(bad=function(c)), CANDLES, lookback=5, **GIVEN)
    assert set(found["audit"]) == audits
    assert set(found["column"]) == {"bad"}
    assert found["timestamp"].isin(CANDLES["timestamp"]).all()
    assert "expected" not in found["complaint"].iloc[0]


def test_a_function_never_sees_two_segments():
    """What it is given is in step, and what it changes there is its own."""
    before = CANDLES.copy()

    def checked(candles):
        assert (candles["timestamp"].diff().dropna() == pd.Timedelta(minutes=1)).all()
        found = candles["close"].copy()
        candles["close"] = 0.0
        return found

    assert api.audit_features(checked, CANDLES, lookback=1, **GIVEN).empty
    pd.testing.assert_frame_equal(before, CANDLES)


@pytest.mark.parametrize(
    ("function", "told"),
    [
        (lambda c: c["close"].to_numpy(), "returned a ndarray: must return a DataFrame or a Series"),
        (lambda c: c["close"].dropna()[3:], "returned 147 rows for 150 candles"),
        (lambda c: c["close"].map(str) + "x", "what is no number"),
    ],
)
def test_what_is_no_table_of_numbers_gets_a_sentence(function, told):
    """It says what came and what must."""
    with pytest.raises(api.TapelineError, match=told):
        api.audit_features(function, CANDLES, lookback=2, **GIVEN)


def test_too_few_candles_are_no_clean_bill():
    """Nothing could be compared, which is an error and not an empty table."""
    with pytest.raises(api.TapelineError, match="no row to compare; it needs a segment of more than 300"):
        api.audit_features(honest, CANDLES, lookback=300, **GIVEN)
    with pytest.raises(api.TapelineError, match="lookback is 0"):
        api.audit_features(honest, CANDLES, lookback=0, **GIVEN)
    assert np.isfinite(CANDLES["close"]).all()
