"""The LSTM. B batch, T candles, F features, H hidden size."""

import torch
from torch import Tensor, nn

from tapeline.nets.dropout import Dropout
from tapeline.nets.network import Network
from tapeline.nets.params import LstmParams


class LSTM(Network):
    """Stacked LSTM from zero state; each candle's state gives that candle's logit.

    The layers are separate with dropout between them: dropout within `nn.LSTM` is not reproducible on
    CUDA. With `bidirectional` each layer also reads the input backwards: then only the last candle's logit
    is free of candles after it, and only `last` may be used, in training too.
    """

    is_same_with_longer_input = False  # a longer past changes the state

    def __init__(self, n_features: int, params: LstmParams) -> None:
        super().__init__()
        width = params.hidden * (2 if params.bidirectional else 1)
        sizes = [n_features] + [width] * (params.layers - 1)
        self.layers = nn.ModuleList(
            nn.LSTM(size, params.hidden, batch_first=True, bidirectional=params.bidirectional)
            for size in sizes
        )
        self.dropout = Dropout(params.dropout)
        self.head = nn.Linear(width, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, T) of every candle of (B, T, F)."""
        for layer in self.layers:
            x = self.dropout(layer(x)[0])  # (B, T, H)
        return torch.squeeze(self.head(x), -1)

    def last(self, windows: Tensor) -> Tensor:
        """Logits (B,) of the last candles of windows (B, T, F)."""
        logits: Tensor = self(windows)[:, -1]
        return logits

    def reach(self, sequence_length: int) -> int:
        """Candles that a prediction really depends on."""
        return sequence_length
