"""Candle tables made for tests."""

import numpy as np
import pandas as pd


def random_candles(n: int, seed: int = 0, gap_at: int | None = None, sigma: float = 1e-3) -> pd.DataFrame:
    """A canonical table of `n` one-minute candles of a random walk; a new segment begins at row `gap_at`."""
    rng = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(rng.normal(0, sigma, n)))
    open_ = np.concatenate([[100.0], close[:-1]])
    spread = np.abs(rng.normal(0, sigma / 2, (2, n)))
    minutes = np.arange(n)
    segment = np.zeros(n, dtype=np.int32)
    if gap_at is not None:
        minutes[gap_at:] += 100
        segment[gap_at:] = 1
    start = np.datetime64("2025-03-28T20:00:00", "us")  # runs over Europe's change to summer time
    return pd.DataFrame(
        {
            "timestamp": pd.DatetimeIndex(start + minutes.astype("timedelta64[m]")).tz_localize("UTC"),
            "open": open_,
            "high": np.maximum(open_, close) * (1 + spread[0]),
            "low": np.minimum(open_, close) * (1 - spread[1]),
            "close": close,
            "volume": rng.lognormal(size=n),
            "is_filled": np.zeros(n, dtype=bool),
            "segment": segment,
            "file": np.zeros(n, dtype=np.int32),
        }
    )


def with_gaps(candles: pd.DataFrame, share: float, seed: int = 0, max_fill: int = 15) -> pd.DataFrame:
    """The same market, of which `share` of the candles had no trade: filled as ingest does, in gaps."""
    rng = np.random.default_rng(seed)
    is_real = rng.random(len(candles)) >= share
    is_real |= (candles["segment"].diff() != 0).to_numpy()
    times = candles["timestamp"].to_numpy("datetime64[m]").view(np.int64)
    kept = candles[is_real].reset_index(drop=True)
    missing = np.diff(times[is_real]) - 1
    copies = 1 + np.append(np.where(missing > max_fill, 0, missing), 0)
    source = np.repeat(np.arange(len(kept)), copies)
    age = np.arange(len(source)) - np.repeat(np.cumsum(copies) - copies, copies)
    out = kept.iloc[source].reset_index(drop=True)
    out["timestamp"] += pd.to_timedelta(age, unit="min").astype("timedelta64[us]")
    out["is_filled"] = age > 0
    for column in ("open", "high", "low"):
        out[column] = out[column].where(age == 0, out["close"])
    out["volume"] = out["volume"].where(age == 0, 0.0)
    out["segment"] = np.append(0, np.cumsum(missing > max_fill)).astype(np.int32)[source]
    return out
