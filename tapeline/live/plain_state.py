"""Objects that change, as plain values and arrays, and put back into objects of the same kind: no pickle.

Of each class of `STATES` the attributes that change are taken. What is read is put into objects that this
code makes, by the names of this table: a file can say neither what is made nor what is run.
"""

import json
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.lib.recfunctions import repack_fields
from numpy.typing import NDArray

from tapeline.backtest.engine import TradedMarket
from tapeline.backtest.running import RunningAccount, _Part, _State
from tapeline.evaluation.sequential import Purse
from tapeline.live.figures import Held
from tapeline.live.followed import Followed
from tapeline.live.kept import Kept
from tapeline.live.labels import Closes
from tapeline.live.moments import Moment
from tapeline.live.watch import Watch
from tapeline.trading.paper import PaperAccount

STATES: dict[type, tuple[str, ...]] = {
    Followed: (
        "counts", "latency_us", "equity", "watch", "account", "_learnt", "_candles", "_sides", "_first",
        "_newest", "_oldest", "_day", "_told_day", "_day_equity", "_closing", "_stopped_at",
    ),
    Watch: ("_held", "_closes", "_moments", "_order", "_ended", "calibration"),
    Held: ("purse", "_round", "_values", "recent", "most"),
    Purse: ("_money", "n"),
    Closes: ("_horizon", "_max_fill", "_closes", "_waiting"),
    Moment: ("waiting", "predicted", "labels"),
    PaperAccount: ("_kept", "_account"),
    RunningAccount: ("_trades", "_state", "_last"),
    _State: _State._fields,
    _Part: _Part._fields,
    TradedMarket: ("quotes", "clock", "symbols", "basis"),
    Kept: ("by_symbol", "_newest"),
}  # fmt: skip
NAMES = {kind.__name__: kind for kind in STATES}
LEAST = 32  # items of a sequence from which on it is looked at whether they are alike
NUMBERS: dict[Any, Any] = {int: np.int64, np.int64: np.int64, float: np.float64, np.float64: np.float64}


class Taken:
    """A value as JSON beside the arrays that it names by their number."""

    def __init__(self, value: Any) -> None:
        self.arrays: list[NDArray[Any]] = []
        self.value = self._plain(value)

    def _plain(self, value: Any) -> Any:
        if isinstance(value, np.generic) and value.dtype.names is None:
            value = value.item()
        if value is None or isinstance(value, bool | int | float | str):
            return value
        if isinstance(value, np.ndarray):
            self.arrays.append(value)
            return {"array": len(self.arrays) - 1}
        if type(value) in STATES:
            return {"of": type(value).__name__, "is": [self._plain(each) for each in _values(value)]}
        if isinstance(value, dict):
            pairs = [[self._plain(key), self._plain(each)] for key, each in value.items()]
            return {"counter" if isinstance(value, Counter) else "dict": pairs}
        if isinstance(value, deque):
            return {"deque": self._items(list(value)), "most": value.maxlen}
        if isinstance(value, tuple):
            return {"tuple": [self._plain(each) for each in value]}
        if isinstance(value, list):
            return self._items(value)
        raise TypeError(f"{type(value).__name__} is no part of a state")

    def _items(self, values: list[Any]) -> Any:
        """Items of a sequence: many numbers, or many rows of the same numbers, as columns."""
        kinds = set(map(type, values)) if len(values) >= LEAST else set()
        columns: Iterable[Sequence[Any]]
        names: list[str] | None
        if kinds == {tuple} and len(set(map(len, values))) == 1:
            columns, names = zip(*values, strict=True), None
        elif kinds == {dict} and len(every := set(map(tuple, values))) == 1:
            columns, names = zip(*(each.values() for each in values), strict=True), list(every.pop())
        elif kinds and kinds <= NUMBERS.keys():
            columns, names = iter([values]), []
        else:
            return [self._plain(each) for each in values]
        return self._columns(columns, names) or [self._plain(each) for each in values]

    def _columns(self, columns: Iterable[Sequence[Any]], names: list[str] | None) -> dict[str, Any] | None:
        """Rows by column, if the numbers of each column are of one kind; else None.

        names : keys of the dict that a row is; None: it is a tuple; empty: it is a number
        """
        arrays = []
        for column in columns:
            kinds = {NUMBERS.get(kind) for kind in set(map(type, column))}
            if len(kinds) != 1 or None in kinds:
                return None
            arrays.append(np.array(column, kinds.pop()))
        first = len(self.arrays)
        self.arrays += arrays
        if not arrays:
            return None
        return {"columns": list(range(first, len(self.arrays))), "names": names}


def _values(value: Any) -> list[Any]:
    """What a state holds of an object; of trades those that there are, whatever room was made for more."""
    if isinstance(value, RunningAccount):
        return [value.trades, value._state, value._last]
    return [getattr(value, name) for name in STATES[type(value)]]


class Put:
    """A `Taken` value put back; KeyError, TypeError or ValueError where it is none that this code takes."""

    def __init__(self, value: Any, arrays: list[NDArray[Any]]) -> None:
        self._value, self._arrays = value, arrays

    def into(self, there: Any) -> Any:
        """The value, put into what is `there`, of the same kind, as far as its parts are objects."""
        return self._put(self._value, there)

    def _put(self, value: Any, there: Any = None) -> Any:
        if isinstance(value, list):
            return [self._put(each) for each in value]
        if not isinstance(value, dict):
            return value
        if "array" in value:
            return self._arrays[value["array"]]
        if "columns" in value:
            columns = [self._arrays[number].tolist() for number in value["columns"]]
            names, rows = value["names"], zip(*columns, strict=True)
            if names:
                return [dict(zip(names, row, strict=True)) for row in rows]
            return list(rows) if names is None else columns[0]
        if "tuple" in value:
            return tuple(self._put(each) for each in value["tuple"])
        if "deque" in value:
            return deque(self._put(value["deque"]), maxlen=value["most"])
        if "of" in value:
            return self._object(NAMES[value["of"]], value["is"], there)
        pairs = [(self._put(key), each) for key, each in value["counter" if "counter" in value else "dict"]]
        known = there if isinstance(there, dict) else {}
        made = {key: self._put(each, known.get(key)) for key, each in pairs}
        return Counter(made) if "counter" in value else made

    def _object(self, kind: Any, values: list[Any], there: Any) -> Any:
        names = STATES[kind]
        if there is not None and type(there) is not kind:
            raise TypeError(f"{type(there).__name__} is not {kind.__name__}")
        parts = {
            name: self._put(each, getattr(there, name, None))
            for name, each in zip(names, values, strict=True)
        }
        if issubclass(kind, tuple):
            return kind(**parts)
        made = object.__new__(kind) if there is None else there
        for name, each in parts.items():
            object.__setattr__(made, name, each)
        return made


def bytes_of(value: Any) -> bytes:
    """A state as bytes: equal states have equal ones, whatever lies between the fields of records."""
    taken = Taken(value)
    packed = [repack_fields(each, recurse=True) if each.dtype.names else each for each in taken.arrays]
    arrays = (f"{each.dtype}{each.shape}".encode() + each.tobytes() for each in packed)
    return b"".join([json.dumps(taken.value).encode(), *arrays])
