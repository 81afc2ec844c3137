"""One fold: scale, train, calibrate, predict its test rows."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from numpy.typing import NDArray
from torch import Tensor

from tapeline.errors import SplitError
from tapeline.nets.calibration import Calibration
from tapeline.nets.calibration_fit import PLAIN, CalibrationRows, fit_calibration
from tapeline.nets.chunks import Series, mask_of, spans_within
from tapeline.nets.devices import lost_process_advice, memory_advice
from tapeline.nets.ensemble import as_one, members_of
from tapeline.nets.label_weights import class_factors, uniqueness
from tapeline.nets.network import Network
from tapeline.nets.params import TrainParams
from tapeline.nets.prediction import Predictor, as_array
from tapeline.nets.scaled import scaled_on
from tapeline.nets.scaler import Scaler, fit_scaler
from tapeline.nets.skill import skill_figures
from tapeline.nets.trainer import Epoch, TrainingData, train


@dataclass(frozen=True)
class TrainingTable:
    """All rows of a training, all symbols below each other.

    features : (N, F), in memory or mapped; labels : (N,) in 0..1, NaN where there is none
    symbol : (N,) number of each row's symbol
    segment : (N,) number of each row's segment of consecutive candles
    day : (N,) number of the UTC day that each row's candle opens on
    horizon : candles ahead that a label depends on
    is_direction : whether labels are a side, up or down
    """

    features: NDArray[np.float32]
    labels: NDArray[np.float64]
    symbol: NDArray[np.int64]
    segment: NDArray[np.int64]
    day: NDArray[np.int64]
    horizon: int
    is_direction: bool

    def calibration_rows(self, rows: NDArray[np.int64], logits: NDArray[np.float64]) -> CalibrationRows:
        """What a calibration is fitted on: labelled `rows` (n,) and a network's `logits` (n,) there."""
        label_day = self.day[np.minimum(rows + self.horizon, len(self.day) - 1)]
        return CalibrationRows(logits, self.labels[rows], self.day[rows], label_day, self.is_direction)


@dataclass(frozen=True)
class FoldRows:
    """Row positions of a fold's parts, ascending; training and validation purged.

    part : all rows of the training part: what the scaler is fitted on and chunks are cut from
    train : those of them whose label is trained on
    validation : rows with a whole window and a label
    test : rows with a whole window
    """

    part: NDArray[np.int64]
    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    test: NDArray[np.int64]


@dataclass(frozen=True)
class UsedRows:
    """Row positions that a training really used, ascending, as its scaler, losses and chunks had them.

    scaled : that the scaler was fitted on
    trained : whose loss has a weight, and their labels as they were trained on
    stopped : whose loss decides when to stop
    spans : (S, 2) rows [first, end) that chunks are cut from
    """

    scaled: NDArray[np.int64]
    trained: NDArray[np.int64]
    labels: NDArray[np.float32]
    stopped: NDArray[np.int64]
    spans: NDArray[np.int64]


@dataclass(frozen=True)
class FoldResult:
    """A trained fold.

    predictor : network and calibration; `calibration` is the latter as a record for JSON
    history : epochs of all members, one member after the other
    effective_labels : how many independent labels the training rows amount to
    losses : validation log loss before and after calibration
    skill : what the network takes off a constant's log loss on validation, as `skill_figures` says
    used : the rows that all of it comes from
    validation_logits : (V,) of the fold's validation rows, without calibration
    """

    predictor: Predictor
    history: list[Epoch]
    scaler: Scaler
    calibration: dict[str, Any]
    effective_labels: float
    losses: tuple[float, float]
    skill: dict[str, Any]
    used: UsedRows
    validation_logits: Tensor


def run_fold(
    fabric: Fabric,
    make_net: Callable[[], Network],
    table: TrainingTable,
    rows: FoldRows,
    params: TrainParams,
    title: str,
    checkpoint: Path | None = None,
    on_epoch: Callable[[Epoch], None] = lambda epoch: None,
    line: int = 0,
    start: Network | None = None,
) -> FoldResult:
    """Train a network on one fold, of `train.seeds` members, and calibrate it on the fold's validation.

    `make_net` builds a member with fresh weights; it begins with those of `start`, if there is one. Every
    fold starts with the same seed. SplitError names a part without rows; the test may have none. Progress
    stands on the terminal's `line`.
    """
    for part in ("part", "train", "validation"):
        if getattr(rows, part).size == 0:
            raise SplitError(f"{title}: no candle in {part} with train.sequence_length candles up to it")
    scaled = rows.part
    scaler = fit_scaler(table.features, scaled)
    unique = uniqueness(rows.train, len(table.segment), table.horizon)
    arrays = (
        np.nan_to_num(table.labels.astype(np.float32)),
        training_weights(table, rows.train, unique, params),
    )
    with memory_advice(params), lost_process_advice(fabric.world_size):
        features = scaled_on(fabric.device, table.features, scaler)
        series = Series(features, *(torch.from_numpy(array).to(fabric.device) for array in arrays))
        spans = spans_within(table.segment, mask_of(rows.part, len(table.segment)))
        data = TrainingData(series, table.segment, spans, rows.validation[:: params.validation_stride])
        net, history = train_members(fabric, make_net, data, params, title, checkpoint, on_epoch, line, start)
        plain = Calibration(PLAIN)
        logits = Predictor(net, plain, series.features, table.segment, params).logits(rows.validation)
    validated = table.calibration_rows(rows.validation, as_array(logits))
    record = fit_calibration(params.calibration, validated)
    before, after = (validated.losses(each) for each in (PLAIN, record))
    training_mean = float(table.labels[rows.train].mean())
    skill = skill_figures(before, validated.labels, validated.day, training_mean, table.is_direction)
    calibration = Calibration(record).to(fabric.device)
    predictor = Predictor(net, calibration, series.features, table.segment, params)
    return FoldResult(
        predictor, history, scaler, record, float(unique.sum()), (float(before.mean()), float(after.mean())),
        skill, used_rows(scaled, data), logits,
    )  # fmt: skip


def train_members(
    fabric: Fabric,
    make_net: Callable[[], Network],
    data: TrainingData,
    params: TrainParams,
    title: str,
    checkpoint: Path | None,
    on_epoch: Callable[[Epoch], None],
    line: int,
    start: Network | None,
) -> tuple[Network, list[Epoch]]:
    """Train `train.seeds` networks one after the other; return them as one, and the epochs of all.

    Member k has seed `train.seed` + k for its weights, dropout and order of chunks. It stops by its own
    validation loss, has a checkpoint of its own, and begins with the weights of member k of `start`, if any.
    Its epochs say `member`: k.
    """
    members: list[Network] = []
    history: list[Epoch] = []
    for k in range(params.seeds):
        own = params.model_copy(update={"seed": params.seed + k})
        name = title if params.seeds == 1 else f"{title} seed {own.seed}"
        torch.manual_seed(own.seed)
        net = make_net()
        if start is not None:
            net.load_state_dict(members_of(start)[k].state_dict())
        kept = checkpoint.with_suffix(f".{k}{checkpoint.suffix}") if checkpoint else None

        def tell(epoch: Epoch, member: int = k) -> None:
            on_epoch(epoch | {"member": member})

        epochs = train(fabric, net, data, own, name, kept, tell, line)
        members.append(net)
        history += [epoch | {"member": k} for epoch in epochs]
    return as_one(members), history


def by_member(history: list[Epoch]) -> list[list[Epoch]]:
    """The epochs of each member, in order of their seeds."""
    members = sorted({epoch["member"] for epoch in history})
    return [[epoch for epoch in history if epoch["member"] == member] for member in members]


def used_rows(scaled: NDArray[np.int64], data: TrainingData) -> UsedRows:
    """The rows of `data` as the training had them, beside those that its scaler was fitted on."""
    trained = np.flatnonzero(data.series.weights.cpu().numpy() > 0)
    labels = data.series.labels.cpu().numpy()[trained]
    return UsedRows(scaled, trained, labels, data.validation, data.spans)


def training_weights(
    table: TrainingTable, rows: NDArray[np.int64], unique: NDArray[np.float64], params: TrainParams
) -> NDArray[np.float32]:
    """Weight of each candle's loss, shape (N,): 0 outside `rows`, 1 in the mean over them."""
    weights = unique.copy() if params.label_weights == "uniqueness" else np.ones(len(rows))
    if params.balance_classes:
        weights *= class_factors(table.labels[rows], table.symbol[rows], weights)
    row_weights = np.zeros(len(table.segment), dtype=np.float32)
    row_weights[rows] = weights / weights.mean()
    return row_weights
