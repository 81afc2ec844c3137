"""The one training loop, for both networks."""

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from lightning_fabric import Fabric
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm import tqdm

from tapeline.errors import ParamsError
from tapeline.nets.checkpoints import load_checkpoint, save_checkpoint
from tapeline.nets.chunks import Series, tile
from tapeline.nets.devices import compiled
from tapeline.nets.network import Network
from tapeline.nets.params import TrainParams
from tapeline.nets.prediction import predict_logits

Weights = tuple[Tensor, ...] | list[Tensor]
Epoch = dict[str, Any]  # `epoch` from 1, its losses, and which `member` of an ensemble it is of, from 0


@dataclass(frozen=True)
class TrainingData:
    """Rows that one fold trains on, and those of early stopping.

    series : all candles, on the device; weights are 0 outside training
    segment : (N,) number of each candle's segment of consecutive candles
    spans : (S, 2) rows [first, end) of the training part that chunks may be cut from
    validation : (V,) rows whose loss decides when to stop
    """

    series: Series
    segment: NDArray[np.int64]
    spans: NDArray[np.int64]
    validation: NDArray[np.int64]


def train(
    fabric: Fabric,
    net: Network,
    data: TrainingData,
    params: TrainParams,
    title: str,
    checkpoint: Path | None = None,
    on_epoch: Callable[[Epoch], None] = lambda epoch: None,
    line: int = 0,
) -> list[Epoch]:
    """Train `net` on chunks of `data.spans` until validation stops improving; resume from `checkpoint`.

    `net` ends up with the weights of its best epoch, which are those of its steps averaged as
    `moving_average` says; returned is one record per epoch. Progress stands on the terminal's `line`.

    The loss is binary cross-entropy against labels in 0..1: its minimum is the label's conditional
    mean, for a direction as for a strength. Each epoch begins with a seed of its own, so that a training
    that was killed goes on as if it had not been. Raises ParamsError if the loss is no longer finite.
    """
    optimizer = make_optimizer(net, params)
    net.to(fabric.device)
    average = moving_average(net, params.averaging)
    model, optimizer = fabric.setup(compiled(net, params), optimizer)
    best: dict[str, Any] = {"epoch": 0, "loss": math.inf, "weights": copy.deepcopy(net.state_dict())}
    history: list[Epoch] = []
    state = load_checkpoint(checkpoint) if checkpoint else None
    if state:
        net.load_state_dict(state["weights"])
        average.load_state_dict(state["average"])
        optimizer.load_state_dict(state["optimizer"])
        best, history = state["best"], state["history"]
    progress = tqdm(
        range(len(history) + 1, params.epochs + 1),
        desc=title, unit="epoch", disable=None if fabric.is_global_zero else True, leave=False,
        initial=len(history), total=params.epochs, position=line,
    )  # fmt: skip
    for epoch in progress:
        if epoch - 1 - best["epoch"] >= params.patience:
            break
        trained = train_epoch(
            fabric, model, optimizer, data, params, epoch, lambda: average.update_parameters(net)
        )
        validated = fabric.broadcast(validation_loss(cast("Network", average.module), data, params))
        record = {"epoch": epoch, "training_loss": trained, "validation_loss": validated}
        if not math.isfinite(trained + validated):
            raise ParamsError(
                "train.learning_rate", params.learning_rate, f"{title} diverged in epoch {epoch}; lower it"
            )
        history.append(record)
        if validated < best["loss"]:
            best = {"epoch": epoch, "loss": validated, "weights": copy.deepcopy(average.module.state_dict())}
        if checkpoint and fabric.is_global_zero:
            state = {"weights": net.state_dict(), "average": average.state_dict()}
            state |= {"optimizer": optimizer.state_dict(), "best": best, "history": history}
            save_checkpoint(checkpoint, state)
        progress.set_postfix(training=f"{trained:.4f}", validation=f"{validated:.4f}")
        on_epoch(record)
    net.load_state_dict(best["weights"])
    return history


def moving_average(net: nn.Module, share: float) -> AveragedModel:
    """A copy of `net` whose weights are a moving average over its steps; of the average a step keeps `share`.

    Of the first steps less is kept, (1 + n) / (10 + n) after n, lest the fresh weights linger (as in
    TensorFlow's ExponentialMovingAverage). With a share of 0 the copy always has the weights of `net`.
    """

    def move(averages: Weights, now: Weights, n: Tensor | int) -> None:
        kept = min(share, (1.0 + float(n)) / (10.0 + float(n)))
        # One call for all weights; torch leaves it without types.
        get_ema_multi_avg_fn(kept)(averages, now, n)  # type: ignore[no-untyped-call]

    return AveragedModel(net, multi_avg_fn=move)


def make_optimizer(net: nn.Module, params: TrainParams) -> torch.optim.Optimizer:
    """AdamW over all weights in one compiled call, a third of the time of a call for each operation."""
    return torch.optim.AdamW(
        net.parameters(), lr=params.learning_rate, weight_decay=params.weight_decay, fused=True
    )


def train_epoch(
    fabric: Fabric,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    data: TrainingData,
    params: TrainParams,
    epoch: int,
    after_step: Callable[[], None] = lambda: None,
) -> float:
    """One pass over the training chunks, whose borders and order are new; mean loss of a label."""
    model.train()
    torch.manual_seed(params.seed + 1_000_003 * epoch + 7919 * fabric.global_rank)  # of dropout
    steps = plan_epoch(data.spans, params, epoch, fabric.world_size)
    total = torch.zeros(2, device=fabric.device)
    for step, chunks in enumerate(steps):
        rate = params.learning_rate * rate_factor((epoch - 1 + step / len(steps)) / params.epochs, params)
        for group in optimizer.param_groups:
            group["lr"] = rate
        batches = torch.from_numpy(chunks).to(fabric.device)  # (processes, accumulation, B, 2)
        weight = _total_weight(data.series, batches, params)
        optimizer.zero_grad()
        for k, batch in enumerate(batches[fabric.global_rank]):
            x, y, w = data.series.batch(batch, params.chunk_length, params.minimum_context)
            # `model` is what fabric.setup made of a network, a class without a public name.
            with fabric.no_backward_sync(model, enabled=k < params.accumulation - 1):  # type: ignore[arg-type]
                loss = (w * F.binary_cross_entropy_with_logits(model(x), y, reduction="none")).sum()
                # Processes average their gradients; the step's gradient is that of the mean label.
                fabric.backward(loss * fabric.world_size / weight)
            total[0] += loss.detach()
        fabric.clip_gradients(model, optimizer, max_norm=params.gradient_clip, error_if_nonfinite=False)
        optimizer.step()
        after_step()
        total[1] += weight
    losses = cast("Tensor", fabric.all_reduce(total[0], reduce_op="sum"))  # of a tensor, a tensor
    return float(losses / total[1])


def plan_epoch(
    spans: NDArray[np.int64], params: TrainParams, epoch: int, processes: int = 1
) -> list[NDArray[np.int64]]:
    """Chunks of each step of an epoch, (processes, accumulation, B, 2) per step; same params, same plan.

    A step takes as many chunks as hold `train.batch_size` labels, whatever the number of processes; an
    epoch stops at `train.labels_per_epoch`. Where a step's chunks can't be shared out evenly, empty ones
    (size 0) make up for it.
    """
    per_chunk = params.labels_per_chunk
    rng = np.random.default_rng([params.seed, epoch])
    chunks = tile(spans, params.chunk_length, params.minimum_context, int(rng.integers(per_chunk)))
    rng.shuffle(chunks)
    labels = np.cumsum(chunks[:, 1] - params.minimum_context + 1)
    chunks = chunks[: int(np.searchsorted(labels, params.labels_per_epoch)) + 1]
    chunks_per_step = max(1, params.batch_size // per_chunk)
    parts = processes * params.accumulation
    steps = []
    for first in range(0, len(chunks), chunks_per_step):
        step = chunks[first : first + chunks_per_step]
        spare = -len(step) % parts
        step = np.concatenate([step, np.zeros((spare, 2), dtype=np.int64)])
        steps.append(step.reshape(processes, params.accumulation, -1, 2))
    return steps


def rate_factor(done: float, params: TrainParams) -> float:
    """Share of the learning rate when `done` of all steps, 0..1, are over: linear warm-up, then a cosine."""
    if done < params.warm_up:
        return min(1.0, max(done, 1e-3) / params.warm_up)
    return 0.5 * (1 + math.cos(math.pi * (done - params.warm_up) / (1 - params.warm_up)))


def _total_weight(series: Series, batches: Tensor, params: TrainParams) -> Tensor:
    """Sum of the label weights of a step over all processes; at least a tiny number."""
    _, weights = series.scored(batches.reshape(-1, 2), params.chunk_length, params.minimum_context)
    return weights.sum().clamp(min=1e-12)


def validation_loss(net: Network, data: TrainingData, params: TrainParams) -> float:
    """Mean log loss at the validation rows, each from exactly its last candles, as it will be served.

    Read densely, in chunks, an LSTM is 40 times as fast and another network: on the simulated market, which
    is about memory, its loss then moved by up to 9e-4, and the epochs about the best lie nearer than that.
    """
    logits = predict_logits(
        net,
        data.series.features,
        data.segment,
        data.validation,
        params.sequence_length,
        params.chunk_length,
    )
    labels = data.series.labels[torch.tensor(data.validation, device=logits.device)]
    return float(F.binary_cross_entropy_with_logits(logits, labels))
