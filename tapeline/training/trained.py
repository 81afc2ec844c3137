"""What is left of a trained fold, and what a training stage writes of all of them, whole, at the end."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tapeline.nets.folds import FoldResult, FoldRows, TrainingTable, UsedRows
from tapeline.nets.importance import shifted_predictions
from tapeline.nets.models import Description, save_model
from tapeline.nets.network import Network
from tapeline.nets.params import TrainParams
from tapeline.nets.prediction import as_array
from tapeline.nets.rotation import evenly_spaced
from tapeline.nets.scaler import Scaler
from tapeline.nets.tracking import losses_of, write_history
from tapeline.outputs import whole_folder, write_csv, write_json, write_table
from tapeline.row_records import LearnedRows, RowRecord, StartRows, row_record
from tapeline.schema import ROW_KEYS
from tapeline.training.histories import told_of
from tapeline.training.starts import Begun


@dataclass(frozen=True)
class TrainedFold:
    """What is left of a fold's training, on the CPU.

    calibration : as a record for JSON
    history : epochs of all members, one member after the other
    losses : validation log loss before and after calibration
    skill : what the network takes off a constant's log loss on validation, as `skill_figures` says
    validation, test : (n,) calibrated predictions of the rows of these parts, in order
    shifted : by group of features, predictions of some test rows with that group's columns rotated in time
    used : the rows that it was trained with
    """

    net: Network
    scaler: Scaler
    calibration: dict[str, Any]
    history: list[dict[str, Any]]
    losses: tuple[float, float]
    skill: dict[str, Any]
    effective_labels: float
    validation: NDArray[np.float64]
    test: NDArray[np.float64]
    shifted: dict[str, NDArray[np.float64]]
    used: UsedRows


def trained_fold(
    result: FoldResult,
    rows: FoldRows,
    table: TrainingTable,
    columns: dict[str, list[int]],
    params: TrainParams,
) -> TrainedFold:
    """Predict with a trained fold, and let go of the table that it holds.

    columns : of each group of features, whose worth is what test predictions lose without them
    """
    predictor, some = result.predictor, evenly_spaced(rows.test, params.importance_rows)
    shifted = {}
    if some.size:
        shifted = shifted_predictions(predictor, some, rows.test, table.symbol, columns, params.seed)
    validation = as_array(predictor.calibration(result.validation_logits))
    test = predictor(rows.test) if rows.test.size else np.empty(0)
    net, scaler = predictor.net.cpu(), result.scaler
    return TrainedFold(
        net, scaler, result.calibration, result.history, result.losses, result.skill,
        result.effective_labels, validation, test, shifted, result.used,
    )  # fmt: skip


class TrainingOutputs:
    """Models, predictions of validation and test, histories and a summary of every fold.

    contract : what the models' JSON says beside the context; table : keys of all rows
    """

    def __init__(
        self, contract: dict[str, Any], keys: pd.DataFrame, table: TrainingTable, train: TrainParams
    ) -> None:
        self._contract, self._row_keys, self._table, self._train = contract, keys, table, train
        # By name: fold_0, fold_1..., refit.
        self._models: dict[str, tuple[Network, Scaler, dict[str, Any], Description]] = {}
        self._histories: dict[str, list[dict[str, Any]]] = {}
        self._predictions: dict[str, list[pd.DataFrame]] = {"": [], "_validation": [], "_shifted": []}
        self._summary: dict[str, dict[str, Any]] = {"folds": {}, "symbols": {}, "rows": {}}

    def add(
        self, name: str, rows: FoldRows, trained: TrainedFold, begun: Begun | None = None
    ) -> dict[str, Any]:
        """Keep the model `name`, which began as `begun`, and its predictions; return its summary."""
        self._add_predictions(rows, trained)
        length = self._train.sequence_length
        context = {
            "sequence_length": length,
            "reach": trained.net.reach(length),
            "chunk_length": self._train.chunk_length,
            "minimum_context": self._train.minimum_context,
        }
        parts = {"train": rows.part, "validation": rows.validation, "test": rows.test}
        span = {part: self._span(found) for part, found in parts.items() if found.size}
        contract = self._contract | {"made_from": self._contract["made_from"] | _origin_of(begun)}
        description = Description(**contract, context=context, span=span)
        self._models[name] = (trained.net, trained.scaler, trained.calibration, description)
        self._histories[name] = trained.history
        summary = {
            **told_of(trained.history),
            "validation_loss": trained.losses[0],
            "validation_loss_calibrated": trained.losses[1],
            "calibration": trained.calibration["kind"],
            **trained.skill,
            "training_labels": rows.train.size,
            "effective_labels": trained.effective_labels,
            "validation_rows": rows.validation.size,
            "test_rows": rows.test.size,
        }
        self._summary["folds"][name] = summary
        self._summary["symbols"] |= self._symbols(name, rows)
        self._summary["rows"][name] = self._learned(trained.used, begun).plain()
        return summary

    def _add_predictions(self, rows: FoldRows, trained: TrainedFold) -> None:
        """Keep what a fold says of its validation and test; a model refitted on everything has no test.

        Its rows of validation are of the fold after the last.
        """
        k = len(self._predictions["_validation"])
        some = evenly_spaced(rows.test, self._train.importance_rows)
        parts = {"_validation": (rows.validation, {"prediction": trained.validation})}
        if rows.test.size:
            parts[""] = rows.test, {"prediction": trained.test}
            parts["_shifted"] = some, trained.shifted
        for suffix, (of, columns) in parts.items():
            self._predictions[suffix].append(self._keys(of, k).assign(**columns))

    def write(self) -> None:
        """Write everything whole."""
        network = self._contract["network"]
        with whole_folder(f"models/{network}") as folder:
            for name, model in self._models.items():
                self._summary["folds"][name]["version"] = save_model(folder / name, *model)
        for suffix, parts in self._predictions.items():
            table = pd.concat(parts, ignore_index=True)
            write_table(f"data/predictions/{network}{suffix}.parquet", table)
        with whole_folder(f"plots/{network}_history") as folder:
            for name, history in self._histories.items():
                write_history(folder / name, history)
            write_csv(folder / "losses.csv", losses_of(self._histories))
        write_json(f"metrics/detail/{network}_training.json", self._summary)

    def _keys(self, rows: np.ndarray, k: int) -> pd.DataFrame:
        return self._row_keys.loc[rows, ROW_KEYS].assign(fold=k).reset_index(drop=True)

    def _span(self, rows: np.ndarray) -> list[str]:
        times = self._row_keys["timestamp"].iloc[rows]
        return [times.min().isoformat(), times.max().isoformat()]

    def _learned(self, used: UsedRows, begun: Begun | None) -> LearnedRows:
        """The rows of a training as a record, which the referee derives anew."""
        start = {} if begun is None else {"start": StartRows.model_validate(_given(begun), strict=False)}
        return LearnedRows(
            scaled=self._by_symbol(used.scaled),
            trained=self._by_symbol(used.trained, used.labels),
            stopped=self._by_symbol(used.stopped),
            span_firsts=self._by_symbol(used.spans[:, 0]),
            span_lasts=self._by_symbol(used.spans[:, 1] - 1),
            minimum_context=self._train.minimum_context,
            **start,
        )

    def _by_symbol(
        self, rows: NDArray[np.int64], labels: NDArray[np.float32] | None = None
    ) -> dict[str, RowRecord]:
        """The record of `rows` (n,) and their `labels` (n,) of each symbol."""
        times = self._row_keys["timestamp"].to_numpy("datetime64[us]").view(np.int64)
        records = {}
        for number, symbol in enumerate(self._row_keys["symbol"].cat.categories):
            mask = self._table.symbol[rows] == number
            records[symbol] = row_record(times[rows[mask]], None if labels is None else labels[mask])
        return records

    def _symbols(self, name: str, rows: FoldRows) -> dict[str, dict[str, Any]]:
        """What each symbol had to learn from; equal prices leave a candle without a label."""
        counts = {}
        for number, symbol in enumerate(self._row_keys["symbol"].cat.categories):
            of_symbol = self._table.symbol[rows.part] == number
            labels = self._table.labels[rows.train[self._table.symbol[rows.train] == number]]
            counts[f"{name} {symbol}"] = {
                "training_candles": int(of_symbol.sum()),
                "without_label": int(np.isnan(self._table.labels[rows.part[of_symbol]]).sum()),
                "training_labels": labels.size,
                "mean_label": float(labels.mean()) if labels.size else None,
            }
        return counts


def _given(begun: Begun) -> dict[str, Any]:
    return {name: value for name, value in asdict(begun).items() if value is not None}


def _origin_of(begun: Begun | None) -> dict[str, str]:
    """What provenance says of weights that were not fresh: whose they were, and of which bundle, if any."""
    if begun is None:
        return {}
    return {"start": begun.of} | ({"bundle": begun.bundle} if begun.bundle else {})
