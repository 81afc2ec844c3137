"""A group of features rotated in time against the rest; no torch in here, so that baselines use it, too."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

MIN_SHARE = 0.25  # of a symbol's rows, the least shift of a group: far beyond any dependence of near rows
Rows = NDArray[np.int64]


def rotation(parts: list[Rows], columns: list[int], seed: int) -> Iterator[tuple[Rows, Rows]]:
    """For each of `parts` its rows, and those that `columns` are taken from: further on by a random share."""
    share = np.random.default_rng([seed, *columns]).uniform(MIN_SHARE, 1 - MIN_SHARE)
    for part in parts:
        yield part, np.roll(part, int(share * len(part)))


def parts_by_symbol(symbol: NDArray[np.int64]) -> list[Rows]:
    """Positions of each symbol's rows; `symbol` (n,) numbers them."""
    return [np.flatnonzero(symbol == number) for number in np.unique(symbol)]


def group_columns(groups: dict[str, str]) -> dict[str, list[int]]:
    """Positions of each group's features; `groups` says each feature's group, in order."""
    columns: dict[str, list[int]] = {}
    for column, group in enumerate(groups.values()):
        columns.setdefault(group, []).append(column)
    return columns


def evenly_spaced(rows: Rows, limit: int) -> Rows:
    """At most `limit` of `rows`, evenly spaced; none for 0, or of no rows."""
    return rows[:: -(-len(rows) // limit)] if limit and len(rows) else rows[:0]
