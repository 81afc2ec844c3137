"""What the referee compared, and where a run's claims differ from what it derives."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tapeline.errors import RefereeError

LISTED = 20  # differences that the report holds; all are counted


@dataclass(frozen=True)
class Place:
    """Where something was compared; None where that says nothing."""

    fold: int | None = None
    symbol: str | None = None

    def __str__(self) -> str:
        parts = [] if self.fold is None else [f"fold {self.fold}"]
        return ", ".join(parts + ([self.symbol] if self.symbol else []))


@dataclass(frozen=True)
class Difference:
    """One value that is claimed, and what it must be."""

    check: str
    what: str
    fold: int | None
    symbol: str | None
    candle: str | None
    value: Any
    expected: Any

    def __str__(self) -> str:
        where = [str(Place(self.fold, self.symbol)), self.candle or ""]
        place = ", ".join(part for part in where if part)
        return f"{self.what}{f' ({place})' if place else ''}: {self.value}, and must be {self.expected}"


@dataclass
class Findings:
    """The comparisons of one run, as they are made: how many of each check, and every first difference."""

    compared: dict[str, int] = field(default_factory=dict)
    differing: dict[str, int] = field(default_factory=dict)
    differences: list[Difference] = field(default_factory=list)

    def add(self, other: "Findings") -> None:
        """Add what was compared elsewhere, behind what is here."""
        for own, more in ((self.compared, other.compared), (self.differing, other.differing)):
            for check, count in more.items():
                own[check] = own.get(check, 0) + count
        self.differences += other.differences

    def equal(
        self,
        check: str,
        what: str,
        claimed: ArrayLike,
        expected: ArrayLike,
        place: Place,
        times: NDArray[np.int64] | None = None,
        tolerance: float = 0.0,
    ) -> None:
        """Compare claimed and derived numbers of one shape; NaN equals NaN.

        tolerance : relative to the larger of 1 and the expected value; times : open times of their candles
        """
        one, other = np.atleast_1d(np.asarray(claimed, float)), np.atleast_1d(np.asarray(expected, float))
        is_close = np.abs(one - other) <= tolerance * np.maximum(1.0, np.abs(other))
        self.hold(check, what, is_close | (np.isnan(one) & np.isnan(other)), one, other, place, times)

    def hold(
        self,
        check: str,
        what: str,
        is_right: ArrayLike,
        claimed: ArrayLike,
        expected: ArrayLike,
        place: Place,
        times: NDArray[np.int64] | None = None,
    ) -> None:
        """Count `is_right`, one or (n,); of those that are not, the first is kept with its two values.

        claimed, expected : values, or texts, of the same shape or one for all
        """
        right = np.atleast_1d(np.asarray(is_right, bool))
        self.compared[check] = self.compared.get(check, 0) + right.size
        wrong = np.flatnonzero(~right)
        self.differing[check] = self.differing.get(check, 0) + wrong.size
        if wrong.size:
            first = int(wrong[0])
            candle = None if times is None else show(int(times[first]))
            values = (_at(values, first) for values in (claimed, expected))
            self.differences.append(Difference(check, what, place.fold, place.symbol, candle, *values))

    def same_rows(
        self, check: str, what: str, claimed: NDArray[np.int64], expected: NDArray[np.int64], place: Place
    ) -> None:
        """Compare open times of rows: every one that has to be there is there once, and no other.

        `expected` rise.
        """
        if np.array_equal(claimed, expected):
            self.hold(check, what, np.ones(expected.size, bool), "there", "there", place)
            return
        for times, verdict, demand in (
            (np.setdiff1d(expected, claimed), "is not there", "there"),
            (np.setdiff1d(claimed, expected), "is there", "left out"),
        ):
            self.hold(check, what, np.zeros(times.size, bool), verdict, demand, place, times)
        ordered, counts = np.unique(claimed, return_counts=True)
        self.hold(check, what, counts == 1, counts, 1, place, ordered)

    @property
    def record(self) -> dict[str, Any]:
        """The report: by check how many values were compared and how many differ; the first differences."""
        checks = {
            name: {"compared": count, "differences": self.differing[name]}
            for name, count in self.compared.items()
        }
        listed = [asdict(difference) for difference in self.differences[:LISTED]]
        return {"passed": not self.differences, "checks": checks, "differences": listed}

    @property
    def summary(self) -> str:
        """The counts in a line of the log."""
        total, wrong = sum(self.compared.values()), sum(self.differing.values())
        return f"the referee compared {total} values in {len(self.compared)} checks, {wrong} differ"

    def require_none(self, needed: Iterable[str]) -> None:
        """Raise RefereeError naming the first difference, or one of the `needed` checks that saw nothing."""
        if self.differences:
            n_more = sum(self.differing.values()) - 1
            more = f" (and {n_more} more)" if n_more else ""
            raise RefereeError(f"{self.differences[0]}{more}")
        empty = [name for name in needed if not self.compared.get(name)]
        if empty:
            raise RefereeError(f"nothing was compared of {', '.join(empty)}, so nothing is known of it")


def show(microseconds: int) -> str:
    """An open time as people read it."""
    return f"{np.datetime64(microseconds, 'us').astype('datetime64[s]')}Z"


def _at(values: ArrayLike, position: int) -> Any:
    array = np.asarray(values)
    value = array[position] if array.ndim else array[()]
    return value.item() if hasattr(value, "item") else value
