"""One file's table as a sheet: columns identified, times and numbers read, candles still open left out."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tapeline.candles import are_disordered
from tapeline.errors import DataError
from tapeline.market.cells import decode, read_numbers
from tapeline.market.columns import (
    Columns,
    check_open,
    find_closed,
    match_names,
    match_positions,
    read_symbol,
    rename,
)
from tapeline.market.layouts import name_columns
from tapeline.market.time_columns import join_date_and_time, read_time
from tapeline.schema import OHLCV, PRICES

NUMBERS = (*OHLCV, "vwap", "turnover")
N_SAMPLED = 300  # rows that show what the columns beside the candle's are
MEAN_SLACK = 0.01  # of the price, that a mean price may leave low..high by where volumes are rounded


@dataclass(frozen=True)
class Sheet:
    """One file's rows with times and numbers read, columns perhaps not yet identified.

    `times` (rows,) in UTC, `numbers` (rows, columns) in the file's order; `orders` gives, by each layout that
    header or width allow, which of the numbers is what; `rows` (rows,) counts the file's data rows from 1;
    `symbol` as a column of that name says, None without one; `unfinished` candles were left out. `beside` has
    the other columns by name in a sample of rows, NaN for what is no number; its index is their positions.
    """

    name: str
    orders: dict[str, dict[str, int]]
    has_header: bool
    times: pd.Series
    numbers: NDArray[np.float64]
    rows: NDArray[np.int64]
    symbol: str | None = None
    unfinished: int = 0
    beside: pd.DataFrame = field(default_factory=pd.DataFrame)

    def values(self, layout: str) -> NDArray[np.float64]:
        """Return open, high, low, close, volume (rows, 5) as `layout` orders them."""
        return self.numbers[:, [self.orders[layout][part] for part in OHLCV]]

    def arrange(self, layout: str) -> pd.DataFrame:
        """Return timestamp, open, high, low, close, volume as `layout` orders them."""
        table = pd.DataFrame(self.values(layout), columns=list(OHLCV))
        table.insert(0, "timestamp", self.times)
        return table

    def contradictions(self, layout: str) -> NDArray[np.bool_]:
        """Mark the rows (rows,) whose open, close or mean price leaves low..high under `layout`."""
        open_, high, low, close, volume = self.values(layout).T
        is_wrong: NDArray[np.bool_]
        is_wrong = are_disordered(open_, high, low, close)
        order = self.orders[layout]
        for part in {"vwap", "turnover"} & set(order):
            mean = self.numbers[:, order[part]]
            with np.errstate(divide="ignore", invalid="ignore"):
                mean = mean / volume if part == "turnover" else mean
            is_wrong |= (volume > 0) & (np.abs(mean - np.clip(mean, low, high)) > MEAN_SLACK * high)
        return is_wrong


def read_sheet(
    name: str,
    table: pd.DataFrame,
    has_header: bool,
    symbol: str = "",
    columns: Columns | None = None,
    zone: str | None = None,
) -> Sheet:
    """Find time and numbers in `table`, a file `name` of `symbol`, by its header or by their position.

    `columns` names those that the layouts don't have; `zone` is that of times without one.
    """
    if table.empty:
        raise DataError(name, "holds no row")
    named = name_columns(list(table.columns)) if has_header else []
    table, named = join_date_and_time(table, named)
    if columns:
        named = rename(name, table, named, columns)
    orders = match_names(name, table, named, symbol) if named else match_positions(name, table)
    first = next(iter(orders.values()))
    names = named or ["?"] * table.shape[1]
    times = read_time(name, table, names, first["timestamp"], zone)
    check_open(name, table, named, first["timestamp"])
    places = sorted({place for order in orders.values() for part, place in order.items() if part in NUMBERS})
    numbers = np.column_stack([read_numbers(name, table.iloc[:, place]) for place in places])
    is_closed = find_closed(name, table, named, first)
    used = {
        place for order in orders.values() for part, place in order.items() if part in ("timestamp", *PRICES)
    }
    return Sheet(
        name=name,
        orders={
            layout: {part: places.index(place) for part, place in order.items() if part in NUMBERS}
            for layout, order in orders.items()
        },
        has_header=has_header,
        times=times if is_closed.all() else times[is_closed].reset_index(drop=True),
        numbers=numbers if is_closed.all() else numbers[is_closed],
        rows=np.flatnonzero(is_closed) + 1,
        symbol=read_symbol(name, table, named),
        unfinished=int((~is_closed).sum()),
        beside=_sample(table, [i for i in range(table.shape[1]) if i not in used], np.flatnonzero(is_closed)),
    )


def _sample(table: pd.DataFrame, places: list[int], rows: NDArray[np.int64]) -> pd.DataFrame:
    """Return the columns at `places` as numbers in N_SAMPLED of the `rows` of `table`, all over them."""
    positions = np.unique(np.linspace(0, len(rows) - 1, N_SAMPLED).astype("int64")) if len(rows) else rows
    cells = {str(table.columns[place]): decode(table.iloc[rows[positions], place]) for place in places}
    numbers = {
        label: pd.to_numeric(column, errors="coerce").to_numpy("float64", na_value=np.nan)
        for label, column in cells.items()
    }
    return pd.DataFrame(numbers, index=positions)
