"""Candles of one symbol and what follows from them alone: segments, rows with features, windows, labels."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tapeline.referee.findings import Findings, Place
from tapeline.referee.rules import RowRules
from tapeline.schema import DIRECTION, PRICES, TREND_STRENGTH

FloatArray = NDArray[np.float64]
Mask = NDArray[np.bool_]
CANDLES = "candles"


@dataclass(frozen=True)
class SymbolCandles:
    """Canonical candles of `symbol`, arrays (n,); `time` is the open, microseconds since 1970."""

    symbol: str
    rules: RowRules
    time: NDArray[np.int64]
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    is_filled: Mask

    @classmethod
    def of_table(cls, symbol: str, table: pd.DataFrame, rules: RowRules) -> "SymbolCandles":
        """Take the columns of a candle table."""
        arrays = {name: table[name].to_numpy(np.float64) for name in PRICES}
        filled = table["is_filled"].to_numpy(bool)
        return cls(symbol, rules, microseconds(table["timestamp"]), **arrays, is_filled=filled)

    @cached_property
    def begins(self) -> Mask:
        """Whether a segment begins at each candle: the one before it is not there."""
        begins: Mask = np.r_[True, np.diff(self.time) != self.rules.step]
        return begins

    @cached_property
    def place(self) -> NDArray[np.int32]:
        """Candles of its segment before each."""
        position = np.arange(self.time.size, dtype=np.int32)
        return position - np.maximum.accumulate(np.where(self.begins, position, 0))

    @cached_property
    def has_features(self) -> Mask:
        """Whether each candle is a row of the feature table: the warm-up of its segment has passed."""
        has_features: Mask = self.place >= self.rules.warm_up
        return has_features

    def has_window(self, least: int) -> Mask:
        """Whether `least` rows with features lead up to each candle, and few enough of its window are filled.

        The window is `sequence_length` rows, or as many as the segment has.
        """
        rows = self.place - self.rules.warm_up + 1
        length = np.clip(rows, 1, self.rules.sequence_length)
        filled = np.cumsum(self.is_filled)
        before = np.arange(self.time.size) - length
        n_filled: NDArray[np.int64] = filled - np.where(before >= 0, filled[before], 0)
        is_whole: Mask = (rows >= least) & (n_filled <= self.rules.max_filled_share * length)
        return is_whole

    def label(self, name: str) -> FloatArray:
        """The label of each candle, from its close and those of the `horizon` candles after it."""
        return {DIRECTION: self.direction, TREND_STRENGTH: self.trend_strength}[name]

    @property
    def _is_labelled(self) -> Mask:
        """Whether the candle `horizon` later is there, in the same segment."""
        horizon = self.rules.horizon
        later = np.full(self.time.size, -1)
        later[:-horizon] = self.place[horizon:]
        is_there: Mask = later == self.place + horizon
        return is_there

    @property
    def _end(self) -> FloatArray:
        """The close `horizon` candles later."""
        end = np.full(self.time.size, np.nan)
        end[: -self.rules.horizon] = self.close[self.rules.horizon :]
        return np.where(self._is_labelled, end, np.nan)

    @cached_property
    def direction(self) -> FloatArray:
        """1 where the close rises over the horizon, 0 where it falls, NaN where it is equal or not there."""
        end = self._end
        return np.where(end > self.close, 1.0, np.where(end < self.close, 0.0, np.nan))

    @cached_property
    def trend_strength(self) -> FloatArray:
        """Kaufman's efficiency ratio of the horizon: net move over the sum of moves; NaN where none moved."""
        moves = np.abs(np.diff(self.close, append=np.nan))
        path = np.zeros(self.time.size)
        for ahead in range(min(self.rules.horizon, self.time.size)):
            path[: self.time.size - ahead] += moves[ahead:]
        has_moved = self._is_labelled & (path > 0)
        net = np.abs(self._end - self.close)
        ratio: FloatArray = np.divide(net, path, out=np.full(net.size, np.nan), where=has_moved)
        return ratio

    def is_scored(self, label: str) -> Mask:
        """Whether each candle is real and has the label: who could have decided on a filled one?"""
        return ~self.is_filled & ~np.isnan(self.label(label))


def within(time: NDArray[np.int64], span: tuple[int, int]) -> Mask:
    """Whether each open time lies in [start, end)."""
    return (time >= span[0]) & (time < span[1])


def check_candles(candles: SymbolCandles, segment: NDArray[np.int64], findings: Findings) -> None:
    """Candles on their grid, short gaps filled with the close before them, segments where time says so."""
    place, time, rules = Place(symbol=candles.symbol), candles.time, candles.rules
    apart = np.diff(time)
    is_step = (apart > 0) & (apart % rules.step == 0)
    findings.hold(
        CANDLES, "a candle's distance to the one before", is_step, apart, "whole candles", place, time[1:]
    )
    missing = np.where(candles.begins[1:], apart // rules.step - 1, 0)
    is_long = (missing == 0) | (missing > rules.max_fill)
    findings.hold(
        CANDLES,
        "candles missing in a gap",
        is_long,
        missing,
        f"filled up to {rules.max_fill}",
        place,
        time[1:],
    )
    borders = np.r_[True, np.diff(segment) != 0]
    findings.equal(CANDLES, "whether a segment begins", borders, candles.begins, place, time)
    filled = np.flatnonzero(candles.is_filled & ~candles.begins)
    for name in PRICES:
        values = getattr(candles, name)[filled]
        findings.equal(
            CANDLES, f"{name} of a filled candle", values, candles.close[filled - 1], place, time[filled]
        )
    first = np.flatnonzero(candles.is_filled & candles.begins)
    findings.hold(
        CANDLES, "a segment's first candle", np.zeros(first.size, bool), "filled", "real", place, time[first]
    )


def check_table(candles: SymbolCandles, table: pd.DataFrame, findings: Findings) -> None:
    """Rows and labels of the stored feature table: one a candle behind its warm-up, and its own future."""
    place, kept = Place(symbol=candles.symbol), candles.has_features
    times, check = candles.time[kept], "feature rows"
    stored = microseconds(table["timestamp"])
    findings.same_rows(check, "row of the feature table", stored, times, place)
    if np.array_equal(stored, times):
        for name, tolerance in ((DIRECTION, 0.0), (TREND_STRENGTH, 1e-9)):
            findings.equal(
                "labels", f"stored {name}", table[name], candles.label(name)[kept], place, times, tolerance
            )


def microseconds(timestamp: "pd.Series[pd.Timestamp]") -> NDArray[np.int64]:
    """Open times as microseconds since 1970."""
    return timestamp.to_numpy("datetime64[us]").view(np.int64)
