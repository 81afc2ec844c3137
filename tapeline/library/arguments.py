"""Arguments of the library's functions, checked as params.yaml is: what, the value, what to do."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tapeline.errors import ArgumentError, ParamsError
from tapeline.params import AnySection, Params


def read_arguments(model: type[AnySection], values: object, name: str = "") -> AnySection:
    """Read `values`, a mapping, as a section of params.yaml; ArgumentError names the first wrong key.

    `name` is the argument that holds the mapping; empty where its keys are arguments themselves.
    """
    if not isinstance(values, Mapping):
        raise ArgumentError(f"{name} is a {type(values).__name__}: must be a mapping of names to values")
    try:
        return Params({"arguments": dict(values)}).section("arguments", model)
    except ParamsError as error:
        message = str(error).removeprefix("params.yaml: arguments.")
        raise ArgumentError(f"{name}.{message}" if name else message) from None


def require_columns(table: object, columns: Sequence[str], name: str) -> pd.DataFrame:
    """Return `table` if it is a DataFrame with rows and all `columns`; ArgumentError says what it lacks."""
    if not isinstance(table, pd.DataFrame):
        raise ArgumentError(f"{name} is a {type(table).__name__}: must be a pandas DataFrame")
    missing = [column for column in columns if column not in table.columns]
    if missing:
        raise ArgumentError(f"{name} has no column {missing[0]}: must hold {', '.join(columns)}")
    if not len(table):
        raise ArgumentError(f"{name} has no rows")
    return table


def times_of(table: pd.DataFrame, column: str, name: str) -> pd.DatetimeIndex:
    """Times of a column in UTC, (n,); ArgumentError if they are no times, have no zone or are missing."""
    values = table[column]
    if not isinstance(values.dtype, pd.DatetimeTZDtype):
        raise ArgumentError(
            f"{name}: {column} is of dtype {values.dtype}: must be times with a zone, as of "
            "pd.to_datetime(..., utc=True)"
        )
    _refuse(values.isna().to_numpy(), table, column, name, "must be a time")
    return pd.DatetimeIndex(values).tz_convert("UTC").as_unit("us")


def numbers_of(
    table: pd.DataFrame, column: str, name: str, low: float = -np.inf, high: float = np.inf
) -> NDArray[np.float64]:
    """Finite numbers of a column from `low` to `high`, (n,); ArgumentError names the first that is none."""
    values = pd.to_numeric(table[column], errors="coerce").to_numpy(np.float64)
    bounds = [f"at least {low:g}"] * (low > -np.inf) + [f"at most {high:g}"] * (high < np.inf)
    rule = " ".join(["must be a finite number", " and ".join(bounds)]).strip()
    _refuse(~np.isfinite(values) | ~((values >= low) & (values <= high)), table, column, name, rule)
    return values


def _refuse(is_bad: NDArray[np.bool_], table: pd.DataFrame, column: str, name: str, rule: str) -> None:
    if is_bad.any():
        row = int(np.argmax(is_bad))
        raise ArgumentError(f"{name}, row {row}: {column} is {_shown(table[column].iloc[row])}: {rule}")


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else f"{value}"
