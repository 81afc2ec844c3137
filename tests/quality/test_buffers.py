"""A lookback that is too short, and a column that needs all history, are found."""

import numpy as np
import pytest

from tapeline.errors import QualityError
from tapeline.quality.buffers import audit_buffers
from tapeline.quality.ledger import History
from tapeline.quality.report import judge_leaks
from tests.quality.planted import builder

COLUMNS = {
    "return": lambda close: close.pct_change(),
    "mean": lambda close: close.rolling(20).mean(),
    "ema": lambda close: close.ewm(alpha=0.5, adjust=False).mean(),
}
LOOKBACKS = {"return": 2, "mean": 20, "ema": 40}


def audit(candles, params, name="warm_up", columns=COLUMNS, lookbacks=LOOKBACKS):
    """Compare the whole table with buffers of `lookbacks`."""

    def latest(buffer, leader, names):
        assert len(leader) == 0 or leader["timestamp"].iloc[-1] < buffer["timestamp"].iloc[-1]
        return builder({n: columns[n] for n in names}, warm_up=0)(buffer, leader)[names].iloc[-1].to_numpy()

    table = builder(columns, warm_up=max(lookbacks.values()) - 1)(candles, candles)
    return audit_buffers(name, latest, History("BTC-USD", candles, candles), table, lookbacks, params)


def test_sufficient_lookbacks_pass(candles, params):
    """Windows of their length, and a recursion that has forgotten its start, agree."""
    warm_up = audit(candles, params)
    judge_leaks([warm_up, audit(candles, params, "streaming", lookbacks=dict.fromkeys(COLUMNS, 40))])
    assert warm_up.cells == params.leak_cuts * len(COLUMNS)


@pytest.mark.parametrize("name", LOOKBACKS)
def test_a_lookback_that_is_too_short_is_found(candles, params, name):
    """One candle less of a window, a part of a recursion's memory: the column is named."""
    short = {"return": 1, "mean": 19, "ema": 8}[name]
    found = audit(candles, params, lookbacks=LOOKBACKS | {name: short})
    assert {leak.column for leak in found.leaks} == {name}
    with pytest.raises(QualityError, match=f"{name} at .* needs more than its declared lookback"):
        judge_leaks([found])


@pytest.mark.parametrize("column", [lambda close: close.cumsum(), lambda close: close - close.iloc[0]])
def test_a_column_of_all_history_is_no_stream(candles, params, column):
    """What accumulates from the first candle on can't be computed from a buffer."""
    found = audit(
        candles, params, "streaming", {**COLUMNS, "all": column}, dict.fromkeys([*COLUMNS, "all"], 40)
    )
    assert {leak.column for leak in found.leaks} == {"all"}
    with pytest.raises(QualityError, match="all at .* is another from a bounded buffer"):
        judge_leaks([found])


def test_a_table_that_is_not_what_is_computed_is_found(candles, params):
    """A stored table that differs from its features by more than rounding is no table of theirs."""
    history = History("BTC-USD", candles, candles)

    def latest(buffer, leader, names):
        return builder(COLUMNS, warm_up=0)(buffer, leader)[names].iloc[-1].to_numpy() * (1 + 1e-5)

    table = builder(COLUMNS, warm_up=39)(candles, candles)
    found = audit_buffers("streaming", latest, history, table, dict.fromkeys(COLUMNS, 40), params)
    assert {leak.column for leak in found.leaks} == set(COLUMNS)


def test_a_nan_from_the_buffer_is_a_difference(candles, params):
    """A value the buffer can't give is no value."""
    table = builder(COLUMNS, warm_up=39)(candles, candles)
    history = History("BTC-USD", candles, candles)
    found = audit_buffers(
        "streaming", lambda *args: np.full(3, np.nan), history, table, dict.fromkeys(COLUMNS, 40), params
    )
    assert len(found.leaks) == found.cells
