"""Networks that differ in their seed alone, as one: the mean of their logits."""

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from tapeline.nets.network import Network


class Ensemble(Network):
    """A network to predict, calibrate and export as any other; its members are trained one by one."""

    def __init__(self, members: Sequence[Network]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)
        self.is_same_with_longer_input = all(member.is_same_with_longer_input for member in members)

    def forward(self, x: Tensor) -> Tensor:
        """Mean logits (B, T) of every candle of (B, T, F)."""
        return torch.stack([member(x) for member in members_of(self)]).mean(0)

    def last(self, windows: Tensor) -> Tensor:
        """Mean logits (B,) of the last candles of windows (B, T, F)."""
        return torch.stack([member.last(windows) for member in members_of(self)]).mean(0)

    def reach(self, sequence_length: int) -> int:
        """Candles that a prediction really depends on."""
        return max(member.reach(sequence_length) for member in members_of(self))


def as_one(members: Sequence[Network]) -> Network:
    """The ensemble of `members`, in order of their seeds; of one, itself."""
    return members[0] if len(members) == 1 else Ensemble(members)


def members_of(net: Network) -> list[Network]:
    """What `as_one` was given."""
    # ModuleList does not say of what kind its modules are.
    return cast("list[Network]", list(net.members)) if isinstance(net, Ensemble) else [net]
