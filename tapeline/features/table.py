"""The feature table of one symbol: keys, features and labels, by month, segment by segment.

What an indicator remembers of its beginning begins anew with each month, as many candles before it as the
longest lookback has. So a month is the same whatever candles lie further back, and is made from no others.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tapeline.definitions import definitions_hash
from tapeline.features.compiled import CHUNK, program_of
from tapeline.features.declare import Candles, Feature, FloatArray, minutes_since_epoch
from tapeline.features.labels import direction, trend_strength
from tapeline.features.leader import close_before
from tapeline.months import month_parts
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
    months = list(table_months(candles, leader, features, horizon, max_fill))
    kept = np.concatenate([np.empty(0, np.int64), *(month.rows for month in months)])
    values, labels = np.empty((len(features), len(kept)), FEATURE_TYPE), np.empty((len(LABELS), len(kept)))
    filled = 0
    for _, made, known in (part for month in months for part in month.parts()):
        own = slice(filled, filled + made.shape[1])
        values[:, own], labels[:, own] = made, known
        filled = own.stop
    return _as_table(candles, kept, features, values, labels)


def build_blocks(
    candles: pd.DataFrame, leader: pd.DataFrame, features: Sequence[Feature], horizon: int, max_fill: int
) -> Iterator[pd.DataFrame]:
    """The rows of `build_table`, the same ones, some tens of thousands at a time; one block at least."""
    pending: list[Part] = []
    months = table_months(candles, leader, features, horizon, max_fill)
    for part in (part for month in months for part in month.parts()):
        if pending and sum(len(rows) for rows, _, _ in [*pending, part]) > CHUNK:
            yield _joined(candles, features, pending)
            pending = []
        pending.append(part)
    if pending:
        yield _joined(candles, features, pending)


# Rows of the candles (n,), their features (F, n) and labels (L, n).
Part = tuple[NDArray[np.int64], NDArray[np.floating], FloatArray]


@dataclass(frozen=True)
class Piece:
    """Rows `begin` to `stop` of the candles, of one month and segment, made from those `start` to `ahead`."""

    start: int
    begin: int
    stop: int
    ahead: int


@dataclass(frozen=True)
class TableMonth:
    """One month of a symbol's table: which candles it is made from, and its rows when they are asked for."""

    name: str
    pieces: list[Piece]
    candles: pd.DataFrame
    arrays: Candles
    features: Sequence[Feature]
    horizon: int

    @cached_property
    def rows(self) -> NDArray[np.int64]:
        """Positions of its candles, ascending; (n,)."""
        return np.concatenate([np.arange(piece.begin, piece.stop) for piece in self.pieces])

    @property
    def minutes(self) -> tuple[int, int]:
        """Open times of its first and last candle, minutes since 1970."""
        minute = self.arrays.minute
        return int(minute[self.pieces[0].begin]), int(minute[self.pieces[-1].stop - 1])

    @property
    def input_version(self) -> str:
        """Hash of the candles that it is made from, with the leader's close before each, and of its keys."""
        digest = hashlib.sha256(f"horizon={self.horizon}".encode())
        for piece in self.pieces:
            digest.update(f"{piece.begin - piece.start} {piece.stop - piece.start}".encode())
            part = self.arrays.rows(piece.start, piece.ahead)
            for name in part.__dataclass_fields__:
                digest.update(np.ascontiguousarray(getattr(part, name)).data)
            for key in KEYS[1:]:
                own = self.candles[key].to_numpy()[piece.begin : piece.stop]
                digest.update(np.ascontiguousarray(own).data)
        return digest.hexdigest()

    def parts(self) -> Iterator[Part]:
        """Every row once, in order, in parts of a segment."""
        program = program_of(tuple(self.features))
        for piece in self.pieces:
            left = np.arange(piece.begin, piece.stop)
            close = self.arrays.close[piece.begin : piece.ahead]
            known = direction(close, self.horizon), trend_strength(close, self.horizon)
            labels = np.stack(known)[:, : len(left)]
            segment = self.arrays.rows(piece.start, piece.stop)
            for own, made in program.chunks(segment, len(left), np.dtype(FEATURE_TYPE).type):
                yield left[own], made, labels[:, own]

    def build(self) -> pd.DataFrame:
        """Its rows, as `build_table` has them."""
        return _joined(self.candles, self.features, list(self.parts()))


def table_months(
    candles: pd.DataFrame, leader: pd.DataFrame, features: Sequence[Feature], horizon: int, max_fill: int
) -> Iterator[TableMonth]:
    """The months of `build_table` that have a row, in order, none of them computed yet."""
    arrays, warm_up = as_candles(candles, leader, max_fill), _warm_up(features)
    border = np.flatnonzero(np.diff(candles["segment"].to_numpy())) + 1
    firsts, ends = np.r_[0, border], np.r_[border, len(candles)]
    times = candles["timestamp"].to_numpy("datetime64[us]").view(np.int64)
    for name, rows in month_parts(times):
        pieces = []
        for k in range(np.searchsorted(ends, rows.start, "right"), np.searchsorted(firsts, rows.stop)):
            begin = max(rows.start, int(firsts[k]) + warm_up)
            stop = min(rows.stop, int(ends[k]))
            if begin < stop:
                pieces.append(Piece(begin - warm_up, begin, stop, min(stop + horizon, int(ends[k]))))
        if pieces:
            yield TableMonth(name, pieces, candles, arrays, features, horizon)


def _warm_up(features: Sequence[Feature]) -> int:
    return max(feature.lookback for feature in features) - 1


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


def unlabelled(table: pd.DataFrame) -> dict[str, int]:
    """How many `rows` a table has, and by label how many of them have none."""
    return {"rows": len(table)} | {label: int(table[label].isna().sum()) for label in LABELS}


def table_line(
    counts: Mapping[str, int], candles: pd.DataFrame, leader: pd.DataFrame, features: Sequence[Feature]
) -> str:
    """What there is to tell of a symbol's table, of which `unlabelled` counted the rows."""
    unknown = ", ".join(f"{label.replace('_', ' ')} {counts[label]:,}" for label in LABELS)
    is_alone = ~candles["timestamp"].isin(leader.loc[~leader["is_filled"], "timestamp"])
    return (
        f"{counts['rows']:,} rows of {len(features)} features from {len(candles):,} candles, the others are "
        f"warm-up; without label {unknown}; {int(is_alone.sum()):,} candles without one of the leader"
    )
