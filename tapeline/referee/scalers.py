"""Scalers as models hold them, against the stored features of the rows that they may be fitted on."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tapeline.referee.candles import SymbolCandles, within
from tapeline.referee.findings import Findings, Place
from tapeline.referee.folds import Parts

TOLERANCE = 1e-8  # standard deviations; a row more or less moves a mean by a millionth and more
EQUAL = 1e-12  # a deviation of this share of the mean, or less, is rounding of equal numbers: only centred

# From a symbol and features to those columns of its stored table, (n,) each in the order of the table's rows.
ReadColumns = Callable[[str, Sequence[str]], Mapping[str, NDArray[np.floating]]]


def check_scalers(
    models: list[tuple[str, int, Mapping[str, Any]]],
    features: Sequence[str],
    folds: list[Parts],
    market: list[SymbolCandles],
    read_columns: ReadColumns,
    findings: Findings,
) -> None:
    """Mean and deviation of `features` over the training rows, of all symbols together, and no others.

    models : name, position of the fold, and the model's record with `features` and `scaler`. All
    columns that are asked for are held.
    """
    is_row = [
        [within(candles.time[candles.has_features], parts.train) for candles in market] for parts in folds
    ]
    tables = [read_columns(candles.symbol, features) for candles in market]
    for feature in features:
        columns = [table[feature] for table in tables]
        if any(len(column) != mask.size for column, mask in zip(columns, is_row[0], strict=True)):
            return  # rows that differ are told of already
        fitted = [_fit([c[mask] for c, mask in zip(columns, masks, strict=True)]) for masks in is_row]
        for name, fold, model in models:
            if feature in model["features"]:
                at = model["features"].index(feature)
                mean, deviation = fitted[fold]
                told = (model["scaler"][key][at] for key in ("mean", "std"))
                for what, value, own in zip(("mean", "deviation"), told, (mean, deviation), strict=True):
                    off = abs(value - own) / deviation if deviation else np.inf
                    text = f"{name}'s {what} of {feature}"
                    findings.hold("scalers", text, off <= TOLERANCE, value, own, Place(fold))


def _fit(parts: list[NDArray[np.floating]]) -> tuple[float, float]:
    values = np.concatenate(parts, dtype=np.float64)
    if not values.size:
        return np.nan, np.nan
    mean, deviation = float(values.mean()), float(values.std())
    return mean, 1.0 if deviation <= EQUAL * abs(mean) else deviation
