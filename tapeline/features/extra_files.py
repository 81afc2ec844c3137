"""Files of inputs beyond candles, read into the one form that they are joined in; nothing bad is dropped."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from tapeline.errors import DataError, ParamsError
from tapeline.extra import EVERY, GROUP, KNOWN, SYMBOL, Extra, ExtraParams, Extras
from tapeline.features.params import FeatureParams
from tapeline.params import Params
from tapeline.schema import Symbols

FLOAT32 = float(np.finfo(np.float32).max)  # networks are fed in it
# Of candles, times that open them: known is a candle one length later.
OPENS = frozenset({"timestamp", "time", "date", "datetime", "open_time", "opentime", "open time"})
PRICES = frozenset({"open", "high", "low", "close"})
N_NAMED = 5  # symbols in a message


def read_extras(params: Params, root: Path = Path()) -> list[Extra]:
    """Every table of `data.extra` of the project at `root`, by name; DataError with the first mistake.

    ParamsError where `features.exclude` names a feature that none of them has.
    """
    extras: Extras = params.value("data.extra", Extras)
    exclude = params.section("features", FeatureParams).exclude
    require_excluded(exclude, extras)
    if not extras:
        return []
    folder, symbols = root / params.value("data.extra_path", str), params.value("data.symbols", Symbols)
    tables = [read_extra(folder, name, extras[name], symbols) for name in sorted(extras)]
    return [replace(table, excluded=frozenset(exclude)) for table in tables]


def require_excluded(exclude: Sequence[str], extras: Extras) -> None:
    """Raise ParamsError where `exclude` holds a name like those of `extras` that no table of them has."""
    names = [each for name, table in extras.items() for each in table.features(name)]
    unknown = [name for name in exclude if name.startswith(f"{GROUP}_") and name not in names]
    if unknown:
        there = f"there are {', '.join(names)}" if names else "data.extra is empty"
        raise ParamsError("features.exclude", list(exclude), f"{unknown[0]} is no feature; {there}")


def read_extra(folder: Path, name: str, params: ExtraParams, symbols: Sequence[str]) -> Extra:
    """Read one table; DataError with its first mistake, which says how many rows are at fault."""
    path = folder / params.file
    table = _read(path, name, params)
    for mistake in _mistakes_in(table, params, symbols):
        raise DataError(path, f"data.extra.{name}: {mistake}")
    rows = pd.DataFrame({KNOWN: known_us(table[params.known_at], params.delay_s)})
    rows[SYMBOL] = EVERY if params.symbol is None else table[params.symbol].astype(str)
    for column in params.columns:
        rows[column] = table[column].to_numpy(np.float64)
    own = rows[rows[SYMBOL].isin([*symbols, EVERY])]
    return Extra(name, params, own.sort_values([KNOWN, SYMBOL], kind="stable").reset_index(drop=True))


def left_out(params: Params, extras: Sequence[Extra]) -> list[str]:
    """A line about each table with rows of symbols that the run does not have: they are not used."""
    lines = []
    for extra in extras:
        column = extra.params.symbol
        if column is None:
            continue
        path = Path(params.value("data.extra_path", str)) / extra.params.file
        of = pd.read_parquet(path, columns=[column])[column]
        others = of[~of.isin(params.value("data.symbols", Symbols))]
        if len(others):
            lines.append(
                f"data.extra.{extra.name}: {len(others)} of {len(of)} rows are not used, "
                f"of none of data.symbols: {_listed(others)}"
            )
    return lines


def known_us(times: pd.Series, delay_s: float) -> "pd.Series[int]":
    """From when rows are known, microseconds since 1970; a part of one counts as the whole, never earlier."""
    finer = 1000 if times.dt.unit == "ns" else 1
    unit = "ns" if finer > 1 else "us"
    since_1970 = times.dt.as_unit(unit).to_numpy(f"datetime64[{unit}]").view(np.int64)
    return pd.Series(-(-since_1970 // finer) + math.ceil(delay_s * 1e6), index=times.index)


def _read(path: Path, name: str, params: ExtraParams) -> pd.DataFrame:
    where = f"data.extra.{name}"
    if not path.is_file():
        raise DataError(path, f"{where}: no such file; data.extra_path is the folder, `file` a name in it")
    try:
        names = pq.read_schema(path).names
        chosen = [params.known_at, *([params.symbol] if params.symbol else []), *params.columns]
        absent = [column for column in chosen if column not in names]
        if absent:
            raise DataError(path, f"{where}: no column {', '.join(absent)}; there are {', '.join(names)}")
        is_candles = {column.lower() for column in names} >= PRICES
        if is_candles and params.known_at.lower() in OPENS and not params.delay_s:
            raise DataError(
                path,
                f"{where}: holds candles, and {params.known_at} is when they open: nobody knows them then; "
                "set delay_s to their length in seconds",
            )
        return pd.read_parquet(path, columns=list(dict.fromkeys(chosen)))
    except (pa.ArrowException, OSError) as error:
        raise DataError(path, f"{where}: can't be read: {' '.join(str(error).split())}") from error


def _mistakes_in(table: pd.DataFrame, params: ExtraParams, symbols: Sequence[str]) -> Iterator[str]:
    """What is wrong, a line each, in an order in which a later check may rely on those before."""
    if table.empty:
        yield "has no rows"
    times = table[params.known_at]
    if not isinstance(times.dtype, pd.DatetimeTZDtype):
        yield f"{params.known_at} is of type {times.dtype}, must be times with a zone, as UTC"
    if times.isna().any():
        yield f"{int(times.isna().sum())} rows have no {params.known_at}"
    of = pd.Series(EVERY, index=table.index) if params.symbol is None else table[params.symbol]
    if of.isna().any():
        yield f"{int(of.isna().sum())} rows have no {params.symbol}"
    if params.symbol is not None and (without := [each for each in symbols if not (of == each).any()]):
        yield f"no rows of {', '.join(without)}; there are {_listed(of)}"
    known = known_us(times, params.delay_s)
    is_twice = pd.DataFrame({KNOWN: known, SYMBOL: of}).duplicated()
    if is_twice.any():
        first = times[is_twice].iloc[0]
        yield f"{int(is_twice.sum())} rows are of the same symbol and time as one before, first {first}"
    is_back = known.groupby(of.astype(str)).diff() < 0
    if is_back.any():
        first = times[is_back].iloc[0]
        yield f"{int(is_back.sum())} rows are earlier than the one before, first {first}; sort them"
    for column, kind in params.columns.items():
        yield from _mistakes_of(table[column], column, kind)


def _mistakes_of(values: pd.Series, column: str, kind: str) -> Iterator[str]:
    if not pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values):
        yield f"{column} is of type {values.dtype}, must be numbers"
    numbers = values.to_numpy(np.float64, na_value=np.nan)
    is_bad = ~(np.abs(numbers) <= FLOAT32)
    if is_bad.any():
        first = int(np.argmax(is_bad)) + 1
        yield f"{int(is_bad.sum())} rows have no finite {column} of 32 bits, the first is row {first}"
    if kind == "price" and (numbers <= 0).any():
        yield f"{int((numbers <= 0).sum())} rows have a {column} that is no price above 0"


def _listed(names: "pd.Series[str]") -> str:
    shown = sorted({str(name) for name in names})
    return ", ".join(shown[:N_NAMED]) + (f" and {len(shown) - N_NAMED} more" if len(shown) > N_NAMED else "")
