"""How fast a day of three features is read from the store, against reading the whole table and cutting it."""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from tapeline.market.store import FeatureStore

N_ROWS, N_COLUMNS = 1_000_000, 60
REPEATS = 5


def seconds(work: Callable[[], pd.DataFrame]) -> tuple[float, pd.DataFrame]:
    """Best of some runs, and what the last one gave."""
    best = np.inf
    for _ in range(REPEATS):
        start = time.perf_counter()
        found = work()
        best = min(best, time.perf_counter() - start)
    return best, found


def main() -> None:
    """Print both times and their ratio, once they agree."""
    rng = np.random.default_rng(0)
    names = [f"feature_{k}" for k in range(N_COLUMNS)]
    times = pd.date_range("2024-01-01", periods=N_ROWS, freq="min", tz="UTC").as_unit("us")
    table = pd.DataFrame(rng.normal(size=(N_ROWS, N_COLUMNS)), columns=names)
    table.insert(0, "timestamp", times)
    first, last, columns = (
        pd.Timestamp("2024-07-01", tz="UTC"),
        pd.Timestamp("2024-07-02", tz="UTC"),
        names[:3],
    )
    with tempfile.TemporaryDirectory() as folder:
        store = FeatureStore(folder)
        store.write("A", table, {"feature_version": "f", "horizon": 15, "interval": "1m", "features": []})

        def plain() -> pd.DataFrame:
            whole = pd.read_parquet(Path(folder) / "A.parquet")
            is_day = (whole["timestamp"] >= first) & (whole["timestamp"] < last)
            return whole.loc[is_day, ["timestamp", *columns]].reset_index(drop=True)

        ours_s, ours = seconds(lambda: store.read("A", first, last, columns))
        plain_s, expected = seconds(plain)
    pd.testing.assert_frame_equal(ours.drop(columns="symbol"), expected)
    print(
        f"a day of 3 of {N_COLUMNS} columns, {N_ROWS:,} rows: store {1000 * ours_s:.1f} ms, "
        f"whole table by pandas {1000 * plain_s:.1f} ms, {plain_s / ours_s:.0f}x"
    )


if __name__ == "__main__":
    main()
