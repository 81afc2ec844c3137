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
