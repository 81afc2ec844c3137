"""The LSTM. B batch, T candles of the window, F features, H hidden size."""

import torch
from torch import Tensor, nn

from tapeline.nets.params import LstmParams


class LSTM(nn.Module):
    """Stacked LSTM from zero state over the window; the last candle's state gives one logit.

    The layers are separate with dropout between them: dropout inside `nn.LSTM` is not reproducible on
    CUDA. With `bidirectional` each layer also reads the window backwards; a window ends with the candle
    that is predicted from, so nothing after it is seen.
    """

    def __init__(self, n_features: int, params: LstmParams) -> None:
        super().__init__()
        width = params.hidden * (2 if params.bidirectional else 1)
        sizes = [n_features] + [width] * (params.layers - 1)
        self.layers = nn.ModuleList(
            nn.LSTM(size, params.hidden, batch_first=True, bidirectional=params.bidirectional)
            for size in sizes
        )
        self.dropout = nn.Dropout(params.dropout)
        self.head = nn.Linear(width, 1)

    def forward(self, windows: Tensor) -> Tensor:
        """Logits (B,) of windows (B, T, F)."""
        x = windows
        for layer in self.layers:
            x = self.dropout(layer(x)[0])  # (B, T, H)
        last = x[:, -1]  # (B, H)
        return torch.squeeze(self.head(last), -1)
