"""The GRU. B batch, T candles, F features, H hidden size."""

import torch
from torch import Tensor, nn

from tapeline.nets.network import Network


class GRU(Network):
    """One GRU from zero state; each candle's state gives that candle's logit."""

    is_same_with_longer_input = False  # a longer past changes the state

    def __init__(self, n_features: int, hidden: int) -> None:
        super().__init__()
        self.layer = nn.GRU(n_features, hidden, batch_first=True)
        self.head = nn.Linear(hidden, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, T) of every candle of (B, T, F)."""
        return torch.squeeze(self.head(self.layer(x)[0]), -1)

    def last(self, windows: Tensor) -> Tensor:
        """Logits (B,) of the last candles of windows (B, T, F)."""
        return self(windows)[:, -1]

    def reach(self, sequence_length: int) -> int:
        """Candles that a prediction really depends on."""
        return sequence_length
