"""What a model is measured against: rules that learn nothing, and the baselines of the same folds."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tapeline.baselines.kinds import KINDS, file_name
from tapeline.errors import DataError
from tapeline.evaluation.controls import Learned, direction_rules, trend_rules
from tapeline.models.entry import BaselineEntry, EnsembleEntry, ModelEntry
from tapeline.schema import DIRECTION, ROW_KEYS, TREND_STRENGTH
from tapeline.schema import KEYS as STORED_KEYS
from tapeline.scoring.rows import FEATURES, add_past
from tapeline.splits.folds import TimeFold
from tapeline.splits.predictions import read_predictions
from tapeline.store.feature_store import FeatureStore
from tapeline.store.tables import is_scorable

KEYS = [*ROW_KEYS, "fold"]
RULES = {DIRECTION: direction_rules, TREND_STRENGTH: trend_rules}
Predictions = dict[str, NDArray[np.float64]]


def control_predictions(
    table: pd.DataFrame, rows: pd.DataFrame, folds: list[TimeFold], learned: list[Learned], model: ModelEntry
) -> Predictions:
    """What every control of `model` says of `rows`: the rules, by what each fold learned, and the baselines.

    A baseline has the rules alone: it is no control of its own, nor are those that it was chosen among. An
    ensemble has its members too, each of which is simpler than it.
    """
    rules = rule_predictions(rows, learned, model.label)
    if isinstance(model, BaselineEntry):
        return rules
    stored = baseline_files(model.label)
    if isinstance(model, EnsembleEntry):
        stored |= {member.name: member.name for member in model.members}
    return rules | {
        name: stored_predictions(f"data/predictions/{file}.parquet", table, rows, folds)
        for name, file in stored.items()
    }


def learned_of(symbols: tuple[str, ...], label: str, folds: list[TimeFold], horizon: int) -> list[Learned]:
    """What rules know of each fold's training rows; a symbol's rows and a fold's labels are held at once."""
    return [_learned(symbols, label, fold, horizon) for fold in folds]


def _learned(symbols: tuple[str, ...], label: str, fold: TimeFold, horizon: int) -> Learned:
    parts = []
    for symbol in symbols:
        table = FeatureStore(FEATURES).read(symbol, columns=[*STORED_KEYS, label])
        table = add_past(table, [label], horizon)
        table = table[fold.mask(table["timestamp"], "train") & is_scorable(table, label)]
        parts.append(table[[label, f"past_{label}"]].to_numpy(np.float64).T)
    return Learned.of(*np.concatenate(parts, axis=1))


def rule_predictions(rows: pd.DataFrame, learned: list[Learned], label: str) -> Predictions:
    """Predict each fold's `rows` by what its training rows told the rules."""
    predictions: Predictions = {}
    for k, known in enumerate(learned):
        mask = (rows["fold"] == k).to_numpy()
        if not mask.any():
            continue
        for name, values in RULES[label](known, rows.loc[mask, f"past_{label}"].to_numpy()).items():
            predictions.setdefault(name, np.full(len(rows), np.nan))[mask] = values
    return predictions


def baseline_files(label: str) -> dict[str, str]:
    """By kind the file of predictions of every baseline of `label`."""
    return {kind: f"baselines/{file_name(label, kind)}" for kind in KINDS[label]}


def stored_predictions(
    path: str, table: pd.DataFrame, rows: pd.DataFrame, folds: list[TimeFold]
) -> NDArray[np.float64]:
    """Read what a model says of `rows`, (n,); DataError where it has not predicted one."""
    # Of one type, which neither categories of symbols nor of folds need be.
    own, stored = (_plain_keys(each) for each in (rows, read_predictions(path, folds, table)))
    merged = own[KEYS].merge(stored[[*KEYS, "prediction"]], on=KEYS, how="left", validate="one_to_one")
    is_missing = merged["prediction"].isna().to_numpy()
    if is_missing.any():
        symbol, time, fold = merged.loc[is_missing.argmax(), KEYS]
        more = f" (and {is_missing.sum() - 1} more rows)" if is_missing.sum() > 1 else ""
        what = f"{symbol} {time} of fold {fold} is not predicted{more}; run `dvc repro`"
        raise DataError(path, what)
    return merged["prediction"].to_numpy()


def _plain_keys(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(symbol=table["symbol"].astype(str), fold=table["fold"].astype("int64"))
