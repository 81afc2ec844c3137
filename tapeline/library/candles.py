"""Own candles: checked and filled as by ingest, but bad ones are an error, never repaired in silence."""

from collections.abc import Mapping

import pandas as pd

from tapeline.errors import ArgumentError
from tapeline.library.arguments import numbers_of, read_arguments, require_columns, times_of
from tapeline.market.cleaning import clean
from tapeline.market.data_params import RepairParams
from tapeline.market.intervals import check_longer
from tapeline.market.raw import RawCandles
from tapeline.schema import OHLCV


def require_tables(candles: object) -> Mapping[str, pd.DataFrame]:
    """Return `candles` if it is a mapping with an entry at least; ArgumentError says what it must be."""
    if not isinstance(candles, Mapping):
        problem = f"candles is a {type(candles).__name__}"
        raise ArgumentError(f"{problem}: must be a mapping of symbols to DataFrames")
    if not candles:
        raise ArgumentError("candles is empty: must be a mapping of symbols to DataFrames")
    return candles


def canonical_candles(
    candles: object, *, interval: str, max_fill: int, name: str = "candles"
) -> pd.DataFrame:
    """Canonical candles (`schema.CANDLE_TYPES`) of a table of `timestamp`, open, high, low, close, volume.

    `timestamp` is the candle's open, with a zone. Rows are sorted; up to `max_fill` missing candles are
    filled flat with zero volume and marked, a longer gap begins a new segment. Candles that came filled, by
    a column `is_filled`, are filled anew. ArgumentError or DataError name what is no candle of `interval`.
    """
    params = read_arguments(
        RepairParams, {"interval": interval, "max_fill": max_fill, "max_rejected_share": 0.0}
    )
    table = require_columns(candles, ("timestamp", *OHLCV), name)
    if "is_filled" in table.columns:
        table = require_columns(table[~table["is_filled"].astype(bool)], OHLCV, name)
    columns = {column: numbers_of(table, column, name) for column in OHLCV}
    rows = pd.DataFrame({"timestamp": times_of(table, "timestamp", name), **columns})
    check_longer([(name, rows["timestamp"])], params.interval, f"interval is {interval}")
    if rows["timestamp"].duplicated().any():
        twice = rows["timestamp"][rows["timestamp"].duplicated()].iloc[0]
        raise ArgumentError(f"{name}: {twice} is there more than once: must be one row per time and symbol")
    return clean(RawCandles.from_table(rows, name), params).candles
