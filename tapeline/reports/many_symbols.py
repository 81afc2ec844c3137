"""Tables by symbol that stay readable: of many symbols the best and worst, and what lies between."""

from collections.abc import Mapping
from typing import Any

import numpy as np

MOST, EACH = 12, 10  # shown whole; else so many from either end
QUARTILES = {"a quarter is below": 0.25, "median": 0.5, "a quarter is above": 0.75}
Record = Mapping[str, Any]


def few(records: Mapping[str, Record], key: str) -> dict[str, Record]:
    """`records` by symbol as they are, or those with the highest and lowest `key`, then quartiles of all.

    Symbols whose `key` is not defined come after the others. A quartile is of each figure by itself.
    """
    if len(records) <= MOST:
        return dict(records)
    known = [symbol for symbol, record in records.items() if _is_number(record.get(key))]
    ranked = sorted(known, key=lambda symbol: -records[symbol][key])
    ranked += [symbol for symbol in records if symbol not in known]
    ends = ranked if len(ranked) <= 2 * EACH else ranked[:EACH] + ranked[-EACH:]
    columns = list(next(iter(records.values())))
    return {symbol: records[symbol] for symbol in ends} | {
        f"{name}, of {len(records)}": {column: _quantile(records, column, share) for column in columns}
        for name, share in QUARTILES.items()
    }


def told_of_few(records: Mapping[str, Record], word: str) -> str:
    """What a table's caption says of symbols that it leaves out; nothing where it has all."""
    if len(records) <= 2 * EACH:
        return ""
    return f"; of {len(records)} the {EACH} with the highest and the {EACH} with the lowest {word}"


def _quantile(records: Mapping[str, Record], column: str, share: float) -> float | None:
    values: list[Any] = [record.get(column) for record in records.values()]
    return float(np.quantile(values, share)) if all(map(_is_number, values)) else None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and bool(np.isfinite(value))
