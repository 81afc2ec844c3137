"""The feature table of one symbol: keys, features and labels, segment by segment."""

import hashlib
from collections.abc import Sequence

import numpy as np
import pandas as pd

from tapeline.definitions import definitions_hash
from tapeline.features.compiled import program_of
from tapeline.features.declare import Candles, Feature, FloatArray, minutes_since_epoch
from tapeline.features.labels import direction, trend_strength
from tapeline.features.leader import close_before
from tapeline.schema import FEATURE_TYPE, KEYS, LABELS, OHLCV


def build_table(
    candles: pd.DataFrame, leader: pd.DataFrame, features: Sequence[Feature], horizon: int, max_fill: int
) -> pd.DataFrame:
    """Compute `features` and the labels at `horizon` for one symbol's canonical candles.

    `leader` holds the canonical candles of the leading symbol, the same table for itself; `max_fill` says
    how old its last close may be (`close_before`). Nothing reaches over a segment's border. The first rows
    of a segment, before the longest lookback has passed, are dropped; a label is NaN where its future is
    not there or has no direction.
    Returns one row per candle left: `timestamp, segment, is_filled`, the features (float32), the labels.
    """
    warm_up = max(feature.lookback for feature in features) - 1
    segments = [np.flatnonzero(candles["segment"] == number) for number in candles["segment"].unique()]
    kept = [rows for rows in segments if len(rows) > warm_up]
    n_rows = sum(len(rows) - warm_up for rows in kept)
    # One block, one row per column, filled in place: a table of millions of rows is held once.
    values, labels = np.empty((len(features), n_rows), FEATURE_TYPE), np.empty((len(LABELS), n_rows))
    every = as_candles(candles, leader, max_fill)
    program, filled = program_of(tuple(features)), 0
    for rows in kept:
        segment = every.rows(rows[0], rows[-1] + 1)
        own = slice(filled, filled + len(rows) - warm_up)
        program.fill(segment, values[:, own])
        labels[0, own] = direction(segment.close, horizon)[warm_up:]
        labels[1, own] = trend_strength(segment.close, horizon)[warm_up:]
        filled = own.stop
    left = np.concatenate([rows[warm_up:] for rows in kept]) if kept else np.empty(0, dtype=np.int64)
    keys = candles[list(KEYS)].iloc[left].reset_index(drop=True)
    names = [feature.name for feature in features]
    blocks = [
        pd.DataFrame(block.T, columns=of, copy=False) for block, of in ((values, names), (labels, [*LABELS]))
    ]
    return pd.concat([keys, *blocks], axis=1)


def as_candles(candles: pd.DataFrame, leader: pd.DataFrame, max_fill: int) -> Candles:
    """Take canonical candles as arrays, beside them the leader's close before each (`close_before`)."""
    arrays = {name: np.ascontiguousarray(candles[name].to_numpy(np.float64)) for name in OHLCV}
    timestamp = pd.DatetimeIndex(candles["timestamp"])
    minute = minutes_since_epoch(timestamp)
    return Candles(minute, **arrays, leader_close=_leader_close(timestamp, leader, max_fill))


def _leader_close(timestamp: pd.DatetimeIndex, leader: pd.DataFrame, max_fill: int) -> FloatArray:
    """The leader's close before each of consecutive open times; NaN for a single one."""
    if len(timestamp) < 2:
        return np.full(len(timestamp), np.nan)
    is_real = ~leader["is_filled"].to_numpy(bool)
    own, times = (
        index.to_numpy("datetime64[us]").view(np.int64) for index in (timestamp, leader["timestamp"])
    )
    # Consecutive within a segment alone: the first two may lie on both sides of a border.
    step = int(np.diff(own).min())
    close = leader["close"].to_numpy(np.float64)
    return close_before(own, times[is_real], close[is_real], step, max_fill)


def feature_version(features: Sequence[Feature], horizon: int) -> str:
    """Hash of what the columns mean: the code of `features` and of the table, their names, the horizon.

    Neither comments nor other features count.
    """
    code = definitions_hash({(__name__, "build_table"), *(feature.definition for feature in features)})
    names = [feature.name for feature in features]
    return hashlib.sha256(f"horizon={horizon} {names} {code}".encode()).hexdigest()[:16]


def input_version(candles: pd.DataFrame, leader: pd.DataFrame, max_fill: int) -> str:
    """Hash of what a table was computed from: its own candles, the leader's, and how long those are known."""
    digest = hashlib.sha256(f"max_fill={max_fill}".encode())
    for table in (candles, leader):
        digest.update(pd.util.hash_pandas_object(table, index=False).to_numpy().tobytes())
    return digest.hexdigest()[:16]
