"""Raw rows into the canonical candle table; every row repaired or rejected is counted."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tapeline.candles import are_disordered, count_missing, flat_candles, is_too_long
from tapeline.errors import DataError
from tapeline.market.card import describe_times, describe_values
from tapeline.market.conflicts import settle
from tapeline.market.data_params import RepairParams
from tapeline.market.findings import Finding
from tapeline.market.levels import check_levels
from tapeline.market.plausibility import find_implausible
from tapeline.market.raw import RawCandles
from tapeline.market.resampling import resample
from tapeline.market.spanning import check_spanning
from tapeline.market.times import MINUTE, microseconds
from tapeline.schema import CANDLE_TYPES, INTERVAL_MINUTES, OHLCV, PRICES

# Why a row is rejected: the key of its count on the card, and the reason in an error message.
REASONS = {
    "rejected_no_time": "no time",
    "rejected_not_finite": "not finite",
    "rejected_price": "non-positive price",
    "rejected_volume": "negative volume",
    "rejected_range": "high below low",
    "rejected_body": "open or close outside low..high",
    "rejected_off_grid": "time off the grid",
}


@dataclass(frozen=True)
class Cleaned:
    """The canonical candle table of one symbol, its card: plain values, what was done; and findings."""

    candles: pd.DataFrame
    card: dict[str, Any]
    findings: list[Finding]


def clean(raw: RawCandles, data: RepairParams) -> Cleaned:
    """Reject rows that can't be candles, leave one row per time, fill short gaps and cut at long ones."""
    asked = INTERVAL_MINUTES[data.interval] * MINUTE
    interval = INTERVAL_MINUTES[raw.interval or data.interval] * MINUTE
    raw, n_empty = _drop_empty(raw)
    faults = _find_faults(raw.rows, interval)
    is_rejected = np.logical_or.reduce(list(faults.values()))
    _check_rejected(raw, faults, is_rejected, data.max_rejected_share)

    valid = raw.rows[~is_rejected]
    times = microseconds(valid["timestamp"])
    n_unordered = int((times < np.maximum.accumulate(times)).sum())
    settled = settle(raw, valid, interval, data.max_rejected_share)
    kept = settled.kept
    check_spanning(kept, raw, interval, settled.winners)
    check_levels(kept, raw, interval, data.max_fill)
    findings = [*raw.findings, *settled.findings, *find_implausible(kept, raw, interval, data.max_fill)]
    kept, resampled = _resample(raw, kept, interval, asked, data.max_fill)
    missing = count_missing(np.diff(microseconds(kept["timestamp"])), asked)
    card = {
        "files": len(raw.files),
        **describe_times(kept, missing, data.max_fill),
        **describe_values(kept),
        "sorted": n_unordered,
        "duplicates": settled.n_duplicates,
        "conflicting": settled.n_conflicting,
        "rejected": int(is_rejected.sum()),
        **{key: int(mask.sum()) for key, mask in faults.items() if mask.any()},
        **resampled,
        **{key: n for key, n in _read_counts(raw, n_empty).items() if n},
        **{finding.rule: finding.count for finding in findings},
    }
    return Cleaned(_fill_gaps(kept, missing, asked, data.max_fill), card, findings)


def _drop_empty(raw: RawCandles) -> tuple[RawCandles, int]:
    """Drop and count rows that hold a time and no price: some sources write a missing candle so."""
    rows = raw.rows
    is_empty = rows["close"].isna().to_numpy() & rows["timestamp"].notna().to_numpy()
    if is_empty.any():
        is_empty &= rows[list(PRICES)].isna().all(axis=1).to_numpy()
        is_empty &= (rows["volume"].isna() | (rows["volume"] == 0)).to_numpy()
    if not is_empty.any():
        return raw, 0
    if is_empty.all():
        raise DataError(raw.place(0), "holds a time and no price, as do all rows")
    return replace(raw, rows=rows[~is_empty].reset_index(drop=True)), int(is_empty.sum())


def _resample(
    raw: RawCandles, kept: pd.DataFrame, interval: int, asked: int, max_fill: int
) -> tuple[pd.DataFrame, dict[str, int | str]]:
    """Return `kept` as candles of the interval `asked`, in microseconds, and its entries of the card."""
    if raw.interval is None or interval == asked:
        return kept, {}
    candles, n_missing, n_partial = resample(kept, interval, asked, max_fill)
    if candles.empty:
        message = f"holds no whole interval of {asked // MINUTE} minutes in its candles of {raw.interval}"
        raise DataError(raw.files[0], message)
    return candles, {
        "resampled_from": raw.interval,
        "resampled_missing": n_missing,
        "resampled_partial": n_partial,
    }


def _read_counts(raw: RawCandles, n_empty: int) -> dict[str, int]:
    return {"empty": n_empty, "not_closed": raw.n_open, **raw.counts}


def _find_faults(rows: pd.DataFrame, interval: int) -> dict[str, NDArray[np.bool_]]:
    """Mark the rows (rows,) of each of REASONS; a row counts for its first reason alone."""
    values = rows[list(OHLCV)].to_numpy()
    is_timed = rows["timestamp"].notna().to_numpy()
    open_, high, low, close, volume = values.T
    faults = {
        "rejected_no_time": ~is_timed,
        "rejected_not_finite": ~np.isfinite(values).all(axis=1),
        "rejected_price": (values[:, : len(PRICES)] <= 0).any(axis=1),
        "rejected_volume": volume < 0,
        "rejected_range": high < low,
        "rejected_body": are_disordered(open_, high, low, close),
        "rejected_off_grid": is_timed & (microseconds(rows["timestamp"]) % interval != 0),
    }
    is_rejected = np.zeros(len(rows), dtype=bool)
    for key, mask in faults.items():
        faults[key] = mask & ~is_rejected
        is_rejected |= mask
    return faults


def _check_rejected(
    raw: RawCandles, faults: dict[str, NDArray[np.bool_]], is_rejected: NDArray[np.bool_], allowed: float
) -> None:
    n_rejected, n_rows = int(is_rejected.sum()), len(is_rejected)
    if n_rows == 0:
        raise DataError(raw.files[0], "holds no row")
    if n_rejected == 0:
        return
    first = int(np.argmax(is_rejected))
    key = next(key for key, mask in faults.items() if mask[first])
    reason = f"{REASONS[key]}; {n_rejected} of {n_rows} rows are rejected"
    if n_rejected / n_rows > allowed:
        raise DataError(raw.place(first), f"{reason}, data.max_rejected_share allows a share of {allowed}")
    if n_rejected == n_rows:
        raise DataError(raw.place(first), f"{reason}, no candle is left")


def _fill_gaps(kept: pd.DataFrame, missing: NDArray[np.int64], interval: int, max_fill: int) -> pd.DataFrame:
    """Fill gaps of at most `max_fill` candles with flat ones; number segments at the longer ones."""
    is_long = is_too_long(missing, max_fill)
    copies = 1 + np.append(np.where(is_long, 0, missing), 0)  # each row, then the fills behind it
    source = np.repeat(np.arange(len(kept)), copies)
    age = np.arange(len(source)) - np.repeat(np.cumsum(copies) - copies, copies)  # candles since the real one
    candles = kept.iloc[source].reset_index(drop=True)
    is_filled = age > 0
    candles["timestamp"] += pd.to_timedelta(age * interval, unit="us")
    for column, flat in flat_candles(candles["close"].to_numpy()).items():
        candles[column] = candles[column].where(~is_filled, flat)
    candles["is_filled"] = is_filled
    candles["segment"] = np.append(0, np.cumsum(is_long))[source]
    return candles[list(CANDLE_TYPES)].astype(CANDLE_TYPES)
