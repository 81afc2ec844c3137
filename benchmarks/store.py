"""How fast the feature store reads a slice, against pandas reading all and slicing, and how fast verify is.

Both must give the same rows, or there is no ratio to print.
"""

import contextlib
import os
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tapeline.outputs import write_table
from tapeline.release.verification import verify
from tapeline.store.feature_store import FeatureStore

N_ROWS, N_COLUMNS = 1_000_000, 60
START, END = pd.Timestamp("2025-03-01", tz="UTC"), pd.Timestamp("2025-03-02", tz="UTC")
COLUMNS = ["f7", "f31", "f59"]
PIPELINE = "stages: {features: {cmd: 'true', outs: [data/features]}}\n"


def make_table() -> pd.DataFrame:
    """One symbol: a minute a row from 2024-01-01, random walks as features."""
    walks = np.random.default_rng(0).normal(size=(N_COLUMNS, N_ROWS)).cumsum(axis=1)
    times = pd.date_range("2024-01-01", periods=N_ROWS, freq="min", tz="UTC", unit="us")
    return pd.DataFrame({"timestamp": times} | {f"f{i}": walk for i, walk in enumerate(walks)}, copy=False)


def seconds(work: Callable[[], Any], times: int) -> tuple[float, Any]:
    """Run `work` so many times; return the least seconds and what it gave last."""
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        result = work()
        taken.append(time.perf_counter() - start)
    return min(taken), result


def slice_all(path: Path) -> pd.DataFrame:
    """Read the whole table by pandas, then take the day and the columns."""
    table = pd.read_parquet(path)
    is_inside = (table["timestamp"] >= START) & (table["timestamp"] < END)
    return table.loc[is_inside, ["timestamp", *COLUMNS]].reset_index(drop=True)


def bench_verify() -> None:
    """Print the rate at which `verify` hashes the store in the current folder."""
    Path("dvc.yaml").write_text(PIPELINE)
    subprocess.run("git init -q && dvc init -q && dvc commit -q -f", shell=True, check=True)
    taken, verdict = seconds(verify, 3)
    assert not verdict.differences, verdict.differences
    print(
        f"verify: {verdict.n_bytes / 1e6:,.0f} MB in {taken:.2f} s, {verdict.n_bytes / 1e6 / taken:,.0f} MB/s"
    )


def main() -> None:
    """Write a million rows of sixty columns, then print ratios of writing, size and reading."""
    table = make_table()
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        os.environ["DVC_NO_ANALYTICS"] = "1"
        store, plain = FeatureStore("data/features"), Path("plain/A.parquet")
        said = {"feature_version": "bench", "horizon": 15, "interval": "1m", "features": []}
        plain_s, _ = seconds(lambda: write_table(plain, table), 1)
        store_s, _ = seconds(lambda: store.write("A", table, said), 1)
        own = Path("data/features/A.parquet")
        sizes = [sum(file.stat().st_size for file in each) / 1e6 for each in (own.iterdir(), [plain])]
        print(f"write:  store {store_s:6.2f} s  pandas {plain_s:6.2f} s  {plain_s / store_s:6.1f}x")
        print(f"size:   store {sizes[0]:6.0f} MB pandas {sizes[1]:6.0f} MB {sizes[1] / sizes[0]:6.1f}x")
        for name, path in (("plain", plain), ("store's", own)):
            plain_s, expected = seconds(lambda path=path: slice_all(path), 2)
            store_s, read = seconds(lambda: store.read("A", START, END, COLUMNS), 5)
            pd.testing.assert_frame_equal(read.drop(columns="symbol"), expected)
            ratio = plain_s / store_s
            print(f"a day of 3 columns: store {1e3 * store_s:.1f} ms, pandas on the {name} file", end=" ")
            print(f"{1e3 * plain_s:.0f} ms, {ratio:.0f}x")
        plain_s, _ = seconds(lambda: pd.read_parquet(plain), 2)
        store_s, _ = seconds(lambda: store.read("A"), 2)
        print(f"all:    store {store_s:6.2f} s  pandas {plain_s:6.2f} s  {plain_s / store_s:6.1f}x")
        bench_verify()


if __name__ == "__main__":
    main()
