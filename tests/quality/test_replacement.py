"""Candles drawn anew are candles that a market could have had, at the times that were asked for."""

from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tapeline.market.cleaning import clean
from tapeline.market.data_params import RepairParams
from tapeline.market.raw import RawCandles
from tapeline.market.simulation import SimulationParams, simulate
from tapeline.params import Params
from tapeline.quality.expectations import validate_candles
from tapeline.quality.params import QualityParams
from tapeline.quality.replacement import Moves, as_candles, draw_future
from tapeline.schema import OHLCV
from tests.candles import random_candles, with_gaps

MINUTE = 60_000_000
REPAIR = RepairParams(interval="1m", max_fill=15, max_rejected_share=0.0)


@cache
def real(n=2000, seed=0, gaps=0.02):
    """Real candles of a random walk, some missing."""
    table = with_gaps(random_candles(n, seed), gaps, seed)
    return table.loc[~table["is_filled"], ["timestamp", *OHLCV]].reset_index(drop=True)


def microseconds(table):
    """Open times."""
    return table["timestamp"].to_numpy("datetime64[us]").view(np.int64)


@settings(max_examples=40)
@given(
    seed=st.integers(0, 2**32 - 1), at=st.integers(3, 1800), keeps=st.booleans(), decimals=st.integers(2, 8)
)
def test_a_future_keeps_its_ends_and_is_made_of_candles(seed, at, keeps, decimals):
    """It begins where asked, ends at the same time, is on the grid, ordered, positive, on the tick."""
    table = real(seed=seed % 7)
    times = microseconds(table)
    begin, end = int(times[at]), int(times[-1])
    moves = Moves.of(table, MINUTE, decimals)
    first = begin if keeps else None
    rng = np.random.default_rng(seed)
    future = as_candles(*draw_future(moves, float(table["close"][at - 1]), begin, end, rng, first))
    new = microseconds(future)
    assert new[-1] == end
    assert new[0] == begin if keeps else new[0] >= begin
    assert ((new - begin) % MINUTE == 0).all()
    assert (np.diff(new) > 0).all()
    assert (future["low"] <= future[["open", "close"]].min(axis=1)).all()
    assert (future["high"] >= future[["open", "close"]].max(axis=1)).all()
    assert (future["low"] > 0).all()
    assert np.array_equal(future["close"], np.round(future["close"], decimals))
    assert set(future["volume"]) <= set(table["volume"])
    if keeps:
        assert future["open"].iloc[0] != table["open"][at]
        assert future["close"].iloc[0] != table["close"][at]


@settings(max_examples=10)
@given(seed=st.integers(0, 2**32 - 1), at=st.integers(2, 1800))
def test_ingest_finds_nothing_odd_in_it(seed, at):
    """No row is rejected, no level leaps, no wick, leap or change of unit is reported."""
    table = real(seed=seed % 5)
    begin, end = (int(microseconds(table)[row]) for row in (at, -1))
    rng = np.random.default_rng(seed)
    future = as_candles(
        *draw_future(Moves.of(table, MINUTE, 6), float(table["close"][at - 1]), begin, end, rng)
    )
    cleaned = clean(RawCandles.from_table(pd.concat([table[:at], future]), "changed"), REPAIR)
    assert cleaned.card["rejected"] == cleaned.card["conflicting"] == cleaned.card["sorted"] == 0
    assert cleaned.findings == []


def test_it_meets_the_expectations_that_its_market_met():
    """Two days of the simulated market whose second half is another: no critical rule fails."""
    params = Params.read()
    market = params.section("simulation", SimulationParams).model_copy(update={"days": 2})
    table = dict(simulate(market, ["BTC-USD"], 15))["BTC-USD"].candles
    begin, end = (int(microseconds(table)[row]) for row in (1500, -1))
    moves = Moves.of(table, MINUTE, 3)
    future = as_candles(
        *draw_future(moves, float(table["close"][1499]), begin, end, np.random.default_rng(3), begin)
    )
    candles = clean(RawCandles.from_table(pd.concat([table[:1500], future]), "changed"), REPAIR).candles
    findings = validate_candles(candles, "BTC-USD", "1m", params.section("quality", QualityParams))
    assert [finding for finding in findings if finding.severity == "fails"] == []


def test_a_price_does_not_run_away():
    """In a market that only rises, mirrored blocks keep a long future near where it began."""
    table = random_candles(500).assign(close=lambda t: 100 * 1.001 ** np.arange(1, 501))
    table = table.assign(open=table["close"].shift(fill_value=100.0))
    table = table.assign(high=table["close"], low=table["open"])
    future = as_candles(
        *draw_future(Moves.of(table, MINUTE, 6), 100.0, 0, 20_000 * MINUTE, np.random.default_rng(0))
    )
    assert np.abs(np.log(future["close"] / 100)).max() < 1.0


def test_one_candle_is_no_history_to_draw_from():
    """Nothing is known of how it follows another."""
    with pytest.raises(ValueError, match="1 candles are too few"):
        Moves.of(real()[:1], MINUTE, 2)
