"""What is scored and against what: rows with their labels, the ceiling, a model's predictions."""

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tapeline.candles import bar_numbers
from tapeline.schema import KEYS, LABELS, ROW_KEYS
from tapeline.splits.folds import TimeFold, trained_folds
from tapeline.splits.predictions import read_predictions
from tapeline.store.feature_store import FeatureStore
from tapeline.store.tables import read_tables

FEATURES = "data/features"
Span = tuple[pd.Timestamp, pd.Timestamp]


def read_rows(
    symbols: tuple[str, ...], minutes: int, horizon: int, scored: Span | None = None
) -> pd.DataFrame:
    """All rows of the features: keys, labels, ceiling, past labels; `row` and `bar` say where and when.

    scored : half-open span of open times that a ceiling is needed in; elsewhere it is NaN
    """
    table = FeatureStore(FEATURES).read(symbols, columns=[*KEYS, *LABELS])
    table["row"] = np.arange(len(table))
    table["bar"] = bar_numbers(table["timestamp"], table["timestamp"].min(), minutes)
    ceilings = ceilings_of(table if scored is None else table[is_within(table, scored)], symbols)
    return add_past_labels(table.join(ceilings), horizon)


def is_within(table: pd.DataFrame, span: Span) -> NDArray[np.bool_]:
    """Whether each row opens within the half-open `span`."""
    return np.asarray((table["timestamp"] >= span[0]) & (table["timestamp"] < span[1]))


def ceilings_of(table: pd.DataFrame, symbols: tuple[str, ...]) -> pd.DataFrame:
    """Column `ceiling` of the rows of `table`, the best filter's probability; NaN where none is simulated.

    `ceiling_...` beside it, where the market has them: the same filter's that is given less. In the tests
    `strength_...` too: what is best said of trend strength.
    """
    if not Path("data/candles/ceiling").is_dir():
        return pd.DataFrame({"ceiling": np.nan}, index=table.index)
    span = table["timestamp"].min(), table["timestamp"].max()
    keys = table[ROW_KEYS]
    ceiling = read_tables("data/candles/ceiling", symbols, within=span)
    ceiling = ceiling.rename(columns=lambda name: name if name in ROW_KEYS else f"ceiling_{name}")
    ceiling = ceiling.rename(columns={"ceiling_probability": "ceiling"})
    found = keys.merge(ceiling, on=ROW_KEYS, how="left", validate="one_to_one")
    if Path("data/ceilings").is_dir():
        of_tests = read_tables("data/ceilings", symbols).rename(columns={"window": "ceiling_window"})
        found = found.merge(of_tests, on=ROW_KEYS, how="left", validate="one_to_one")
    return found.drop(columns=ROW_KEYS).set_index(table.index)


def add_predictions(table: pd.DataFrame, network: str, folds: list[TimeFold]) -> pd.DataFrame:
    """Rows of `table` that `network` predicted, with `fold` and `prediction`, in the table's order.

    `fold` is categorical, so that tables by fold have a line for one without a row too.
    """
    predictions = read_predictions(f"data/predictions/{network}.parquet", folds, table)
    predictions["fold"] = pd.Categorical(predictions["fold"], categories=range(len(folds)))
    return table.merge(predictions, on=ROW_KEYS, how="inner", validate="one_to_one")


def read_validation(
    model: str, folds: list[TimeFold], table: pd.DataFrame, is_refit: bool, minutes: int
) -> pd.DataFrame:
    """What every fold's model says of its own validation; a refitted one is of the fold after the last."""
    trained = trained_folds(folds, is_refit, table["timestamp"], minutes)
    return read_predictions(f"data/predictions/{model}_validation.parquet", trained, table, "validation")


def add_past_labels(table: pd.DataFrame, horizon: int) -> pd.DataFrame:
    """Add `past_LABEL`: what the label was `horizon` candles ago, known now; NaN where there is none."""
    past = table.groupby(["symbol", "segment"], observed=True)[list(LABELS)].shift(horizon)
    return table.assign(**{f"past_{label}": past[label] for label in LABELS})
