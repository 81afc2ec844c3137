"""What is scored and against what: rows with their labels, the ceiling, a model's predictions."""

from pathlib import Path

import numpy as np
import pandas as pd

from tapeline.candles import bar_numbers
from tapeline.schema import KEYS, LABELS, ROW_KEYS
from tapeline.splits.folds import TimeFold, trained_folds
from tapeline.splits.predictions import read_predictions
from tapeline.store.feature_store import FeatureStore
from tapeline.store.tables import read_tables

FEATURES = "data/features"


def read_rows(symbols: tuple[str, ...], minutes: int, horizon: int) -> pd.DataFrame:
    """All rows of the features: keys, labels, ceiling, past labels; `row` and `bar` say where and when."""
    table = FeatureStore(FEATURES).read(symbols, columns=[*KEYS, *LABELS])
    table["row"] = np.arange(len(table))
    table["bar"] = bar_numbers(table["timestamp"], table["timestamp"].min(), minutes)
    return add_past_labels(add_ceiling(table, symbols), horizon)


def add_ceiling(table: pd.DataFrame, symbols: tuple[str, ...]) -> pd.DataFrame:
    """Add column `ceiling`, the best filter's probability; NaN where the market is not simulated.

    `ceiling_...` beside it, where the market has them: the same filter's that is given less. In the tests
    `strength_...` too: what is best said of trend strength.
    """
    if not Path("data/candles/ceiling").is_dir():
        return table.assign(ceiling=np.nan)
    ceiling = read_tables("data/candles/ceiling", symbols)
    ceiling = ceiling.rename(columns=lambda name: name if name in ROW_KEYS else f"ceiling_{name}")
    ceiling = ceiling.rename(columns={"ceiling_probability": "ceiling"})
    table = table.merge(ceiling, on=ROW_KEYS, how="left", validate="one_to_one")
    if not Path("data/ceilings").is_dir():
        return table
    of_tests = read_tables("data/ceilings", symbols).rename(columns={"window": "ceiling_window"})
    return table.merge(of_tests, on=ROW_KEYS, how="left", validate="one_to_one")


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
