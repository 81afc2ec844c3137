"""What a training stage writes: collected fold by fold, written whole at the end."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from torch import nn

from tapeline.nets.folds import Candles, FoldResult, FoldRows
from tapeline.nets.importance import shifted_predictions, spread
from tapeline.nets.models import Description, save_model
from tapeline.nets.params import TrainParams
from tapeline.nets.tracking import write_history
from tapeline.outputs import whole_folder, write_json, write_table

ROW_KEYS = ["symbol", "timestamp"]


class TrainingOutputs:
    """Models, test predictions, histories and a summary of every fold.

    contract : what the models' JSON says beside the context; table : keys of all rows; groups : group of
    each feature
    """

    def __init__(
        self,
        contract: dict[str, Any],
        table: pd.DataFrame,
        groups: dict[str, str],
        candles: Candles,
        train: TrainParams,
    ) -> None:
        self.last_net: nn.Module | None = None
        self._contract, self._table, self._candles, self._train = contract, table, candles, train
        self._columns: dict[str, list[int]] = {}
        for column, group in enumerate(groups.values()):
            self._columns.setdefault(group, []).append(column)
        self._models: dict[str, tuple] = {}  # by name: fold_0, fold_1..., refit
        self._histories: dict[str, list[dict[str, Any]]] = {}
        self._predictions: list[pd.DataFrame] = []
        self._shifted: list[pd.DataFrame] = []
        self._summary: dict[str, dict[str, Any]] = {"folds": {}, "symbols": {}}

    def builder(self, make_net: Callable[[int], nn.Module]) -> Callable[[], nn.Module]:
        """What builds the next fold's network: fresh, or with the last fold's weights where params say so."""
        start = self.last_net.state_dict() if self._train.warm_start and self.last_net else None

        def build() -> nn.Module:
            net = make_net(self._candles.features.shape[1])
            if start is not None:
                net.load_state_dict(start)
            return net

        return build

    def add(self, name: str, rows: FoldRows, result: FoldResult) -> dict[str, Any]:
        """Keep the model `name` and predict its test rows, if it has any; return its summary."""
        if rows.test.size:
            self._predict(rows, result)
        length = self._train.sequence_length
        context = {
            "sequence_length": length,
            "reach": result.predictor.net.reach(length),
            "chunk_length": self._train.chunk_length,
            "minimum_context": self._train.minimum_context,
        }
        parts = {"train": rows.part, "validation": rows.validation, "test": rows.test}
        span = {part: self._span(found) for part, found in parts.items() if found.size}
        description = Description(**self._contract, context=context, span=span)
        self._models[name] = (result.predictor.net.cpu(), result.scaler, result.calibration, description)
        self._histories[name] = result.history
        best = min(result.history, key=lambda epoch: epoch["validation_loss"])
        summary = {
            "epochs": len(result.history),
            "best_epoch": best["epoch"],
            "training_loss": best["training_loss"],
            "validation_loss": result.losses[0],
            "validation_loss_calibrated": result.losses[1],
            "training_labels": rows.train.size,
            "effective_labels": result.effective_labels,
            "validation_rows": rows.validation.size,
            "test_rows": rows.test.size,
        }
        self._summary["folds"][name] = summary
        self._summary["symbols"] |= self._symbols(name, rows)
        return summary

    def _predict(self, rows: FoldRows, result: FoldResult) -> None:
        """Predict a fold's test rows, also with each feature group cut loose."""
        k = len(self._predictions)
        predictions = result.predictor(rows.test)
        self._predictions.append(self._keys(rows.test, k).assign(prediction=predictions))
        looked_into = spread(rows.test, self._train.importance_rows)
        if looked_into.size:
            without = shifted_predictions(
                result.predictor,
                looked_into,
                rows.test,
                self._candles.symbol,
                self._columns,
                self._train.seed,
            )
            self._shifted.append(self._keys(looked_into, k).assign(**without))

    def write(self) -> None:
        """Write everything whole."""
        network = self._contract["network"]
        with whole_folder(f"models/{network}") as folder:
            for name, model in self._models.items():
                self._summary["folds"][name]["version"] = save_model(folder / name, *model)
        write_table(f"data/predictions/{network}.parquet", pd.concat(self._predictions, ignore_index=True))
        nothing = self._keys(np.arange(0), 0)
        shifted = pd.concat(self._shifted or [nothing], ignore_index=True)
        write_table(f"data/predictions/{network}_shifted.parquet", shifted)
        with whole_folder(f"plots/{network}_history") as folder:
            for name, history in self._histories.items():
                write_history(folder / name, history)
        write_json(f"metrics/detail/{network}_training.json", self._summary)

    def _keys(self, rows: np.ndarray, k: int) -> pd.DataFrame:
        return self._table.loc[rows, ROW_KEYS].assign(fold=k).reset_index(drop=True)

    def _span(self, rows: np.ndarray) -> list[str]:
        times = self._table["timestamp"].iloc[rows]
        return [times.min().isoformat(), times.max().isoformat()]

    def _symbols(self, name: str, rows: FoldRows) -> dict[str, dict[str, Any]]:
        """What each symbol had to learn from; equal prices leave a candle without a label."""
        found = {}
        for number, symbol in enumerate(self._table["symbol"].cat.categories):
            of_symbol = self._candles.symbol[rows.part] == number
            labels = self._candles.labels[rows.train[self._candles.symbol[rows.train] == number]]
            found[f"{name} {symbol}"] = {
                "training_candles": int(of_symbol.sum()),
                "without_label": int(np.isnan(self._candles.labels[rows.part[of_symbol]]).sum()),
                "training_labels": labels.size,
                "mean_label": float(labels.mean()) if labels.size else None,
            }
        return found
