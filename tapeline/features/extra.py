"""Features of inputs beyond candles: the last row known when a candle closes, its change, its age.

A candle closes at its open time plus its length; a row counts from `known_at` on, the moment itself
included. Where no row is known, or the last is older than `max_age`, values and changes are 0 and the age
is as if it had just passed `max_age`: no candle loses its row, so runs with and without are comparable.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tapeline.extra import GROUP, Extra, known_times
from tapeline.features.declare import Candles, Feature, FloatArray
from tapeline.features.table import TableMonth

MICROSECONDS = 60_000_000  # a minute


@dataclass(frozen=True)
class Joined:
    """What one feature joins: a table's rows for one symbol, and the column that it is of.

    known : (k,) microseconds since 1970, rising; numbers : (k,)
    step, max_age : of a candle and of the oldest row, microseconds
    """

    known: NDArray[np.int64]
    numbers: FloatArray
    is_price: bool
    step: int
    max_age: int

    def last_known(self, minute: NDArray[np.int64]) -> NDArray[np.int64]:
        """Position of the last row known when each candle that opens at `minute` closes, (n,); -1: none."""
        return last_row(self.known, minute * MICROSECONDS + self.step)

    def is_known(self, minute: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether there is such a row, and it is no older than `max_age`; (n,)."""
        return self.age(minute) <= self.max_age

    def age(self, minute: NDArray[np.int64]) -> NDArray[np.int64]:
        """Microseconds from the last known row to the close, (n,); `max_age` and one candle without any."""
        row, none = self.last_known(minute), self.max_age + self.step
        if not len(self.known):
            return np.full(len(minute), none)
        age = minute * MICROSECONDS + self.step - self.known[row]
        return np.where((row < 0) | (age > self.max_age), none, age)


def last_row(known: NDArray[np.int64], time: NDArray[np.int64]) -> NDArray[np.int64]:
    """Position of the last of the rising `known` (k,) at or before each `time` (n,); -1 where none is."""
    return np.searchsorted(known, time, side="right") - 1


def extra_value(candles: Candles, joined: Joined) -> FloatArray:
    """The value of the last known row; of a price its log over the close. 0 where none is known."""
    is_known, row = joined.is_known(candles.minute), joined.last_known(candles.minute)
    values = np.zeros(len(candles.minute))
    values[is_known] = joined.numbers[row[is_known]]
    if joined.is_price:
        values[is_known] = np.log(values[is_known] / candles.close[is_known])
    return values


def extra_change(candles: Candles, joined: Joined) -> FloatArray:
    """The last known row less the one before it; of prices the log return. 0 where there are not two."""
    row = joined.last_known(candles.minute)
    has_two = joined.is_known(candles.minute) & (row > 0)
    values = np.log(joined.numbers) if joined.is_price else joined.numbers
    changes = np.zeros(len(candles.minute))
    changes[has_two] = values[row[has_two]] - values[row[has_two] - 1]
    return changes


def extra_age(candles: Candles, joined: Joined) -> FloatArray:
    """Age in candles of the last known row, as log(1 + age); where none is known, one past the oldest."""
    return np.log1p(joined.age(candles.minute) / joined.step)


def extra_features(extras: Sequence[Extra], symbol: str, minutes: int) -> list[Feature]:
    """The features of `extras` for candles of `symbol` that are `minutes` long; alike for every symbol.

    `extra_NAME_COLUMN` and `extra_NAME_COLUMN_change` of each column, `extra_NAME_age`; excluded ones not.
    """
    features: list[Feature] = []
    excluded = {name for extra in extras for name in extra.excluded}
    for extra in extras:
        rows, name = extra.of(symbol), f"{GROUP}_{extra.name}"
        age = extra.params.max_age
        known = known_times(rows)
        bounds = minutes * MICROSECONDS, age * MICROSECONDS
        oldest = float(np.log1p(1 + age / minutes))
        for column, kind in extra.params.columns.items():
            joined = Joined(known, rows[column].to_numpy(np.float64), kind == "price", *bounds)
            what = f"{column} of {extra.name}, the last known at the close"
            value = "Log of {} over the close" if joined.is_price else "{}"
            change = (
                "Log return of {} from the row before"
                if joined.is_price
                else "Change of {} from the row before"
            )
            features += [
                _feature(f"{name}_{column}", value.format(what), extra_value, joined, age),
                _feature(f"{name}_{column}_change", change.format(what), extra_change, joined, age),
            ]
        joined = Joined(known, np.zeros(len(known)), False, *bounds)
        what = f"log(1 + candles since the last row of {extra.name} was known)"
        features.append(_feature(f"{name}_age", what, extra_age, joined, age, 0.0, oldest))
    return [feature for feature in features if feature.name not in excluded]


def _feature(
    name: str, meaning: str, compute: object, joined: Joined, max_age: int, low: float | None = None,
    high: float | None = None,
) -> Feature:  # fmt: skip
    meaning = f"{meaning}; older than {max_age} minutes counts as none"
    return Feature(name, GROUP, 1, meaning, low, high, partial(_of, compute, joined))


def _of(compute: object, joined: Joined, candles: Candles) -> FloatArray:
    values: FloatArray = compute(candles, joined)  # type: ignore[operator]
    return values


def with_extra_meaning(version: str, extras: Sequence[Extra]) -> str:
    """A feature version with what `extras` mean in it, kinds and ages; as it is without."""
    if not extras:
        return version
    meant = [
        f"{extra.name} {extra.params.model_dump_json(include={'columns', 'max_age'})}" for extra in extras
    ]
    return hashlib.sha256(f"{version} {meant}".encode()).hexdigest()[:16]


def month_version(extras: Sequence[Extra], symbol: str, minutes: int, month: TableMonth) -> str:
    """Hash of all that a month of the table of `symbol` is made from; candles are `minutes` long."""
    return with_extra_input(month.input_version, extras, symbol, *month.minutes, minutes)


def with_extra_input(
    version: str, extras: Sequence[Extra], symbol: str, first: int, last: int, minutes: int
) -> str:
    """An input version with the rows of `extras` that candles of `symbol` know; as it is without.

    first, last : when the first and the last of them open, minutes since 1970; minutes : how long they are
    """
    if not extras:
        return version
    digest = hashlib.sha256(version.encode())
    for extra in extras:
        rows = extra.of(symbol)
        open_time, close_time = first * MICROSECONDS, (last + minutes) * MICROSECONDS
        begin, end = last_row(known_times(rows), np.array([open_time, close_time]))
        known = rows.iloc[max(begin - 1, 0) : end + 1]  # with the one before: changes are from it on
        digest.update(f"{extra.name} {len(known)}".encode())
        digest.update(pd.util.hash_pandas_object(known, index=False).to_numpy().tobytes())
    return digest.hexdigest()
