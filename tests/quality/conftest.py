"""Clean tables, small enough to spoil one value at a time."""

import gc

import numpy as np
import pandas as pd
import pytest

from tapeline.quality.params import QualityParams


@pytest.fixture(scope="module", autouse=True)
def old_garbage_is_left_alone():
    """What earlier modules have left for good (libraries, kernels, reports) is looked through no more.

    Each part of a suite of Great Expectations ends with a collection: they took as long as the suites.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def params():
    """A section `quality` in which shares and runs only warn."""
    return QualityParams(
        warnings=(
            "filled_share",
            "gap_share",
            "quiet",
            "outsized_move",
            "stale_close",
            "label_balance",
            "label_missing",
            "duplicate",
            "drift",
        ),
        max_filled_share=0.1,
        max_gap_share=0.15,  # 60 minutes of 460 are 0.13
        max_quiet=20,
        max_move=30.0,
        max_outsized_share=0.001,
        max_seam_move=20.0,
        max_stale=20,
        min_label_share=0.4,
        max_missing_labels=0.2,
        max_psi=0.25,
        max_ks=0.2,
        leak_cuts=12,
        seed=7,
    )


@pytest.fixture
def candles():
    """400 clean one-minute candles in two segments, rows 0..249 and, an hour later, 250..399.

    They are from two files, the second begins in the first segment, with row 245.
    """
    rng = np.random.default_rng(1)
    n, border = 400, 250
    close = 100 * np.exp(np.cumsum(rng.normal(0, 1e-3, n)))
    opening = np.concatenate([[100.0], close[:-1]])
    minutes = np.arange(n) + np.where(np.arange(n) >= border, 60, 0)
    return pd.DataFrame(
        {
            "timestamp": pd.Timestamp("2024-01-01", tz="UTC") + pd.to_timedelta(minutes, unit="min"),
            "open": opening,
            "high": np.maximum(opening, close) + 0.05,
            "low": np.minimum(opening, close) - 0.05,
            "close": close,
            "volume": rng.uniform(1, 5, n),
            "is_filled": False,
            "segment": (np.arange(n) >= border).astype(np.int32),
            "file": (np.arange(n) >= 245).astype(np.int32),
        }
    ).astype({"timestamp": "datetime64[us, UTC]"})


@pytest.fixture
def features(candles):
    """A clean feature table over `candles`: a bounded column `rsi`, an unbounded `drift`, both labels."""
    rng = np.random.default_rng(2)
    n = len(candles)
    return candles[["timestamp", "segment", "is_filled"]].assign(
        rsi=rng.uniform(0, 100, n).astype(np.float32),
        drift=rng.normal(0, 1, n).astype(np.float32),
        direction=np.arange(n) % 2.0,
        trend_strength=rng.uniform(0, 1, n),
    )
