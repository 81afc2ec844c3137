"""Dropout in a third of the time on a CPU, where torch draws a number for each element."""

import torch
from torch import Tensor, nn

WORD = 64  # random bits that one draw gives
BITS = 16  # of them decide about one element: its chance is right to 1 / 65,536
LEVELS = 2**BITS


class Dropout(nn.Dropout):
    """Zeroes elements with chance `p`, rounded to 16 bits, and scales the others so that the mean stays.

    On other devices torch's own, which is compiled there. Draws come from torch's generator.
    """

    def forward(self, x: Tensor) -> Tensor:
        """`x`, of any shape, in its type; in evaluation as it is."""
        n_dropped = round(self.p * LEVELS)  # of the levels
        if not self.training or n_dropped == 0:
            return x
        if x.device.type != "cpu" or n_dropped == LEVELS:
            dropped: Tensor = super().forward(x)
            return dropped
        words = torch.empty(-(-x.numel() * BITS // WORD), dtype=torch.int64).random_(-(2**63), None)
        level = words.view(torch.int16)[: x.numel()].view(x.shape)  # from -LEVELS / 2
        is_kept = level >= n_dropped - LEVELS // 2
        factors: Tensor = (is_kept * (LEVELS / (LEVELS - n_dropped))).to(x.dtype)
        return x * factors
