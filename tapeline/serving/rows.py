"""The newest rows of scaled features by symbol: one is written where the last ended, and nothing is moved."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
ROOM = 4  # windows; once they are full the last one moves to new ones


class _Room(NamedTuple):
    """Where rows of a symbol are written: all of it, the rows that were written last, and how far."""

    storage: Array
    newest: Array
    stop: int


class Rows:
    """Up to `length` rows (n, F) a symbol, the newest last.

    What was read of a symbol stays as it was, whatever is added later: nothing is written over.
    """

    def __init__(self, length: int) -> None:
        self._length = length
        self._rows: dict[str, Array] = {}
        self._rooms: dict[str, _Room] = {}

    def get(self, symbol: str) -> Array | None:
        """The rows of a symbol; None where there are none."""
        return self._rows.get(symbol)

    def put(self, symbol: str, rows: Array | None) -> None:
        """Have these rows, of those that were read, be all that there is of a symbol; None: none."""
        if rows is None:
            self._rows.pop(symbol, None)
        else:
            self._rows[symbol] = rows

    def add(self, symbol: str, row: Array) -> None:
        """Add the next row (F,) of a symbol."""
        kept, room = self._rows.get(symbol), self._rooms.get(symbol)
        if room is None or kept is not room.newest or room.stop == len(room.storage):
            room = self._new_room(kept, len(row))
        storage, _, stop = room
        storage[stop] = row
        newest = storage[max(0, stop + 1 - self._length) : stop + 1]
        self._rows[symbol], self._rooms[symbol] = newest, _Room(storage, newest, stop + 1)

    def _new_room(self, kept: Array | None, n_columns: int) -> _Room:
        storage = np.empty((ROOM * self._length, n_columns), np.float32)
        if kept is None:
            return _Room(storage, storage[:0], 0)
        storage[: len(kept)] = kept
        return _Room(storage, storage[: len(kept)], len(kept))
