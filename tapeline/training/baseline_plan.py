"""What the baselines of every fold learn from: the rows that a network has, thinned, and nothing else."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tapeline.baselines.kinds import KINDS, file_name
from tapeline.baselines.params import BaselineParams, Context, ImportanceRows
from tapeline.errors import SplitError
from tapeline.nets.rotation import group_columns
from tapeline.nets.windows import has_context
from tapeline.params import Params
from tapeline.row_records import FittedRows, RowRecord, row_record
from tapeline.schema import (
    INTERVAL_MINUTES,
    KEYS,
    LABELS,
    FilledShare,
    Horizon,
    Interval,
    Refit,
    Symbols,
)
from tapeline.splits.folds import TimeFold, read_folds, scaler_rows, trained_folds
from tapeline.stage import run_folder
from tapeline.store.feature_store import FeatureStore
from tapeline.store.matrix import map_matrix
from tapeline.store.tables import is_scorable
from tapeline.training.provenance import provenance

CODE = "tapeline.training.baselines", "train_baselines"  # what is run, by name: it imports this module
REFIT = "refit"  # as a network's model that is trained up to the end


@dataclass(frozen=True)
class BaselineRows:
    """Row positions, ascending; training and validation purged.

    part : of the training part, that the scaler is fitted on; train : those of them that are learned from
    validation : with a whole window and a label; test : with a whole window
    """

    part: NDArray[np.int64]
    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    test: NDArray[np.int64]


@dataclass(frozen=True)
class BaselineJob:
    """One baseline of one fold: the fold's position and name, what is predicted, by which kind."""

    position: int
    fold: str
    label: str
    kind: str
    rows: BaselineRows

    def __str__(self) -> str:
        """As messages call it."""
        return f"{self.fold} {self.name}"

    @property
    def name(self) -> str:
        """Of its folder of models and its file of predictions."""
        return file_name(self.label, self.kind)


@dataclass(frozen=True)
class BaselinePlan:
    """All that the baselines begin with.

    keys : of all rows, with their labels; features : (N, F), called `names`
    contract : what every model's JSON says
    columns : of each group of features; importance_rows : test rows of a fold on which a group is rotated
    """

    params: BaselineParams
    keys: pd.DataFrame
    features: NDArray[np.float32]
    contract: dict[str, Any]
    jobs: tuple[BaselineJob, ...]
    columns: dict[str, list[int]]
    importance_rows: int

    def record_rows(self, job: BaselineJob) -> FittedRows:
        """The rows of `job` as a record, which the referee derives anew."""
        labels = self.keys[job.label].to_numpy()
        rows = job.rows
        return FittedRows(
            scaled=self._by_symbol(rows.part),
            trained=self._by_symbol(rows.train, labels[rows.train]),
            chosen=self._by_symbol(rows.validation),
        )

    def span(self, job: BaselineJob) -> dict[str, list[str]]:
        """Open times of the first and last row of each part that has rows."""
        times, rows = self.keys["timestamp"], job.rows
        parts = {"train": rows.part, "validation": rows.validation, "test": rows.test}
        return {
            part: [times.iloc[of].min().isoformat(), times.iloc[of].max().isoformat()]
            for part, of in parts.items()
            if of.size
        }

    def _by_symbol(
        self, rows: NDArray[np.int64], labels: NDArray[np.float64] | None = None
    ) -> dict[str, RowRecord]:
        times = self.keys["timestamp"].to_numpy("datetime64[us]").view(np.int64)[rows]
        symbols = self.keys["symbol"].cat.codes.to_numpy()[rows]
        records = {}
        for number, symbol in enumerate(self.keys["symbol"].cat.categories):
            mask = symbols == number
            records[symbol] = row_record(times[mask], None if labels is None else labels[mask])
        return records


def plan_baselines(params: Params) -> BaselinePlan:
    """Read params, feature tables and folds, and say what is to be fitted on what."""
    baselines = params.section("baselines", BaselineParams)
    symbols = params.value("data.symbols", Symbols)
    interval = params.value("data.interval", Interval)
    store = FeatureStore("data/features")
    groups = store.schema(symbols[0]).groups
    names = list(groups)
    keys = store.read(symbols, columns=[*KEYS, *LABELS])
    context = {
        "sequence_length": params.value("train.sequence_length", Context),
        "minimum_context": params.value("train.minimum_context", Context),
    }
    contract = {
        "horizon": params.value("labels.horizon", Horizon),
        "interval": interval,
        "context": context | {"reach": 1},
        "features": names,
        "made_from": provenance(symbols, [CODE]),
    }
    is_refit = params.value("promotion.refit", Refit) == "all"
    minutes = INTERVAL_MINUTES[interval]
    folds = trained_folds(read_folds("data/splits.json"), is_refit, keys["timestamp"], minutes)
    max_filled_share = params.value("data.max_filled_share", FilledShare)
    masks = window_masks(keys, **context, max_filled_share=max_filled_share)
    jobs = []
    for k, fold in enumerate(folds):
        name = REFIT if is_refit and k == len(folds) - 1 else f"fold_{k}"
        for label, kinds in KINDS.items():
            rows = baseline_rows(fold, keys, label, masks, baselines)
            require_rows(f"baselines of {label} {name}", rows)
            jobs += [BaselineJob(k, name, label, kind, rows) for kind in kinds]
    return BaselinePlan(
        baselines, keys, map_matrix(store, symbols, names, run_folder()), contract, tuple(jobs),
        group_columns(groups), params.value("train.importance_rows", ImportanceRows),
    )  # fmt: skip


def window_masks(
    keys: pd.DataFrame, sequence_length: int, minimum_context: int, max_filled_share: float
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Whether each row of `keys` has candles enough behind it to be learned from, and to be predicted."""
    segment = np.asarray(keys.groupby(["symbol", "segment"], observed=True).ngroup(), dtype=np.int64)
    filled = keys["is_filled"].to_numpy()
    trainable, predictable = (
        has_context(segment, filled, sequence_length, least, max_filled_share)
        for least in (minimum_context, sequence_length)
    )
    return trainable, predictable


def baseline_rows(
    fold: TimeFold,
    keys: pd.DataFrame,
    label: str,
    masks: tuple[NDArray[np.bool_], NDArray[np.bool_]],
    params: BaselineParams,
) -> BaselineRows:
    """Rows of a fold as a network has them, every n-th of its training: `stride`, or more beyond `rows`."""
    trainable, predictable = masks
    has_label = is_scorable(keys, label)
    train, validation, test = (fold.mask(keys["timestamp"], part) for part in ("train", "validation", "test"))
    learned = np.flatnonzero(train & trainable & has_label)
    return BaselineRows(
        part=scaler_rows(fold, keys["timestamp"]),
        train=learned[:: max(params.stride, math.ceil(learned.size / params.rows))],
        validation=np.flatnonzero(validation & predictable & has_label),
        test=np.flatnonzero(test & predictable),
    )


def require_rows(title: str, rows: BaselineRows) -> None:
    """Raise SplitError naming a part without rows; a test may have none."""
    for part in ("part", "train", "validation"):
        if getattr(rows, part).size == 0:
            raise SplitError(f"{title}: no candle in {part} with train.sequence_length candles up to it")
