"""Seconds of training until a validation log loss that one-window samples reach at their best.

On the last fold of the latest run (`dvc repro` up to splits), both networks; README's figures are of
`simulation.market: trend`, with its settings in docs/simulation.md. The baseline draws random windows through
a DataLoader until validation has not improved for some rounds; then the pipeline's own training, its schedule
as it is but looked at as often, is timed until it is as good. Both start from the same weights, both are
tried at every rate of RATES, and the best of each is compared: large batches of chunks and small ones of
windows do not like the same rate. Validation is not counted on either side, and nothing else is looked at.
`python -m benchmarks.convergence [lstm] [transformer]`
"""

import copy
import itertools
import sys
import time
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader

from benchmarks.training import BASELINE_BATCH, WindowSet
from tapeline.nets.chunks import Series, spans_within
from tapeline.nets.devices import make_fabric
from tapeline.nets.folds import training_weights
from tapeline.nets.label_weights import uniqueness
from tapeline.nets.lstm import LSTM
from tapeline.nets.params import LstmParams, TrainParams, TransformerParams
from tapeline.nets.scaler import fit_scaler
from tapeline.nets.trainer import TrainingData, make_optimizer, train_epoch, validation_loss
from tapeline.nets.transformer import Transformer
from tapeline.params import Params
from tapeline.schema import DIRECTION, TREND_STRENGTH, Symbols
from tapeline.store.feature_store import FeatureStore
from tapeline.training.train import FEATURES, read_training

A_ROUND = 25_000  # labels between two looks at validation
PATIENCE, ROUNDS = 4, 60
RATES = (1e-3, 1.5e-3, 3e-3)  # of AdamW


def baseline(
    net: nn.Module, data: TrainingData, windows: WindowSet, params: TrainParams, rate: float
) -> tuple[float, float]:
    """Lowest validation loss of training on windows, and the seconds of training until it."""
    torch.manual_seed(params.seed)
    optimizer = torch.optim.AdamW(net.parameters(), lr=rate, weight_decay=params.weight_decay)
    seconds, best, since = 0.0, (np.inf, 0.0), 0
    batches = itertools.chain.from_iterable(
        DataLoader(windows, BASELINE_BATCH, shuffle=True) for _ in itertools.count()
    )
    for _ in range(ROUNDS):
        net.train()
        started = time.perf_counter()
        for x, y in itertools.islice(batches, A_ROUND // BASELINE_BATCH):
            loss = F.binary_cross_entropy_with_logits(net(x)[:, -1], y)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), params.gradient_clip)
            optimizer.step()
        seconds += time.perf_counter() - started
        loss_of_round = validation_loss(net, data, params)
        best, since = ((loss_of_round, seconds), 0) if loss_of_round < best[0] else (best, since + 1)
        if since == PATIENCE:
            break
    return best


def dense(net: nn.Module, data: TrainingData, params: TrainParams, goal: float) -> tuple[float, float]:
    """Validation loss and seconds of training of the pipeline's schedule, until `goal` is reached."""
    n_labels = int((data.series.weights > 0).sum())
    rounds = params.epochs * min(params.labels_per_epoch, n_labels) // A_ROUND
    fabric = make_fabric(params)
    optimizer = make_optimizer(net, params)
    model, optimizer = fabric.setup(net, optimizer)
    params = params.model_copy(update={"labels_per_epoch": A_ROUND, "epochs": rounds})
    seconds, best = 0.0, np.inf
    for epoch in range(1, rounds + 1):
        started = time.perf_counter()
        train_epoch(fabric, model, optimizer, data, params, epoch)
        seconds += time.perf_counter() - started
        best = min(best, validation_loss(net, data, params))
        if best <= goal:
            break
    return best, seconds


def last_fold(
    params: Params, train: TrainParams, label: str, names: list[str]
) -> tuple[TrainingData, NDArray[np.int64]]:
    """The last fold as the pipeline trains on it, and the rows of it that windows can end at."""
    _, table, folds = read_training(params, train, label, names)
    rows = folds[-1]
    scaler = fit_scaler(table.features, rows.part)
    unique = uniqueness(rows.train, len(table.segment), table.horizon)
    features = torch.from_numpy(scaler.transform(table.features))
    labels = torch.from_numpy(np.nan_to_num(table.labels).astype(np.float32))
    weights = torch.from_numpy(training_weights(table, rows.train, unique, train))
    spans = spans_within(table.segment, np.isin(np.arange(len(table.segment)), rows.part))
    validation = rows.validation[:: train.validation_stride]
    ends = rows.train[rows.train >= rows.part[0] + train.sequence_length]
    return TrainingData(Series(features, labels, weights), table.segment, spans, validation), ends


def main() -> None:
    """Print both sides for both networks."""
    params = Params.read()
    train = params.section("train", TrainParams)
    names = list(FeatureStore(FEATURES).schema(params.value("data.symbols", Symbols)[0]).groups)
    lstm, transformer = params.section("model", LstmParams), params.section("transformer", TransformerParams)
    nets: dict[str, tuple[str, Callable[[], nn.Module]]] = {
        "LSTM": (DIRECTION, lambda: LSTM(len(names), lstm)),
        "Transformer": (TREND_STRENGTH, lambda: Transformer(len(names), transformer, train.sequence_length)),
    }
    for name, (label, make_net) in nets.items():
        if name.lower() not in (sys.argv[1:] or map(str.lower, nets)):
            continue
        make_fabric(train)
        data, ends = last_fold(params, train, label, names)
        torch.manual_seed(train.seed)
        net = make_net()
        windows = WindowSet(data.series.features, data.series.labels, ends, train.sequence_length)
        slow = {rate: baseline(copy.deepcopy(net), data, windows, train, rate) for rate in RATES}
        goal, seconds = min(slow.values())
        for rate, (loss, taken) in slow.items():
            print(f"{name:12} windows at {rate:g}: {loss:.5f} in {taken:6.1f} s", flush=True)
        for rate in RATES:
            trial = train.model_copy(update={"learning_rate": rate})
            reached, taken = dense(copy.deepcopy(net), data, trial, goal)
            share = f"{taken / seconds:.2f} of it" if reached <= goal else f"not reached, {reached:.5f}"
            print(f"{name:12} chunks at {rate:g}: {taken:6.1f} s to {goal:.5f}, {share}", flush=True)


if __name__ == "__main__":
    main()
