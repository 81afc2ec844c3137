"""The last real candles of each symbol, by which a stream warms up anew."""

from collections import deque
from collections.abc import Iterator
from itertools import groupby
from typing import Any

Row = dict[str, Any]  # `timestamp`, the open time in microseconds, and OHLCV


class Kept:
    """Up to `n` candles of each symbol, and how far what is recorded of it goes."""

    def __init__(self, n: int) -> None:
        self._n = n
        self.by_symbol: dict[str, deque[Row]] = {}
        self._newest: dict[str, int] = {}

    def resize(self, n: int) -> None:
        """Keep `n` from now on."""
        self._n = n
        self.by_symbol = {symbol: deque(rows, maxlen=n) for symbol, rows in self.by_symbol.items()}

    def add(self, symbol: str, row: Row) -> None:
        """Keep a candle, if it is after the last of its symbol."""
        if symbol not in self.by_symbol:
            self.by_symbol[symbol] = deque(maxlen=self._n)
        rows = self.by_symbol[symbol]
        if not rows or row["timestamp"] > rows[-1]["timestamp"]:
            rows.append(row)
        self.note(symbol, row["timestamp"])

    def note(self, symbol: str, time: int) -> None:
        """Note that a candle of that open time was answered, though it can't be used."""
        self._newest[symbol] = max(self._newest.get(symbol, 0), time)

    def newest(self, symbol: str) -> int | None:
        """Open time of the newest candle that is known of; None before there is one."""
        return self._newest.get(symbol)

    def at(self, symbol: str, time: int) -> Row | None:
        """The candle that opened then, if it is kept."""
        return next((row for row in self.by_symbol.get(symbol, ()) if row["timestamp"] == time), None)

    def bars(self) -> Iterator[list[tuple[str, Row]]]:
        """All that is kept, in step: the candles of a bar together, symbols in the order they came in."""
        rows = [
            (row["timestamp"], k, symbol, row)
            for k, (symbol, kept) in enumerate(self.by_symbol.items())
            for row in kept
        ]
        rows.sort(key=lambda each: each[:2])
        for _, bar in groupby(rows, key=lambda each: each[0]):
            yield [(symbol, row) for _, _, symbol, row in bar]
