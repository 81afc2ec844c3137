"""The unit of the volume: a change is found and its row named, a market's own swings never are."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tapeline.market.raw import RawCandles
from tapeline.market.volumes import find_volume_shift
from tests.candles import random_candles
from tests.market.test_real_files import MARKET, needs_market


def check(volume, price=100.0):
    """What is found in candles of these volumes."""
    table = random_candles(len(volume)).assign(volume=volume)
    table[["open", "high", "low", "close"]] *= price / 100
    raw = RawCandles.from_table(table, "a.csv")
    return find_volume_shift(raw.rows, raw)


def swinging(n, seed):
    """Volumes that swing thirtyfold over the day, around a slow drift, with bursts and idle minutes."""
    rng = np.random.default_rng(seed)
    minutes = np.arange(n)
    logs = 1.7 * np.sin(2 * np.pi * minutes / 1440) + np.cumsum(rng.normal(0, 0.01, n)) + rng.normal(0, 1, n)
    bursts = np.convolve(rng.random(n) < 5 / 1440, np.exp(-np.arange(60) / 15))[:n] * 3
    return np.where(rng.random(n) < 0.05, 0.0, np.exp(logs + bursts))


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    span=st.tuples(st.integers(300, 6_000), st.floats(4e3, 1e8))
    | st.tuples(st.integers(40, 300), st.floats(1e6, 1e8)),
    place=st.floats(0.3, 0.7),
    is_down=st.booleans(),
)
def test_another_unit_is_named_at_its_first_row(seed, span, place, is_down):
    """In hours and days of candles; in a few by a larger factor; candles without volume say no unit."""
    n, factor = span
    volume, begin = swinging(n, seed), int(n * place)
    volume[begin:] *= 1 / factor if is_down else factor
    found = check(volume)
    assert found is not None
    row = int(found.message.split("row ")[1].split(":")[0]) - 1
    assert abs(row - begin) <= (3 if factor >= 1e5 else 30)  # a burst may hide the first rows
    assert ("less, another unit" in found.message) == is_down or "as many as the price" in found.message


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(1, 6_000))
def test_swings_of_the_day_are_no_other_unit(seed, n):
    """Nights, bursts, drift and idle minutes."""
    assert check(swinging(n, seed)) is None


def test_the_quotes_volume_is_told_as_such():
    """Apart by the price, from less than another unit would need."""
    volume = swinging(12_000, 1)
    volume[6000:] *= 40.0
    found = check(volume, price=40.0)
    assert found.message.startswith("a.csv, row 6001: volume is ")
    assert found.message.endswith("more, as many as the price, 39.6104: that of the quote perhaps")
    assert check(volume, price=1.0) is None


@needs_market
@pytest.mark.parametrize("exchange", ["BINANCE", "BINANCE-USDM", "BITFINEX"])
def test_no_real_volume_changes_its_unit(exchange):
    """And where it does, from the middle on, it is found in every market."""
    for path in sorted((MARKET / exchange).glob("*/1m.parquet")):
        raw = RawCandles.from_table(pd.read_parquet(path)[:60_000], path.parent.name)
        assert find_volume_shift(raw.rows, raw) is None
        begin = len(raw.rows) // 2
        raw.rows.loc[begin:, "volume"] *= 4000
        told = find_volume_shift(raw.rows, raw).message
        assert abs(int(told.split("row ")[1].split(":")[0]) - 1 - begin) <= 3
