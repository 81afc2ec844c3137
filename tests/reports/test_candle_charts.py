"""What the charts of the candles keep of them."""

import numpy as np
import pandas as pd
import pytest

from tapeline.reports.candle_charts import N_MOVES, N_POINTS, draw_candles, largest_moves, thin_out
from tests.candles import random_candles


@pytest.fixture
def candles():
    """Two thousand candles in two segments."""
    table = random_candles(2000, gap_at=700)
    return table if "file" in table else table.assign(file=np.int32(0))


def test_an_hour_keeps_its_last_close(candles):
    """One point an hour and segment, the close of its last candle; both segments are there."""
    kept = thin_out(candles)
    hours = candles.assign(hour=candles["timestamp"].dt.floor("h"))
    expected = hours.groupby(["segment", "hour"])["close"].last()
    assert kept["close"].tolist() == expected.tolist()
    assert kept["segment"].nunique() == 2


def test_a_long_history_has_few_points(candles):
    """Eleven years are drawn with no more points than a chart can show."""
    times = pd.date_range("2015", periods=len(candles), freq="2D", tz="UTC")
    assert len(thin_out(candles.assign(timestamp=times))) <= N_POINTS + 1
    wide = thin_out(random_candles(100_000))
    assert N_POINTS / 2 < len(wide) <= N_POINTS + 2


def test_the_largest_moves_are_labelled(candles):
    """A planted jump comes first, with its size in deviations of what was before it."""
    candles.loc[500:699, ["open", "high", "low", "close"]] *= 1.1
    moves = largest_moves(candles)
    returns = np.log(candles["close"]).diff()
    size = abs(returns[500]) / returns[260:500].std()
    assert len(moves) == N_MOVES
    assert moves.iloc[0]["timestamp"] == candles["timestamp"][500]
    assert moves.iloc[0]["label"] == f"{size:.0f}σ"


def test_a_symbol_without_a_table_has_no_chart(candles, tmp_path):
    """The others have theirs, as SVG, also where there are too few candles to measure a move."""
    candles.iloc[:50].to_parquet(tmp_path / "A.parquet")
    charts = draw_candles(["A", "B"], tmp_path)
    assert list(charts) == ["A"]
    assert charts["A"].startswith("<svg")
