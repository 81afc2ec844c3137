"""The one training loop, for both networks."""

import copy
import math
import os
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm import tqdm

from tapeline.errors import ParamsError
from tapeline.nets.params import TrainParams
from tapeline.nets.windows import Windows

EVALUATION_BATCH = 1024  # windows; without gradients memory is no concern


@dataclass(frozen=True)
class Trained:
    """The network with the weights of its best epoch, on the CPU, and one record an epoch."""

    net: nn.Module
    history: list[dict[str, Any]]


def make_fabric(params: TrainParams) -> Fabric:
    """Choose the device and make everything after this repeatable for `train.seed` and `train.threads`."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # asked for by deterministic cuDNN RNNs
    torch.set_num_threads(params.threads)
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(params.seed)
    return Fabric(accelerator=params.device, devices=1)


def train(
    fabric: Fabric,
    net: nn.Module,
    windows: Windows,
    train_ends: NDArray[np.int64],
    validation_ends: NDArray[np.int64],
    params: TrainParams,
    title: str,
) -> Trained:
    """Train `net` on the windows that end at `train_ends` until validation stops improving.

    The loss is binary cross-entropy against labels in 0..1: its minimum is the label's conditional
    mean, for a direction as for a strength. Raises ParamsError if the loss is no longer finite.
    """
    optimizer = torch.optim.AdamW(net.parameters(), lr=params.learning_rate, weight_decay=params.weight_decay)
    net, optimizer = fabric.setup(net, optimizer)
    ends = torch.from_numpy(train_ends).to(fabric.device)
    shuffle = torch.Generator().manual_seed(params.seed)
    best_epoch, best_loss, best_weights = 0, math.inf, net.state_dict()
    history = []
    epochs = tqdm(range(1, params.epochs + 1), desc=title, unit="epoch", disable=None, leave=False)
    for epoch in epochs:
        order = torch.randperm(len(ends), generator=shuffle).to(fabric.device)
        training_loss = _train_epoch(fabric, net, optimizer, windows, ends[order], params)
        validation_loss = _loss(
            predict_logits(fabric, net, windows, validation_ends), windows, validation_ends
        )
        history.append({"epoch": epoch, "training_loss": training_loss, "validation_loss": validation_loss})
        epochs.set_postfix(training=f"{training_loss:.4f}", validation=f"{validation_loss:.4f}")
        if not math.isfinite(training_loss + validation_loss):
            raise ParamsError(
                "train.learning_rate", params.learning_rate, f"{title} diverged in epoch {epoch}; lower it"
            )
        if validation_loss < best_loss:
            best_epoch, best_loss = epoch, validation_loss
            best_weights = copy.deepcopy(net.state_dict())
        elif epoch - best_epoch >= params.patience:
            break
    net.load_state_dict(best_weights)
    return Trained(net.module.cpu().eval(), history)


def _train_epoch(
    fabric: Fabric,
    net: nn.Module,
    optimizer: torch.optim.Optimizer,
    windows: Windows,
    ends: Tensor,
    params: TrainParams,
) -> float:
    net.train()
    total = torch.zeros((), device=fabric.device)
    for batch in ends.split(params.batch_size):
        x, y = windows.batch(batch)  # (B, T, F), (B,)
        loss = F.binary_cross_entropy_with_logits(net(x), y)
        optimizer.zero_grad()
        fabric.backward(loss)
        fabric.clip_gradients(net, optimizer, max_norm=params.gradient_clip, error_if_nonfinite=False)
        optimizer.step()
        total += loss.detach() * len(batch)
    return float(total / len(ends))


@torch.no_grad()
def predict_logits(fabric: Fabric, net: nn.Module, windows: Windows, ends: NDArray[np.int64]) -> Tensor:
    """Logits, shape (len(ends),), of the windows that end at rows `ends`."""
    net.eval()
    rows = torch.from_numpy(ends).to(fabric.device)
    return torch.cat([net(windows.batch(batch)[0]) for batch in rows.split(EVALUATION_BATCH)])


def _loss(logits: Tensor, windows: Windows, ends: NDArray[np.int64]) -> float:
    labels = windows.labels[torch.from_numpy(ends).to(logits.device)]
    return float(F.binary_cross_entropy_with_logits(logits, labels))
