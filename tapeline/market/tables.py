"""One Parquet file a symbol, read back as one table."""

from pathlib import Path

import pandas as pd

from tapeline.errors import DataError


def read_table(folder: Path | str, symbol: str) -> pd.DataFrame:
    """Read the table of one symbol; DataError names the file that is missing or broken."""
    path = Path(folder) / f"{symbol}.parquet"
    try:
        return pd.read_parquet(path)
    except FileNotFoundError:
        there = ", ".join(sorted(p.stem for p in path.parent.glob("*.parquet"))) or "nothing"
        raise DataError(path, f"no such table; {path.parent} holds {there}") from None
    except (OSError, ValueError) as error:
        raise DataError(path, f"not readable as Parquet: {error}") from error


def read_tables(folder: Path | str, symbols: tuple[str, ...]) -> pd.DataFrame:
    """Read the tables of `symbols` below each other, a categorical column `symbol` in front."""
    tables = [read_table(folder, symbol) for symbol in symbols]
    sizes = [len(table) for table in tables]
    names = pd.Categorical.from_codes(
        [code for code, size in enumerate(sizes) for _ in range(size)], categories=list(symbols)
    )
    merged = pd.concat(tables, ignore_index=True)
    merged.insert(0, "symbol", names)
    return merged
