"""A lookback that is too short, and a column that needs all history, are found."""

import numpy as np
import pandas as pd
import pytest

from tapeline.errors import QualityError
from tapeline.quality.buffers import audit_streaming, audit_warm_up
from tapeline.quality.ledger import History
from tapeline.quality.report import judge_leaks
from tests.quality.planted import builder

COLUMNS = {
    "return": lambda close: close.pct_change(),
    "mean": lambda close: close.rolling(20).mean(),
    "ema": lambda close: close.ewm(alpha=0.5, adjust=False).mean(),
}
LOOKBACKS = {"return": 2, "mean": 20, "ema": 40}


def latest_of(columns):
    """The last row of pandas on what is given."""

    def latest(buffer, leader, names):
        assert len(leader) == 0 or leader["timestamp"].iloc[-1] < buffer["timestamp"].iloc[-1]
        return builder({n: columns[n] for n in names}, warm_up=0)(buffer, leader)[names].iloc[-1].to_numpy()

    return latest


def warm_up(candles, params, lookbacks=LOOKBACKS):
    """Compare the whole table with buffers of `lookbacks`."""
    table = builder(COLUMNS, warm_up=max(lookbacks.values()) - 1)(candles, candles)
    return audit_warm_up(latest_of(COLUMNS), History("BTC-USD", candles, candles), table, lookbacks, params)


def streaming(candles, params, columns=COLUMNS, factor=1.0):
    """Compare the whole table with the last 40 candles before each cut, times `factor`."""

    def served(history, cuts):
        for cut in cuts:
            part = history.part(cut - 39, cut + 1)
            yield latest_of(columns)(part.candles, part.leader, list(columns)) * factor

    table = builder(columns, warm_up=39)(candles, candles)
    return audit_streaming(served, History("BTC-USD", candles, candles), table, list(columns), 40, params)


def test_sufficient_lookbacks_pass(candles, params):
    """Windows of their length, and a recursion that has forgotten its start, agree."""
    found = warm_up(candles, params)
    judge_leaks([found, streaming(candles, params)])
    assert found.cells == params.leak_cuts * len(COLUMNS)


@pytest.mark.parametrize("name", LOOKBACKS)
def test_a_lookback_that_is_too_short_is_found(candles, params, name):
    """One candle less of a window, a part of a recursion's memory: the column is named."""
    short = {"return": 1, "mean": 19, "ema": 8}[name]
    found = warm_up(candles, params, lookbacks=LOOKBACKS | {name: short})
    assert {leak.column for leak in found.leaks} == {name}
    with pytest.raises(QualityError, match=f"{name} at .* needs more than its declared lookback"):
        judge_leaks([found])


@pytest.mark.parametrize("column", [lambda close: close.cumsum(), lambda close: close - close.iloc[0]])
def test_a_column_of_all_history_is_no_stream(candles, params, column):
    """What accumulates from the first candle on can't be computed from a buffer."""
    found = streaming(candles, params, {**COLUMNS, "all": column})
    assert {leak.column for leak in found.leaks} == {"all"}
    with pytest.raises(QualityError, match="all at .* is another from a bounded buffer"):
        judge_leaks([found])


def test_a_table_that_is_not_what_is_computed_is_found(candles, params):
    """A stored table that differs from its features by more than rounding is no table of theirs."""
    found = streaming(candles, params, factor=1 + 1e-5)
    assert {leak.column for leak in found.leaks} == set(COLUMNS)


def test_a_nan_from_the_buffer_is_a_difference(candles, params):
    """A value the buffer can't give is no value."""
    found = streaming(candles, params, factor=np.nan)
    assert len(found.leaks) == found.cells == params.leak_cuts * len(COLUMNS)


def test_rows_that_the_table_lacks_are_not_asked_for(candles, params):
    """What the stored audit names; here the others are compared, each with its own."""
    table = builder(COLUMNS, warm_up=39)(candles, candles)
    known = table.iloc[::2].reset_index(drop=True)
    asked = []

    def served(history, cuts):
        asked.extend(history.candles["timestamp"].iloc[cuts])
        at = pd.Index(table["timestamp"]).get_indexer(asked)
        return iter(table[list(COLUMNS)].to_numpy()[at])

    found = audit_streaming(served, History("BTC-USD", candles, candles), known, list(COLUMNS), 40, params)
    assert 0 < found.cells == len(asked) * len(COLUMNS) < params.leak_cuts * len(COLUMNS)
    assert set(asked) <= set(known["timestamp"])
    assert not found.leaks
