"""One Parquet file per symbol, read back as one table."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from numpy.typing import NDArray

from tapeline.errors import DataError

COLUMNS_AT_ONCE = 10


def read_table(folder: Path | str, symbol: str, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Read the table of one symbol, or some columns; DataError names the file that is missing or broken."""
    path = Path(folder) / f"{symbol}.parquet"
    try:
        return pd.read_parquet(path, columns=None if columns is None else list(columns))
    except FileNotFoundError:
        there = ", ".join(sorted(p.stem for p in path.parent.glob("*.parquet"))) or "nothing"
        raise DataError(path, f"no such table; {path.parent} holds {there}") from None
    except (OSError, ValueError) as error:
        raise DataError(path, f"not readable as Parquet: {error}") from error


def read_tables(
    folder: Path | str, symbols: tuple[str, ...], columns: Sequence[str] | None = None
) -> pd.DataFrame:
    """Read the tables of `symbols` below each other, a categorical column `symbol` in front."""
    tables = [read_table(folder, symbol, columns) for symbol in symbols]
    sizes = [len(table) for table in tables]
    names = pd.Categorical.from_codes(
        [code for code, size in enumerate(sizes) for _ in range(size)], categories=pd.Index(symbols)
    )
    merged = pd.concat(tables, ignore_index=True)
    merged.insert(0, "symbol", pd.Series(names, index=merged.index))
    return merged


def read_features(folder: Path | str, symbols: tuple[str, ...], names: list[str]) -> NDArray[np.float64]:
    """Features `names` of `symbols` below each other, (N, F), without a second copy of them in memory."""
    sizes = [len(read_table(folder, symbol, ["timestamp"])) for symbol in symbols]
    matrix = np.empty((sum(sizes), len(names)))
    for symbol, size, end in zip(symbols, sizes, np.cumsum(sizes), strict=True):
        for first in range(0, len(names), COLUMNS_AT_ONCE):
            columns = names[first : first + COLUMNS_AT_ONCE]
            chunk = read_table(folder, symbol, columns)[columns]
            matrix[end - size : end, first : first + COLUMNS_AT_ONCE] = chunk
    return matrix


def feature_groups(folder: Path | str, symbol: str) -> dict[str, str]:
    """Group of each feature in the table of `symbol`, in the table's order."""
    declared = json.loads(pq.read_schema(Path(folder) / f"{symbol}.parquet").metadata[b"features"])
    return {feature["name"]: feature["group"] for feature in declared}


def is_scorable(table: pd.DataFrame, label: str) -> NDArray[np.bool_]:
    """Whether each row of feature tables has `label` and a real candle; shape (n,).

    A filled candle repeats an older price: nobody could decide there, so it is not trained on or scored.
    """
    return (table[label].notna() & ~table["is_filled"]).to_numpy()
