"""What was recorded becomes raw candles again, and two models stand beside each other on the same rows."""

import json

import numpy as np
import pandas as pd
import pytest

from tapeline.features.labels import direction
from tapeline.live.records import Records, open_to_write
from tapeline.live.retrain import answered, compare, sentence, write_recorded
from tapeline.schema import OHLCV
from tests.candles import random_candles

IDS = json.dumps({"lstm-direction": "a1", "transformer-trend": "b2"})


def record(symbol, row, probability=0.6, **changes):
    """A record of a candle that was predicted."""
    time_us = row["timestamp"].value // 1000
    values = {
        "symbol": symbol, "timestamp": time_us, "arrived": time_us + 60_500_000,
        "answered": time_us + 60_500_000,
        **{name: float(row[name]) for name in OHLCV}, "status": "predicted", "reason": "", "is_late": False,
        "is_stopped": False, "probability": probability, "tier": None, "trend_strength": None,
        "predictions": json.dumps({"lstm-direction": probability}), "row": "", "bundles": IDS,
    }  # fmt: skip
    return values | changes


@pytest.fixture
def candles():
    """Two days of one symbol, and a bit of a third."""
    table = random_candles(2 * 1440 + 300)
    return table.assign(
        timestamp=pd.date_range("2026-02-01", periods=len(table), freq="min", tz="UTC", unit="us")
    )


def test_recorded_candles_are_written_by_symbol_and_day(tmp_path, candles):
    """As they were, without what was refused; written again, a whole day has the same bytes."""
    with open_to_write(tmp_path / "live") as writer:
        writer.add(record("BTC-USD", row) for row in candles.to_dict("records"))
        bad = candles.iloc[-1].to_dict() | {"close": -1.0}
        bad["timestamp"] += pd.Timedelta(minutes=1)
        writer.add([record("BTC-USD", bad, status="refused", predictions="{}")])
    records = Records(tmp_path / "live")
    assert write_recorded(records, tmp_path / "raw", "1m") == {"BTC-USD": len(candles)}
    files = sorted((tmp_path / "raw/BTC-USD").iterdir())
    assert [path.name for path in files] == [f"BTC-USD-1m-2026-02-0{k}.parquet" for k in (1, 2, 3)]
    read = pd.concat([pd.read_parquet(path) for path in files], ignore_index=True)
    pd.testing.assert_frame_equal(read, candles[["timestamp", *OHLCV]])
    before = files[0].read_bytes()
    write_recorded(records, tmp_path / "raw", "1m")
    assert files[0].read_bytes() == before


def test_only_what_the_bundle_answered_in_time_counts(tmp_path, candles):
    """Late answers, other bundles and candles without a prediction are left out."""
    rows = candles.to_dict("records")[:5]
    other = json.dumps({"lstm-direction": "z9"})
    with open_to_write(tmp_path) as writer:
        writer.add([
            record("BTC-USD", rows[0]), record("BTC-USD", rows[1], is_late=True),
            record("BTC-USD", rows[2], bundles=other),
            record("BTC-USD", rows[3], status="gap", predictions="{}"),
            record("BTC-USD", rows[4], probability=0.3),
        ])  # fmt: skip
    found = answered(Records(tmp_path), "lstm-direction", "a1")
    assert found["prediction"].tolist() == [0.6, 0.3]
    assert found["timestamp"].tolist() == [rows[0]["timestamp"], rows[4]["timestamp"]]


def test_two_models_are_compared_on_the_rows_of_both(candles):
    """By hand: shares of right calls on the rows that both have and that have a label; their difference."""
    label = direction(candles["close"].to_numpy(), 15)
    labels = candles[["timestamp"]].assign(symbol="BTC-USD", direction=label)
    rng = np.random.default_rng(0)
    right = np.where(label == 1, 0.7, 0.3)
    champion = labels.assign(prediction=np.where(rng.random(len(labels)) < 0.5, right, 1 - right))[:2900]
    candidate = labels.assign(prediction=np.where(rng.random(len(labels)) < 0.9, right, 1 - right))[100:]
    keys = ["symbol", "timestamp", "prediction"]
    found = compare(champion[keys], candidate[keys], labels, "direction", 15, 1, 0.95)
    is_both = (np.arange(len(label)) >= 100) & (np.arange(len(label)) < 2900) & ~np.isnan(label)
    hits = [
        (np.concatenate([each["prediction"].to_numpy()]) >= 0.5)
        for each in (champion.reindex(labels.index), candidate.reindex(labels.index))
    ]
    shares = [float((hit[is_both] == (label[is_both] == 1)).mean()) for hit in hits]
    assert (found.champion, found.candidate) == pytest.approx(tuple(shares))
    assert found.rows == is_both.sum()
    assert found.low < shares[1] - shares[0] < found.high
    assert found.low > 0.2
    assert "after both trainings" in sentence(found, "lstm-direction")


def test_too_few_rows_are_not_compared(candles):
    """A day of labels that do not overlap at least; said, not guessed."""
    label = direction(candles["close"].to_numpy(), 15)
    labels = candles[["timestamp"]].assign(symbol="BTC-USD", direction=label)
    rows = labels.assign(prediction=0.6)[["symbol", "timestamp", "prediction"]]
    assert compare(rows[:300], rows, labels, "direction", 15, 1, 0.95) is None
    assert compare(rows[:0], rows, labels, "direction", 15, 1, 0.95) is None
    assert "not comparable" in sentence(None, "lstm-direction")
