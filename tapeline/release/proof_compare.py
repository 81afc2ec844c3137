"""Two runs whose candles differ from a moment on: what both knew before it, compared to the last bit.

Two differences are legitimate, and no other. A filled candle is known when the next real one opens, since
until then nobody knows whether the gap will be filled; and so is a label that ends on one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tapeline.errors import ProofError
from tapeline.schema import LABELS

Array = NDArray[np.int64]
Mask = NDArray[np.bool_]
NEVER = np.iinfo(np.int64).max
ALL = "all symbols"


@dataclass(frozen=True)
class Known:
    """What two runs may know of one symbol; times in microseconds.

    base, changed : (n,), (m,) open times of the real candles of each
    edges, moments : (k,) time from which each moment holds, and the moment; one edge: for all times
    """

    base: Array
    changed: Array
    edges: Array
    moments: Array

    @classmethod
    def until(cls, base: Array, changed: Array, moment: int) -> "Known":
        """For candles that differ from one `moment` on."""
        return cls(base, changed, np.array([np.iinfo(np.int64).min]), np.array([moment]))

    def moment(self, times: Array) -> Array:
        """The moment that holds at `times`, (n,)."""
        return self.moments[np.maximum(np.searchsorted(self.edges, times, side="right") - 1, 0)]

    def is_known(self, times: Array, ahead: int = 0) -> Mask:
        """Whether what is of each of `times`, (n,), and ends `ahead` later, was known before its moment."""
        ends = times + ahead
        next_base, next_changed = _next_real(self.base, ends), _next_real(self.changed, ends)
        is_known: Mask = (ends < self.moment(times)) & (next_base == next_changed)
        return is_known


def _next_real(real: Array, times: Array) -> Array:
    """Open time of the first of the candles `real` at each of `times` or after it; NEVER where none is."""
    return np.append(real, NEVER)[np.searchsorted(real, times)]


class Comparison:
    """Counts the values that are equal, and ends at the first that is not, naming where it is."""

    def __init__(self) -> None:
        self.compared = 0

    def tables(
        self,
        stage: str,
        symbol: str,
        sides: Sequence[pd.DataFrame],
        known: Known,
        label_span: int = 0,
        left_out: tuple[str, ...] = (),
    ) -> None:
        """Compare the rows of two tables with `timestamp`, one symbol's, that were known before the moment.

        sides : of the run, and of the one whose candles were changed
        label_span : how far labels reach, microseconds; left_out : columns that say where a row is from
        """
        base, changed = sides
        times = [table["timestamp"].to_numpy("datetime64[us]").view(np.int64) for table in (base, changed)]
        rows = [np.flatnonzero(known.is_known(each)) for each in times]
        before, after = (each[row] for each, row in zip(times, rows, strict=True))
        self._rows(stage, symbol, before, after, known)
        columns = [str(name) for name in base if name not in ("timestamp", *left_out)]
        if columns != [str(name) for name in changed if name not in ("timestamp", *left_out)]:
            raise ProofError(f"{stage}: {symbol}: the columns are others once its candles are")
        is_open = ~known.is_known(before, label_span) if label_span else np.zeros(len(before), dtype=bool)
        first: tuple[int, str] | None = None
        for name in columns:
            is_other = differs(base[name].to_numpy()[rows[0]], changed[name].to_numpy()[rows[1]])
            if name in LABELS:
                is_other &= ~is_open
            self.compared += len(is_other) - (int(is_open.sum()) if name in LABELS else 0)
            if is_other.any() and (first is None or np.argmax(is_other) < first[0]):
                first = int(np.argmax(is_other)), name
        if first is not None:
            row, name = first
            values = (t[name].to_numpy()[r[row]] for t, r in zip((base, changed), rows, strict=True))
            _refuse(stage, symbol, name, int(before[row]), int(known.moment(before[[row]])[0]), *values)

    def _rows(self, stage: str, symbol: str, before: Array, after: Array, known: Known) -> None:
        if np.array_equal(before, after):
            return
        other = int(np.setxor1d(before, after).min())
        there = ("there", "missing") if other in before else ("missing", "there")
        _refuse(stage, symbol, "the row", other, int(known.moment(np.array([other]))[0]), *there)

    def arrays(
        self,
        stage: str,
        symbol: str,
        name: str,
        sides: Sequence[NDArray[Any]],
        times: Array,
        moment: int,
    ) -> None:
        """Compare records or values (n, ...) of the same `times` (n,), all of them before `moment`."""
        for field, a, b in _fields(name, *sides):
            is_other = differs(a, b)
            self.compared += is_other.size
            if is_other.any():
                row = int(np.argwhere(is_other)[0][0])
                values = (each[tuple(np.argwhere(is_other)[0])] for each in (a, b))
                _refuse(stage, symbol, field, int(times[row]), moment, *values)

    def figures(self, stage: str, sides: Sequence[Mapping[str, Any]], moment: int) -> None:
        """Compare figures by name: numbers, arrays, or what JSON holds."""
        base, changed = sides
        for name in [*base, *(name for name in changed if name not in base)]:
            a, b = base.get(name), changed.get(name)
            if isinstance(a, np.ndarray) and isinstance(b, np.ndarray) and a.shape == b.shape:
                is_other = differs(a, b)
                self.compared += is_other.size
                if is_other.any():
                    place = tuple(int(k) for k in np.argwhere(is_other)[0])
                    _refuse(stage, ALL, f"{name}{list(place)}", None, moment, a[place], b[place])
            else:
                self.compared += 1
                if a != b:
                    _refuse(stage, ALL, name, None, moment, a, b)


def differs(base: NDArray[Any], changed: NDArray[Any]) -> Mask:
    """Whether values of one shape are not the same bits; NaN is NaN."""
    if base.dtype != changed.dtype:
        return np.ones(base.shape, dtype=bool)
    if base.dtype.kind != "f":
        return np.asarray(base != changed, dtype=bool)
    unsigned = f"u{base.dtype.itemsize}"
    is_same = np.ascontiguousarray(base).view(unsigned) == np.ascontiguousarray(changed).view(unsigned)
    is_other: Mask = ~(is_same | (np.isnan(base) & np.isnan(changed)))
    return is_other


def _fields(name: str, base: Any, changed: Any) -> list[tuple[str, NDArray[Any], NDArray[Any]]]:
    if base.dtype.names is None:
        return [(name, base, changed)]
    return [(f"{name} {field}", base[field], changed[field]) for field in base.dtype.names]


def say_time(time: int) -> str:
    """A time in microseconds as people read it."""
    return pd.Timestamp(time, unit="us", tz="UTC").strftime("%Y-%m-%dT%H:%MZ")


def _refuse(
    stage: str, symbol: str, name: str, time: int | None, moment: int, base: Any, changed: Any
) -> None:
    at = "" if time is None else f" of {say_time(time)}"
    raise ProofError(
        f"{stage}: {symbol}: {name}{at} is {_show(base)}, and {_show(changed)} once the candles from "
        f"{say_time(moment)} on are others: it knows the future"
    )


def _show(value: Any) -> str:
    return f"{value:.10g}" if isinstance(value, float | np.floating) else str(value)
