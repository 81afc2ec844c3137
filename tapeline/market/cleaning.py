"""Raw rows into the canonical candle table; every row repaired or rejected is counted."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tapeline.errors import DataError
from tapeline.market.params import DataParams
from tapeline.market.raw import RawCandles
from tapeline.schema import CANDLE_TYPES, INTERVAL_MINUTES, OHLCV, PRICES

MICROSECONDS = 60_000_000  # in a minute


@dataclass(frozen=True)
class Cleaned:
    """The canonical candle table of one symbol and its card: plain values that say what was done."""

    candles: pd.DataFrame
    card: dict[str, Any]


def clean(raw: RawCandles, data: DataParams) -> Cleaned:
    """Reject rows that can't be candles, sort, drop duplicates, fill short gaps and cut at long ones."""
    interval = INTERVAL_MINUTES[data.interval] * MICROSECONDS
    reasons = _find_faults(raw.rows, interval)
    is_rejected = np.logical_or.reduce(list(reasons.values()))
    _check_rejected(raw, reasons, is_rejected, data.max_rejected_share)

    valid = raw.rows[~is_rejected]
    times = _microseconds(valid)
    n_unordered = int((times < np.maximum.accumulate(times)).sum())
    kept, n_duplicates, n_conflicting = _drop_duplicates(valid)
    times = _microseconds(kept)
    missing = np.diff(times) // interval - 1  # (rows - 1,) candles that are not there
    candles = _fill_gaps(kept, missing, interval, data.max_fill)
    card = {
        "first": _iso(kept["timestamp"].iloc[0]),
        "last": _iso(kept["timestamp"].iloc[-1]),
        "rows": len(kept),
        "filled": len(candles) - len(kept),
        "gaps": int((missing > 0).sum()),
        "longest_gap": int(missing.max(initial=0)),
        "segments": int(candles["segment"].iloc[-1]) + 1,
        "zero_volume": int((kept["volume"] == 0).sum()),
        "sorted": n_unordered,
        "duplicates": n_duplicates,
        "conflicting": n_conflicting,
        "rejected": int(is_rejected.sum()),
        "rejected_reasons": ", ".join(f"{why}: {mask.sum()}" for why, mask in reasons.items() if mask.any()),
    }
    return Cleaned(candles, card)


def _find_faults(rows: pd.DataFrame, interval: int) -> dict[str, NDArray[np.bool_]]:
    """Mark the rows (rows,) of each reason to reject; a row counts for its first reason alone."""
    values = rows[list(OHLCV)].to_numpy()
    is_timed = rows["timestamp"].notna().to_numpy()
    open_, high, low, close, volume = values.T
    faults = {
        "no time": ~is_timed,
        "not finite": ~np.isfinite(values).all(axis=1),
        "non-positive price": (values[:, : len(PRICES)] <= 0).any(axis=1),
        "negative volume": volume < 0,
        "high below low": high < low,
        "open or close outside low..high": (np.minimum(open_, close) < low)
        | (np.maximum(open_, close) > high),
        "time off the grid": is_timed & (_microseconds(rows) % interval != 0),
    }
    is_rejected = np.zeros(len(rows), dtype=bool)
    for why, mask in faults.items():
        faults[why] = mask & ~is_rejected
        is_rejected |= mask
    return faults


def _check_rejected(
    raw: RawCandles, reasons: dict[str, NDArray[np.bool_]], is_rejected: NDArray[np.bool_], allowed: float
) -> None:
    n_rejected, n_rows = int(is_rejected.sum()), len(is_rejected)
    if n_rows == 0:
        raise DataError(raw.files[0], "holds no row")
    if n_rejected == 0:
        return
    first = int(np.argmax(is_rejected))
    why = next(reason for reason, mask in reasons.items() if mask[first])
    told = f"{why}; {n_rejected} of {n_rows} rows are rejected"
    if n_rejected / n_rows > allowed:
        raise DataError(raw.place(first), f"{told}, data.max_rejected_share allows a share of {allowed}")
    if n_rejected == n_rows:
        raise DataError(raw.place(first), f"{told}, no candle is left")


def _drop_duplicates(valid: pd.DataFrame) -> tuple[pd.DataFrame, int, int]:
    """Sort by time; of rows of one time keep the last read, count those equal to it and those that differ."""
    ordered = valid.sort_values("timestamp", kind="stable", ignore_index=True)
    times, values = _microseconds(ordered), ordered[list(OHLCV)].to_numpy()
    is_last = np.append(times[1:] != times[:-1], True)
    winner = np.flatnonzero(is_last)[np.cumsum(is_last) - is_last]  # (rows,) position of the row that stays
    is_equal = (values == values[winner]).all(axis=1)
    return ordered[is_last], int((is_equal & ~is_last).sum()), int((~is_equal).sum())


def _fill_gaps(kept: pd.DataFrame, missing: NDArray[np.int64], interval: int, max_fill: int) -> pd.DataFrame:
    """Lay flat candles into gaps of at most `max_fill`; number segments at the longer ones."""
    is_cut = missing > max_fill
    copies = 1 + np.append(np.where(is_cut, 0, missing), 0)  # each row, then the fills behind it
    source = np.repeat(np.arange(len(kept)), copies)
    age = np.arange(len(source)) - np.repeat(np.cumsum(copies) - copies, copies)  # candles since the real one
    candles = kept.iloc[source].reset_index(drop=True)
    is_filled = age > 0
    candles["timestamp"] += pd.to_timedelta(age * interval, unit="us")
    for column in ("open", "high", "low"):
        candles[column] = candles[column].where(~is_filled, candles["close"])
    candles["volume"] = candles["volume"].where(~is_filled, 0.0)
    candles["is_filled"] = is_filled
    candles["segment"] = np.append(0, np.cumsum(is_cut))[source]
    return candles[list(CANDLE_TYPES)].astype(CANDLE_TYPES)


def _microseconds(rows: pd.DataFrame) -> NDArray[np.int64]:
    return rows["timestamp"].to_numpy("datetime64[us]").view("int64")


def _iso(time: pd.Timestamp) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")
