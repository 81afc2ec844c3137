"""The feature table of one symbol: keys, features and labels, segment by segment."""

import hashlib
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tapeline.definitions import definitions_hash
from tapeline.features.compiled import CHUNK, program_of
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
    # One block, one row per column, filled in place: a table of millions of rows is held once.
    left = [rows[_warm_up(features) :] for rows in _segments(candles, features)]
    kept = np.concatenate([np.empty(0, np.int64), *left])
    values, labels = np.empty((len(features), len(kept)), FEATURE_TYPE), np.empty((len(LABELS), len(kept)))
    filled = 0
    for _, made, known in _parts(candles, leader, features, horizon, max_fill):
        own = slice(filled, filled + made.shape[1])
        values[:, own], labels[:, own] = made, known
        filled = own.stop
    return _as_table(candles, kept, features, values, labels)


def build_blocks(
    candles: pd.DataFrame, leader: pd.DataFrame, features: Sequence[Feature], horizon: int, max_fill: int
) -> Iterator[pd.DataFrame]:
    """The rows of `build_table`, the same ones, some tens of thousands at a time; one block at least."""
    pending: list[Part] = []
    for part in _parts(candles, leader, features, horizon, max_fill):
        if pending and sum(len(rows) for rows, _, _ in [*pending, part]) > CHUNK:
            yield _joined(candles, features, pending)
            pending = []
        pending.append(part)
    if pending:
        yield _joined(candles, features, pending)


# Rows of the candles (n,), their features (F, n) and labels (L, n).
Part = tuple[NDArray[np.int64], NDArray[np.floating], FloatArray]


def _parts(
    candles: pd.DataFrame, leader: pd.DataFrame, features: Sequence[Feature], horizon: int, max_fill: int
) -> Iterator[Part]:
    """Every row of a table once, in order, in parts of a segment."""
    every, program, warm_up = (
        as_candles(candles, leader, max_fill),
        program_of(tuple(features)),
        _warm_up(features),
    )
    for rows in _segments(candles, features):
        segment = every.rows(rows[0], rows[-1] + 1)
        left = rows[warm_up:]
        labels = np.stack([direction(segment.close, horizon), trend_strength(segment.close, horizon)])[
            :, warm_up:
        ]
        for own, made in program.chunks(segment, len(left), np.dtype(FEATURE_TYPE).type):
            yield left[own], made, labels[:, own]


def _warm_up(features: Sequence[Feature]) -> int:
    return max(feature.lookback for feature in features) - 1


def _segments(candles: pd.DataFrame, features: Sequence[Feature]) -> list[NDArray[np.int64]]:
    """Rows of the segments that are longer than the warm-up."""
    border = np.flatnonzero(np.diff(candles["segment"].to_numpy())) + 1
    segments = np.split(np.arange(len(candles)), border)
    return [rows for rows in segments if len(rows) > _warm_up(features)]


def _joined(candles: pd.DataFrame, features: Sequence[Feature], parts: Sequence[Part]) -> pd.DataFrame:
    rows, made, labels = zip(*parts, strict=True)
    values, known = (each[0] if len(parts) == 1 else np.concatenate(each, axis=1) for each in (made, labels))
    return _as_table(candles, np.concatenate(rows), features, values, known)


def _as_table(
    candles: pd.DataFrame,
    rows: NDArray[np.int64],
    features: Sequence[Feature],
    values: NDArray[np.floating],
    labels: FloatArray,
) -> pd.DataFrame:
    """Keys of the candles `rows` (n,), beside them features (F, n) and labels (L, n), not copied."""
    keys = candles[list(KEYS)].iloc[rows].reset_index(drop=True)
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
