"""What is scored and against what: rows with their labels, the ceiling, a model's predictions."""

from collections.abc import Sequence
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
    symbols: tuple[str, ...],
    minutes: int,
    horizon: int,
    since: pd.Timestamp | None = None,
    scored: Span | None = None,
) -> pd.DataFrame:
    """Rows of the features: keys, labels, ceiling, past labels; `bar` counts from the first row of all.

    since : the first open time that is asked for, None: all
    scored : half-open span of open times that a ceiling is needed in; elsewhere it is NaN
    """
    store = FeatureStore(FEATURES)
    # What a label was is known `horizon` candles on: they lie before the first row that is asked for.
    begin = None if since is None else since - pd.Timedelta(minutes=horizon * minutes)
    table = add_past(store.read(symbols, begin, columns=[*KEYS, *LABELS]), LABELS, horizon)
    if since is not None:
        table = table[table["timestamp"] >= since].reset_index(drop=True)
    table["bar"] = bar_numbers(table["timestamp"], first_row(store, symbols), minutes)
    return table.join(ceilings_of(table if scored is None else table[is_within(table, scored)], symbols))


def first_row(store: FeatureStore, symbols: tuple[str, ...]) -> pd.Timestamp:
    """Open time of the first row of any symbol; NaT where none has one."""
    return pd.to_datetime(pd.Series([store.extent(symbol)["first"] for symbol in symbols]), utc=True).min()


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


def add_past(table: pd.DataFrame, labels: Sequence[str], horizon: int) -> pd.DataFrame:
    """Add `past_LABEL`: what the label was `horizon` candles ago, known now; NaN where there is none."""
    past = table.groupby(["symbol", "segment"], observed=True)[list(labels)].shift(horizon)
    return table.assign(**{f"past_{label}": past[label] for label in labels})
