"""Rows of one time: which of them stays, by rules whose uses are counted and reported.

Of rows of one file the last read stays: an appended row is taken as a correction. Of rows of two files,

1. `unfinished`: the last candle of a file was still open when the file was written, so that the other stays;
   unless it trades more or reaches further than the other, or ends the days that its file's name says;
2. `later`: that of the file written later, as far as names say (names.later_of): the shorter of two periods,
   the higher number.

Rows that no rule settles end the stage.
"""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tapeline.errors import DataError
from tapeline.market.findings import Finding
from tapeline.market.intervals import find_grid
from tapeline.market.names import find_period, later_of
from tapeline.market.raw import RawCandles
from tapeline.market.times import DAY, MINUTE, microseconds
from tapeline.schema import OHLCV

SAME_FILE, UNFINISHED, LATER = "settled_last_row", "settled_unfinished", "settled_later_file"
EXPLANATIONS = {
    SAME_FILE: "the last read of the file's stays",
    UNFINISHED: "the other was the last of its file, still open when that was written",
    LATER: "by their names its file was written later",
}
MIN_ROWS = 3  # rows of a file from which its interval is known
LONGER_VOLUME = 3.0  # times the volume, and further both ways: of a longer candle, not of a corrected one


@dataclass
class Settled:
    """The rows that stay, in order of time, and what became of the others; `winners` of them beat another."""

    kept: pd.DataFrame
    n_duplicates: int = 0
    n_conflicting: int = 0
    findings: list[Finding] = field(default_factory=list)
    winners: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, dtype=np.int64))


def settle(raw: RawCandles, valid: pd.DataFrame, interval: int, allowed: float) -> Settled:
    """Sort `valid`, rows of `raw`, by time and leave one row per time; `interval` in microseconds.

    DataError names both rows where no rule says which is right, and where more than the share `allowed` of
    all rows is in conflict.
    """
    ordered = valid.sort_values("timestamp", kind="stable", ignore_index=True)
    times, values = microseconds(ordered["timestamp"]), ordered[list(OHLCV)].to_numpy()
    ends = np.flatnonzero(np.append(times[1:] != times[:-1], True)) + 1  # of the rows of each time
    starts = np.append(0, ends[:-1])
    stays = ends - 1
    if len(stays) == len(ordered):
        return Settled(ordered)
    is_equal = (values == np.repeat(values[stays], ends - starts, axis=0)).all(axis=1)
    groups = np.flatnonzero(~np.logical_and.reduceat(is_equal, starts))
    if not len(groups):
        return Settled(ordered.iloc[stays], len(ordered) - len(stays))
    pairs: list[tuple[str, int, int]] = []  # rule, row that stays, row that goes
    judge = _Judge(raw, ordered, interval)
    for group in groups:
        stays[group], losers = judge.settle(range(starts[group], ends[group]))
        pairs += [(rule, int(stays[group]), row) for row, rule in losers]
    judge.check_longer(pairs)
    _check_share(raw, ordered, pairs, allowed)
    by_rule = [[pair for pair in pairs if pair[0] == rule] for rule in EXPLANATIONS]
    return Settled(
        ordered.iloc[stays],
        len(ordered) - len(stays) - len(pairs),
        len(pairs),
        [_finding_of(raw, ordered, some) for some in by_rule if some],
        np.searchsorted(stays, np.unique([row for _, row, _ in pairs])),
    )


class _Judge:
    """What the rows of one time are settled by: each file's last candle, and what the files' names say."""

    def __init__(self, raw: RawCandles, ordered: pd.DataFrame, interval: int) -> None:
        self._raw, self._ordered, self._interval = raw, ordered, interval
        self._files = ordered["file"].to_numpy()
        self._values = ordered[list(OHLCV)].to_numpy()
        self._times = microseconds(ordered["timestamp"])
        self._paths = [Path(name) for name in raw.files]
        by_file = pd.Series(self._times).groupby(self._files)
        # The stubs take an index's labels for anything hashable; these are positions of files.
        self._last = cast("dict[int, int | None]", by_file.max().to_dict())
        self._n_rows = cast("dict[int, int]", by_file.size().to_dict())
        for file in self._last:
            if period := find_period(self._paths[file]):
                end = int(pd.Timestamp(period[1]).value // 1000) + DAY
                if self._last[file] == end - interval:
                    self._last[file] = None  # whole, as its name says

    def settle(self, rows: range) -> tuple[int, list[tuple[int, str]]]:
        """Return which of `rows`, of one time, stays, and those that differ from it, each with the rule."""
        of_file = {int(self._files[row]): row for row in rows}  # the last read of each
        rules = dict.fromkeys(rows, SAME_FILE)
        best, *others = of_file.values()
        for row in others:
            winner, rule = self._compare(best, row)
            rules[best if winner == row else row] = rule
            best = winner
        differ = [row for row in rows if row != best and (self._values[row] != self._values[best]).any()]
        return best, [(row, rules[row]) for row in differ]

    def check_longer(self, pairs: list[tuple[str, int, int]]) -> None:
        """Raise DataError if what would stay are candles of a longer interval: wider, and on its grid."""
        wider = [(stays, goes) for _, stays, goes in pairs if self._is_wider(stays, goes)]
        minutes = self._times[[stays for stays, _ in wider]] // MINUTE
        if len(wider) * 2 > len(pairs) and (length := find_grid(minutes, self._interval // MINUTE)):
            place, rival = (self._raw.place_of(self._ordered.iloc[row]) for row in wider[0])
            raise DataError(
                place,
                f"is wider than {rival} of the same time, as are {len(wider)} candles at every {length} "
                f"minutes: they are {length} minutes long; a symbol's files hold one interval",
            )

    def _compare(self, one: int, other: int) -> tuple[int, str]:
        """Return which of two rows of two files stays and the rule; `other` was read later."""
        files = self._files[one], self._files[other]
        later = later_of(*(self._paths[file] for file in files))
        if (self._values[one] == self._values[other]).all():
            ends = [self._times[row] == self._last[self._files[row]] for row in (one, other)]
            is_one = ends[1] if ends[0] != ends[1] else later == self._paths[files[0]]
            return one if is_one else other, LATER
        unfinished = [row for row, whole in ((one, other), (other, one)) if self._is_unfinished(row, whole)]
        if len(unfinished) == 1:
            return one if unfinished[0] == other else other, UNFINISHED
        winner, loser = (one, other) if later == self._paths[files[0]] else (other, one)
        has_enough_rows = self._n_rows[self._files[winner]] >= MIN_ROWS
        if later is None or (self._is_wider(winner, loser) and not has_enough_rows):
            self._refuse(one, other)
        return winner, LATER

    def _is_unfinished(self, row: int, other: int) -> bool:
        """Whether `row` is the last of its file, and no more than a beginning of `other`."""
        (_, high, low, _, volume), (_, top, bottom, _, traded) = self._values[row], self._values[other]
        is_part = volume <= traded and high <= top and low >= bottom
        return bool(is_part and self._times[row] == self._last[self._files[row]])

    def _is_wider(self, row: int, other: int) -> bool:
        """Whether `row` trades more than `other` and reaches further both ways, as a longer candle does."""
        (_, high, low, _, volume), (_, top, bottom, _, traded) = self._values[row], self._values[other]
        return bool(high >= top and low <= bottom and volume >= LONGER_VOLUME * traded)

    def _refuse(self, one: int, other: int) -> None:
        place, rival = (self._raw.place_of(self._ordered.iloc[row]) for row in (one, other))
        raise DataError(
            place,
            f"{rival} is another candle of the same time, {_differ(self._ordered, one, other)}, and nothing "
            "says which is right: take one out, or name files by the days they hold or by numbers",
        )


def _check_share(
    raw: RawCandles, ordered: pd.DataFrame, pairs: list[tuple[str, int, int]], allowed: float
) -> None:
    if len(pairs) / len(raw.rows) <= allowed:
        return
    _, winner, first = pairs[0]
    place, rival = (raw.place_of(ordered.iloc[row]) for row in (first, winner))
    raise DataError(
        place,
        f"{rival} is another candle of the same time, {_differ(ordered, first, winner)}; {len(pairs)} of "
        f"{len(raw.rows)} rows are in conflict, data.max_rejected_share allows a share of {allowed}",
    )


def _finding_of(raw: RawCandles, ordered: pd.DataFrame, pairs: list[tuple[str, int, int]]) -> Finding:
    """One line for the conflicts of one rule: both rows of the first, and how many by which files."""
    rule, winner, loser = pairs[0]
    place, rival = (raw.place_of(ordered.iloc[row]) for row in (winner, loser))
    files = ordered["file"].to_numpy()
    names = Counter((raw.files[files[stays]], raw.files[files[goes]]) for _, stays, goes in pairs)
    more = f"; {len(pairs)} candles so, of {len(names)} pairs of files" if len(pairs) > 1 else ""
    values = _differ(ordered, winner, loser)
    return Finding(
        rule,
        len(pairs),
        f"{place}: stays, not {rival} of the same time, {values}: {EXPLANATIONS[rule]}{more}",
        tuple((*pair, count) for pair, count in names.items()),
    )


def _differ(ordered: pd.DataFrame, one: int, other: int) -> str:
    """Say by which value two rows differ, the close before all others."""
    columns = ("close", "high", "low", "open", "volume")
    column = next(name for name in columns if ordered[name].iloc[one] != ordered[name].iloc[other])
    return f"{column} {ordered[column].iloc[one]:.10g} and {ordered[column].iloc[other]:.10g}"
