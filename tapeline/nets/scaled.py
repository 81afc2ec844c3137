"""Features that a network reads, scaled: on the CPU whenever rows are taken, on a GPU all of them there."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tapeline.nets.scaler import Scaler
from tapeline.passes import ROWS_AT_ONCE


class ScaledFeatures:
    """Features (N, F) where they lie, in memory or in a mapped file; none is kept scaled."""

    device = torch.device("cpu")

    def __init__(self, features: NDArray[np.floating], scaler: Scaler) -> None:
        self._features, self._scaler = features, scaler
        self.shape = features.shape

    def __getitem__(self, rows: Tensor | slice) -> Tensor:
        """Scaled features of `rows` of any shape, one dimension more; or of a slice."""
        if isinstance(rows, slice):
            return self._scaled(self._features[rows])
        at = rows.numpy()
        if not at.size:
            return torch.empty((*at.shape, self.shape[1]))
        low, after = int(at.min()), int(at.max()) + 1
        if after - low < at.size:  # windows that overlap: each candle is scaled once
            return self._scaled(self._features[low:after])[rows - low]
        return self._scaled(self._features[at.reshape(-1)]).reshape(*at.shape, -1)

    def _scaled(self, features: NDArray[np.floating]) -> Tensor:
        return torch.from_numpy(self._scaler.transform(features))


Features = Tensor | ScaledFeatures


def scaled_on(device: torch.device, features: NDArray[np.floating], scaler: Scaler) -> Features:
    """Features (N, F) scaled for `device`; the same numbers, wherever they are scaled."""
    if device.type == "cpu":
        return ScaledFeatures(features, scaler)
    scaled = torch.empty(features.shape, device=device)
    for first in range(0, len(features), ROWS_AT_ONCE):
        block = slice(first, first + ROWS_AT_ONCE)
        scaled[block] = torch.from_numpy(scaler.transform(features[block])).to(device)
    return scaled
