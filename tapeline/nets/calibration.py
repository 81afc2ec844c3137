"""Calibration: from a network's logit to a probability that matches frequencies; fitted on validation rows.

A calibration is part of the network as it is served: it is exported with it.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits
from torch import Tensor, nn

STEPS = 50  # of the isotonic map, at most: each then has enough rows, and steps are small


class Calibration(nn.Module):
    """Calibrated value of a logit: `platt`, `isotonic`, or `none`, the plain sigmoid.

    The isotonic map is the line through `knots`, raw sigmoids and their values, level outside.
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
            self.first = float(y[0])
            for name, values in {"left": x[:-1], "right": x[1:], "rise": rise}.items():
                self.register_buffer(name, torch.tensor(values, dtype=torch.float32))

    def forward(self, logits: Tensor) -> Tensor:
        """Values in 0..1, shape (B,), of logits (B,)."""
        if self.kind == "platt":
            return torch.sigmoid(self.slope * logits + self.intercept)
        raw = torch.sigmoid(logits)
        if self.kind == "none":
            return raw
        passed = torch.minimum(torch.maximum(raw[:, None], self.left), self.right) - self.left
        return (self.first + (passed * self.rise).sum(dim=1)).clamp(0, 1)


def fit_calibration(kind: str, logits: NDArray[np.float64], labels: NDArray[np.float64]) -> dict[str, Any]:
    """Fit `kind` on validation `logits` (n,) and `labels` (n,) in 0..1; the record is JSON.

    Platt's scaling (Platt 1999, without his prior) is a logistic regression on the logit in which a label
    of 0.3 counts as three tenths up and seven tenths down; isotonic regression is on means of equally many
    rows, or of more where logits are equal. A map that would not rise with the logit (validation shows no
    skill) becomes the mean label.
    """
    if kind == "platt":
        # Standardised, or the solver stops too early for a cautious network; one thread, for the same bytes.
        mean, deviation = logits.mean(), logits.std()
        twice = np.tile((logits - mean) / (deviation or 1.0), 2)[:, None]
        classes = np.concatenate([np.ones_like(labels), np.zeros_like(labels)])
        weights = np.concatenate([labels, 1 - labels])
        if 0 < labels.mean() < 1:
            with threadpool_limits(1):
                model = LogisticRegression(C=np.inf, tol=1e-8).fit(twice, classes, sample_weight=weights)
            slope = float(model.coef_[0, 0] / (deviation or 1.0))
            if slope > 0 and deviation > 0:
                return {"kind": kind, "slope": slope, "intercept": float(model.intercept_[0] - slope * mean)}
        share = float(np.clip(labels.mean(), 1e-6, 1 - 1e-6))
        return {"kind": kind, "slope": 0.0, "intercept": float(np.log(share / (1 - share)))}
    if kind == "isotonic":
        raw = 1 / (1 + np.exp(-logits))
        parts = np.array_split(np.argsort(raw, kind="stable"), min(STEPS, len(raw)))
        x, y = (np.array([values[part].mean() for part in parts]) for values in (raw, labels))
        x, knot = np.unique(x, return_inverse=True)
        sizes = np.array([len(part) for part in parts], dtype=np.float64)
        rows = np.bincount(knot, weights=sizes)
        y = np.bincount(knot, weights=y * sizes) / rows
        fitted = IsotonicRegression(y_min=0.0, y_max=1.0).fit_transform(x, y, sample_weight=rows)
        return {"kind": kind, "raw": x.tolist(), "calibrated": fitted.tolist()}
    return {"kind": "none"}
