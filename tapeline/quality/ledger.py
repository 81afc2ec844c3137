"""What a leak audit compares: the candles it looks at, the garbage it plants, the differences it records."""

import hashlib
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tapeline.errors import NothingComparedError
from tapeline.quality.params import LeakParams
from tapeline.quality.report import Audit, AuditName, Leak
from tapeline.schema import PRICES

Cells = NDArray[np.float64]
CLOCKS = "America/New_York", "Europe/London"  # whose summer time moves a session


@dataclass(frozen=True)
class History:
    """Canonical candles of `symbol` and of the leading symbol, which may be the same table.

    asked : first row that may be drawn, and the one after the last; None: all of them
    """

    symbol: str
    candles: pd.DataFrame
    leader: pd.DataFrame
    asked: tuple[int, int] | None = None

    def part(self, start: int, stop: int) -> "History":
        """Candles start..stop-1, and the leader's known when the last of them opens.

        Filled candles behind the leader's last real one are not known then: they are there only if the gap
        has ended soon enough.
        """
        low = max(self.n_leader_candles(start) - 1, 0)
        high = self.n_leader_candles(stop - 1)
        return History(
            self.symbol,
            self.candles.iloc[start:stop].reset_index(drop=True),
            self.leader.iloc[low:high].reset_index(drop=True),
        )

    def poisoned_after(self, cut: int, rng: np.random.Generator) -> "History":
        """The same with garbage in all candles after row `cut`, and in the leader's from its minute on.

        A gap that the leader is in then ends otherwise: it is left open where it was filled, and filled
        where it was left open.
        """
        leader_stop, leader_next = (
            self.n_leader_candles(cut),
            int(np.searchsorted(self.leader_times, self.times[cut])),
        )
        leader = with_garbage(self.leader, np.arange(leader_next, len(self.leader)), rng)
        if self.is_silent[cut]:
            leader = self._gap_ended_otherwise(leader, leader_stop, leader_next, self.times[cut])
        candles = with_garbage(self.candles, np.arange(cut + 1, len(self.candles)), rng)
        return History(self.symbol, candles, leader)

    def _gap_ended_otherwise(
        self, leader: pd.DataFrame, leader_stop: int, leader_next: int, time: np.int64
    ) -> pd.DataFrame:
        """`leader` with its gap, rows `leader_stop` to `leader_next`, left open if filled, else filled."""
        before, after = leader.iloc[:leader_stop], leader.iloc[leader_next:]
        if leader_next == leader_stop:
            n_filled = int((time - self.leader_times[leader_stop - 1]) // self.step) - 1
            filled = before.iloc[[-1] * n_filled].copy()
            filled["timestamp"] += pd.to_timedelta(self.step * np.arange(1, n_filled + 1), unit="us")
            for column in ("open", "high", "low"):
                filled[column] = filled["close"]
            before = pd.concat([before, filled.assign(volume=0.0, is_filled=True)])
        else:
            after = after[np.maximum.accumulate(~after["is_filled"].to_numpy(bool))]
        changed = pd.concat([before, after], ignore_index=True).astype(leader.dtypes)
        is_cut = changed["timestamp"].diff() > pd.Timedelta(self.step, unit="us")
        return changed.assign(segment=is_cut.cumsum().astype(np.int32))

    def n_leader_candles(self, row: int) -> int:
        """How many of the leader's candles come up to its last real one that opened before row `row` did."""
        n_real = int(np.searchsorted(self._real_times, self.times[row]))
        return int(self._real_rows[n_real - 1]) + 1 if n_real else 0

    @cached_property
    def _real_rows(self) -> NDArray[np.int64]:
        return np.flatnonzero(~self.leader["is_filled"].to_numpy(bool))

    @cached_property
    def _real_times(self) -> NDArray[np.int64]:
        return self.leader_times[self._real_rows]

    @cached_property
    def step(self) -> int:
        """Microseconds from one candle to the next of a segment; 0 if there is but one."""
        apart = np.diff(self.times)
        return int(apart[apart > 0].min()) if (apart > 0).any() else 0

    @cached_property
    def is_silent(self) -> NDArray[np.bool_]:
        """Whether the leader has candles before each real candle, but no real one right before it; (n,)."""
        n_before = np.searchsorted(self._real_times, self.times)
        last: NDArray[np.int64] = np.append(self._real_times, 0)[n_before - 1]
        is_real = ~self.candles["is_filled"].to_numpy(bool)
        return is_real & (n_before > 0) & (self.times - last > self.step)

    @cached_property
    def is_beside_filled(self) -> NDArray[np.bool_]:
        """Whether each candle is filled, or the one before or behind it in its segment is; (n,)."""
        filled = self.candles["is_filled"].to_numpy(bool)
        is_next = np.diff(self.times, prepend=self.times[:1]) == self.step
        before = np.r_[False, filled[:-1]] & is_next
        behind = np.r_[filled[1:] & is_next[1:], False]
        beside: NDArray[np.bool_] = filled | before | behind
        return beside

    @cached_property
    def is_clock_change(self) -> NDArray[np.bool_]:
        """Whether a city's clock changes between each candle and the one before or behind it; (n,)."""
        times = pd.DatetimeIndex(self.candles["timestamp"])
        is_change = np.zeros(len(times), bool)
        for zone in CLOCKS:
            shown = times.tz_convert(zone).tz_localize(None).to_numpy("datetime64[us]").view(np.int64)
            offset = shown - self.times
            is_change[1:] |= offset[1:] != offset[:-1]
        is_change[:-1] |= is_change[1:]
        return is_change

    @cached_property
    def digest(self) -> bytes:
        """Hash of all candles, the leader's among them, and of which may be drawn."""
        hashed = hashlib.sha256(f"{self.asked} {self.leader is self.candles}".encode())
        for table in (self.candles,) if self.leader is self.candles else (self.candles, self.leader):
            hashed.update(f"{len(table)} {list(table.columns)}".encode())
            for name in table.columns:
                values = (
                    table[name].to_numpy("datetime64[us]") if name == "timestamp" else table[name].to_numpy()
                )
                hashed.update(np.ascontiguousarray(values).view(np.uint8).data)
        return hashed.digest()

    @cached_property
    def times(self) -> NDArray[np.int64]:
        """Open times of the candles in microseconds since 1970, shape (n,)."""
        return self.candles["timestamp"].to_numpy("datetime64[us]").view(np.int64)

    @cached_property
    def leader_times(self) -> NDArray[np.int64]:
        """Open times of the leader's candles, likewise."""
        return self.leader["timestamp"].to_numpy("datetime64[us]").view(np.int64)

    @cached_property
    def segment(self) -> NDArray[np.int32]:
        """Segment of each candle, shape (n,)."""
        return self.candles["segment"].to_numpy()


def with_garbage(candles: pd.DataFrame, rows: NDArray[np.int64], rng: np.random.Generator) -> pd.DataFrame:
    """`candles` with prices and volumes at `rows` that could never follow the others, each a candle still."""
    prices = rng.normal(0, 5, (len(rows), len(PRICES)))
    np.exp(prices, out=prices).sort(axis=1)
    garbage = {"low": prices[:, 0], "open": prices[:, 1], "close": prices[:, 2], "high": prices[:, 3]}
    garbage["volume"] = rng.lognormal(0, 5, len(rows))
    return replaced(candles, rows, garbage)


def replaced(
    candles: pd.DataFrame, rows: NDArray[np.int64], columns: Mapping[str, NDArray[np.float64]]
) -> pd.DataFrame:
    """`candles` with other values, shape (k,), at the k `rows` of some columns; the others are shared."""
    changed = candles.copy(deep=False)
    for name, values in columns.items():
        whole = candles[name].to_numpy(copy=True)
        whole[rows] = values
        changed[name] = whole
    return changed


def drawn_by(history: History, audit: AuditName, params: LeakParams) -> np.random.Generator:
    """Random numbers of one audit: by the seed, the candles and its name.

    So no two audits look at the same rows, and what hides from a draw does so on these candles alone.
    """
    drawn = int.from_bytes(history.digest[:8], "little")
    return np.random.default_rng([params.seed, drawn, zlib.crc32(audit.encode())])


def cut_positions(
    history: History, reach: int, params: LeakParams, audit: AuditName, horizon: int = 1
) -> NDArray[np.int64]:
    """Choose up to `params.leak_cuts` rows that have `reach` candles of their segment behind them.

    Half of them at most are where leaks hide: where the leader is silent, beside filled candles, where a
    clock of the sessions changes, and at borders, the first such row of a segment, its last, and the rows
    `horizon` before, or the first and the last that is asked for. The rest are drawn evenly over the table,
    one from each equal part; all of them by what `drawn_by` says. Of one month of many there may be few: it
    is drawn, too, which of these kinds come first, and whether half of an odd number is rounded up.
    """
    segment = history.segment
    n = segment.shape[0]
    first = np.searchsorted(segment, segment, side="left")  # of each row's segment
    positions = np.arange(n)
    begin, stop = history.asked or (0, n)
    is_asked = (positions >= begin) & (positions < min(n - 1, stop))
    allowed: NDArray[np.int64] = positions[(positions - first >= reach - 1) & is_asked]
    rng = drawn_by(history, audit, params)
    if allowed.size <= params.leak_cuts:
        return allowed
    last = np.searchsorted(segment, segment[allowed], side="right") - 1
    at_border = (allowed - first[allowed] == reach - 1) | np.isin(last - allowed, (0, horizon - 1, horizon))
    chosen = np.empty(0, np.int64)
    kinds = [
        (history.is_silent[allowed], 4),
        (history.is_beside_filled[allowed], 8),
        (history.is_clock_change[allowed], 16),
        (at_border, 2),
    ]
    n_odd = params.leak_cuts // 2
    if history.asked:
        at_border |= np.isin(allowed, (begin, stop - 1))
        n_odd += params.leak_cuts % 2 and int(rng.integers(2))
        kinds = [kinds[k] for k in rng.permutation(len(kinds))] if n_odd <= len(kinds) else kinds
    for is_odd, share in kinds:
        most = min(max(1, params.leak_cuts // share), max(0, n_odd - chosen.size))
        chosen = np.append(chosen, rng.permutation(np.setdiff1d(allowed[is_odd], chosen))[:most])
    n_left = params.leak_cuts - chosen.size
    parts = np.array_split(np.setdiff1d(allowed, chosen), n_left) if n_left else []
    return np.union1d(chosen, [rng.choice(part) for part in parts]).astype(np.int64)


class Ledger:
    """The comparisons of one audit, as they are made."""

    def __init__(self, symbol: str, name: AuditName, columns: Sequence[str]) -> None:
        self._symbol, self._name, self._columns = symbol, name, columns
        self._cells = 0
        self._leaks: list[Leak] = []

    def compare(
        self,
        times: NDArray[np.int64],
        expected: Cells,
        observed: Cells,
        allowed: Cells | None = None,
        first: int = 0,
    ) -> None:
        """Compare rows (k, F) at `times` (k,): equal to the last bit, or off by at most `allowed` (k, F).

        NaN equals NaN. Of each column, the earliest row that differs is kept. The F columns are those from
        `first` on.
        """
        for column, differs in self.differing(times, expected, observed, allowed, first).items():
            self.add(column, *differs)

    def differing(
        self,
        times: NDArray[np.int64],
        expected: Cells,
        observed: Cells,
        allowed: Cells | None = None,
        first: int = 0,
    ) -> dict[int, tuple[np.int64, float, float]]:
        """Count and compare rows as `compare` does, and return of each column the earliest that differs."""
        self.count(expected.size)
        if allowed is None:
            is_same = expected.view(np.int64) == observed.view(np.int64)
        else:
            is_same = np.abs(expected - observed) <= allowed
        is_same |= np.isnan(expected) & np.isnan(observed)
        columns = np.flatnonzero(~is_same.all(axis=0))
        rows = {int(column): int(np.argmin(is_same[:, column])) for column in columns}
        return {
            first + column: (times[row], float(expected[row, column]), float(observed[row, column]))
            for column, row in rows.items()
        }

    def position(self, column: str) -> int:
        """Where `column` stands among those that are compared."""
        return self._columns.index(column)

    def count(self, cells: int) -> None:
        """Count values as compared."""
        self._cells += cells

    def add(self, column: int, time: np.int64, expected: float, observed: float) -> None:
        """Keep one value that differs; it is counted apart."""
        stamp = pd.Timestamp(int(time), unit="us").strftime("%Y-%m-%dT%H:%M:%SZ")
        self._leaks.append(Leak(self._symbol, self._columns[column], stamp, float(expected), float(observed)))

    def close(self, needs: str) -> Audit:
        """Return the audit; NothingComparedError, which names what it `needs`, if nothing was compared."""
        if self._cells == 0:
            raise NothingComparedError(
                f"{self._symbol}: the {self._name} audit found no row to compare; it needs {needs}"
            )
        return Audit(self._symbol, self._name, self._cells, tuple(self._leaks))
