"""Calibration: from a network's logit to a probability that matches frequencies.

A calibration is part of the network as it is served: it is exported with it.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn


class Calibration(nn.Module):
    """Calibrated value of a logit: `platt`, `isotonic`, or `none`, the plain sigmoid.

    The isotonic map is the line through knots, raw sigmoids and their values, level outside; where
    it `is_symmetric`, knots are of confidence, and the map of a fall is that of a rise turned round.
    """

    left: Tensor
    right: Tensor
    rise: Tensor

    def __init__(self, record: dict[str, Any]) -> None:
        """Take a `record` as `fit_calibration` makes it and a model's JSON holds it."""
        super().__init__()
        self.kind = record["kind"]
        if self.kind == "platt":
            self.slope, self.intercept = record["slope"], record["intercept"]
        if self.kind == "isotonic":
            x, y = (np.array(record[name]) for name in ("raw", "calibrated"))
            rise = np.diff(y) / np.diff(x) if len(x) > 1 else np.zeros(0)
            self.first, self.is_symmetric = float(y[0]), record.get("is_symmetric", False)
            for name, values in {"left": x[:-1], "right": x[1:], "rise": rise}.items():
                self.register_buffer(name, torch.tensor(values, dtype=torch.float32))

    def forward(self, logits: Tensor) -> Tensor:
        """Values in 0..1, shape (B,), of logits (B,)."""
        if self.kind == "platt":
            return torch.sigmoid(self.slope * logits + self.intercept)
        if self.kind == "none":
            return torch.sigmoid(logits)
        raw = torch.sigmoid(logits.abs() if self.is_symmetric else logits)
        passed = torch.minimum(torch.maximum(raw[:, None], self.left), self.right) - self.left
        value = (self.first + (passed * self.rise).sum(dim=1)).clamp(0, 1)
        return torch.where(logits < 0, 1 - value, value) if self.is_symmetric else value
