"""How fast candle files become canonical tables, against plain pandas doing the same repairs and checks.

The reference must give the same candles, or there is no ratio to print.
"""

import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from tapeline.market.cleaning import clean
from tapeline.market.data_params import DataParams
from tapeline.market.files import read_symbol
from tapeline.outputs import write_table
from tapeline.schema import OHLCV, PRICES

N_CANDLES = 500_000
MAX_FILL = 15


def make_rows(n: int) -> pd.DataFrame:
    """Return a random walk of `n` one-minute candles, times in ms, with gaps, duplicates and disorder."""
    rng = np.random.default_rng(0)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 1e-3, n)))
    open_ = np.concatenate([[100.0], close[:-1]])
    spread = 1 + np.abs(rng.normal(0, 5e-4, (2, n)))
    rows = pd.DataFrame(
        {
            "timestamp": (1_514_764_800 + 60 * np.arange(n)) * 1000,
            "open": open_,
            "high": np.maximum(open_, close) * spread[0],
            "low": np.minimum(open_, close) / spread[1],
            "close": close,
            "volume": rng.lognormal(size=n),
        }
    ).round(6)
    kept = np.delete(np.arange(n), [*range(5000, 5010), *range(9000, 9100), *rng.integers(0, n, 1000)])
    return rows.iloc[np.concatenate([kept[100:], kept[:200]])].reset_index(drop=True)


def ingest(data: DataParams, out: Path) -> pd.DataFrame:
    """Do what the stage does for one symbol."""
    candles = clean(read_symbol(data, "A"), data).candles
    write_table(out, candles)
    return candles


def plain_csv(path: Path, out: Path) -> pd.DataFrame:
    """Do the same in plain pandas, beginning with `read_csv`, to the last bit as ours."""
    return plain_clean(pd.read_csv(path), out)


def plain_json(path: Path, out: Path) -> pd.DataFrame:
    """Do the same in plain pandas, beginning with `json.loads`."""
    return plain_clean(pd.DataFrame(json.loads(path.read_text()), columns=["timestamp", *OHLCV]), out)


def plain_clean(table: pd.DataFrame, out: Path) -> pd.DataFrame:
    """Reject, sort, drop duplicates, fill short gaps, number segments and write, the usual way."""
    table["timestamp"] = pd.to_datetime(table["timestamp"], unit="ms", utc=True).astype("datetime64[us, UTC]")
    bodies = table[["open", "close"]]
    is_sound = (
        np.isfinite(table[list(OHLCV)]).all(axis=1)
        & (table[list(PRICES)] > 0).all(axis=1)
        & (table["volume"] >= 0)
        & (bodies.min(axis=1) >= table["low"])
        & (bodies.max(axis=1) <= table["high"])
        & (table["timestamp"].dt.floor("1min") == table["timestamp"])
    )
    table = table[is_sound].sort_values("timestamp", kind="stable")
    check_plainly(table)
    table = table.drop_duplicates("timestamp", keep="last").set_index("timestamp")
    gaps = table.index.to_series().diff() // pd.Timedelta("1min") - 1
    segment = (gaps > MAX_FILL).cumsum()
    grid = pd.date_range(table.index[0], table.index[-1], freq="1min", name="timestamp", unit="us")
    full = table.reindex(grid)
    full["is_filled"] = full["close"].isna()
    full["segment"] = segment.reindex(grid).ffill().astype("int32")
    left = gaps.reindex(grid).bfill()
    full = full[~(full["is_filled"] & (left > MAX_FILL))]
    full["close"] = full["close"].ffill()
    for column in ("open", "high", "low"):
        full[column] = full[column].fillna(full["close"])
    full["volume"] = full["volume"].fillna(0.0)
    full = full.reset_index().assign(file=np.int32(0))
    full.to_parquet(out, compression="zstd", index=False)
    return full


def check_plainly(table: pd.DataFrame) -> None:
    """Raise ValueError where the stage raises its errors; find the decimals."""
    times = table["timestamp"]
    n_conflicting = times.duplicated(keep="last").sum() - table.duplicated(keep="last").sum()
    is_closing = (times + pd.Timedelta("1ms")).dt.floor("1min") != times.dt.floor("1min")
    is_late = times > pd.Timestamp.now("UTC")
    common = times.diff()[lambda step: step > pd.Timedelta(0)].mode()[0]
    apart = np.maximum(table["low"] / table["high"].shift(), table["low"].shift() / table["high"])
    if n_conflicting or is_closing.mean() > 0.5 or is_late.any() or common != pd.Timedelta("1min"):
        raise ValueError("conflicts, closes, a future or another interval")
    if (apart > 1.25).any():
        raise ValueError("another unit or symbol")
    prices = table[list(PRICES)]
    next(d for d in range(12) if (prices.round(d) == prices).all(axis=None))


def seconds(work: Callable[[], pd.DataFrame]) -> tuple[float, pd.DataFrame]:
    """Run `work` three times; return the seconds of the fastest and what it gave."""
    times = []
    for _ in range(3):
        start = time.perf_counter()
        result = work()
        times.append(time.perf_counter() - start)
    return min(times), result


def compare(name: str, path: Path, plain: Callable[[Path, Path], pd.DataFrame], n_rows: int) -> None:
    """Print rows a second of both, and their ratio, once they agree."""
    data = DataParams(
        source="files",
        path=str(path.parent),
        layout="auto",
        columns={},
        timezone=None,
        symbols=["A"],
        interval="1m",
        max_fill=MAX_FILL,
        max_filled_share=0.2,
        max_rejected_share=0.01,
        workers=1,
        memory_gb=None,
        extra={},
        extra_path="",
    )
    outs = path.parent.parent
    ours_s, got = seconds(lambda: ingest(data, outs / "ours.parquet"))
    plain_s, expected = seconds(lambda: plain(path, outs / "plain.parquet"))
    pd.testing.assert_frame_equal(got, expected, check_exact=True)
    print(
        f"{name:5} ingest {n_rows / ours_s:9,.0f}  pandas {n_rows / plain_s:9,.0f} rows/s"
        f"  {plain_s / ours_s:4.1f}x; {n_rows:,} rows in {ours_s:.2f} s"
    )


def main() -> None:
    """Print the rates for CSV and for JSON arrays."""
    rows = make_rows(N_CANDLES)
    with tempfile.TemporaryDirectory() as folder:
        csv, arrays = Path(folder, "csv"), Path(folder, "json")
        csv.mkdir()
        arrays.mkdir()
        rows.to_csv(csv / "A.csv", index=False)
        values = [rows[column].tolist() for column in rows]
        (arrays / "A.json").write_text(json.dumps(list(zip(*values, strict=True))))
        compare("csv", csv / "A.csv", plain_csv, len(rows))
        compare("json", arrays / "A.json", plain_json, len(rows))


if __name__ == "__main__":
    main()
