"""The interface of a network for training, export and prediction."""

from torch import Tensor, nn


class Network(nn.Module):
    """Logits (B, T) of candles (B, T, F), each from candles up to its own.

    is_same_with_longer_input : whether a logit stays the same with more candles before its own
    """

    is_same_with_longer_input: bool

    def last(self, windows: Tensor) -> Tensor:
        """Logits (B,) of the last candles of windows (B, T, F)."""
        raise NotImplementedError

    def reach(self, sequence_length: int) -> int:
        """Candles that a prediction really depends on."""
        raise NotImplementedError
