"""Logits of a trained network at any rows, each from exactly its last `length` candles."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tapeline.nets.chunks import Series, reached, spans_within, tile
from tapeline.nets.network import Network
from tapeline.nets.params import TrainParams

CANDLES_AT_ONCE = 65_536  # of input to a call; without gradients memory is no concern


@dataclass(frozen=True)
class Predictor:
    """A trained network with its calibration, and the scaled features (N, F) of all its candles."""

    net: Network
    calibration: nn.Module
    features: Tensor
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
    features: Tensor,
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
    if not net.is_same_with_longer_input:
        return _last_logits(net, features, torch.from_numpy(rows).to(features.device), length)
    spans = spans_within(segment, reached(segment, rows, length))
    chunks = torch.from_numpy(tile(spans, chunk_length, length)).to(features.device)
    logits = torch.full((features.shape[0],), torch.nan, device=features.device)
    nothing = torch.zeros(features.shape[0], device=features.device)
    series = Series(features, nothing, nothing + 1)
    steps = torch.arange(chunk_length, device=features.device)
    for batch in torch.split(chunks, max(1, CANDLES_AT_ONCE // chunk_length)):
        x, _, weights = series.batch(batch, chunk_length, length)
        is_scored = weights > 0
        logits[(batch[:, :1] + steps)[is_scored]] = net(x)[is_scored]
    return logits[torch.from_numpy(rows).to(features.device)]


def _last_logits(net: Network, features: Tensor, rows: Tensor, length: int) -> Tensor:
    steps = torch.arange(1 - length, 1, device=rows.device)
    batches = torch.split(rows, max(1, CANDLES_AT_ONCE // length))
    return torch.cat([net.last(features[batch[:, None] + steps]) for batch in batches])
