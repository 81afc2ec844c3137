"""Logits of a trained network at any rows, each from exactly its last `length` candles."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tapeline.nets.chunks import Series, reached, spans_within, tile
from tapeline.nets.network import Network
from tapeline.nets.params import TrainParams
from tapeline.nets.scaled import Features

# Of input to a call. On a CPU what a call keeps stays in its cache, and memory that was freed is used again
# instead of asked for anew: with 65,536 candles half the time went into that. A GPU wants large calls.
CANDLES_AT_ONCE = {"cpu": 4_096, "cuda": 65_536}


@dataclass(frozen=True)
class Predictor:
    """A trained network with its calibration, and the scaled features (N, F) of all its candles."""

    net: Network
    calibration: nn.Module
    features: Features
    segment: NDArray[np.int64]
    params: TrainParams

    def __call__(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Calibrated predictions in 0..1 at `rows`."""
        return as_array(self.calibration(self.logits(rows)))

    def logits(self, rows: NDArray[np.int64]) -> Tensor:
        """The network's logits at `rows`, without calibration."""
        lengths = self.params.sequence_length, self.params.chunk_length
        return predict_logits(self.net, self.features, self.segment, rows, *lengths)


def as_array(values: Tensor) -> NDArray[np.float64]:
    """`values` on the CPU, in double precision."""
    return values.double().cpu().numpy()


@torch.no_grad()
def predict_logits(
    net: Network,
    features: Features,
    segment: NDArray[np.int64],
    rows: NDArray[np.int64],
    length: int,
    chunk_length: int,
) -> Tensor:
    """Logits, shape (len(rows),), at `rows` of scaled `features` (N, F); a row's segment holds its context.

    A network that gives the same number with a longer input reads chunks of `chunk_length`, any
    other the windows of `length` candles alone. Single precision, whatever the training's.
    """
    net.eval()
    at = torch.tensor(rows, device=features.device)  # a copy: in another process rows are read-only
    if net.is_same_with_longer_input:
        return _chunk_logits(net, features, segment, rows, length, chunk_length)[at]
    return _last_logits(net, features, at, length)


def _chunk_logits(
    net: Network,
    features: Features,
    segment: NDArray[np.int64],
    rows: NDArray[np.int64],
    length: int,
    chunk_length: int,
) -> Tensor:
    """Logits (N,) at `rows`, each from the at least `length` candles of a chunk up to it; NaN elsewhere."""
    spans = spans_within(segment, reached(segment, rows, length))
    chunks = torch.from_numpy(tile(spans, chunk_length, length)).to(features.device)
    logits = torch.full((features.shape[0],), torch.nan, device=features.device)
    labels, weights = (
        torch.full((1,), value, device=features.device).expand(features.shape[0]) for value in (0.0, 1.0)
    )
    series = Series(features, labels, weights)
    steps = torch.arange(chunk_length, device=features.device)
    for batch in torch.split(chunks, inputs_at_once(features.device, chunk_length)):
        x, _, weights = series.batch(batch, chunk_length, length)
        is_scored = weights > 0
        logits[(batch[:, :1] + steps)[is_scored]] = net(x)[is_scored]
    return logits


def _last_logits(net: Network, features: Features, rows: Tensor, length: int) -> Tensor:
    steps = torch.arange(1 - length, 1, device=rows.device)
    batches = torch.split(rows, inputs_at_once(features.device, length))
    return torch.cat([net.last(features[batch[:, None] + steps]) for batch in batches])


def inputs_at_once(device: torch.device, length: int) -> int:
    """Inputs of `length` candles that a call takes on `device`."""
    return max(1, CANDLES_AT_ONCE["cpu" if device.type == "cpu" else "cuda"] // length)
