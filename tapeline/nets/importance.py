"""Importance of a group of features: predictions with the group permuted against the rest, by rotation."""

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tapeline.nets.chunks import reached
from tapeline.nets.prediction import Predictor
from tapeline.nets.rotation import parts_by_symbol, rotation


def shifted_predictions(
    predictor: Predictor,
    rows: NDArray[np.int64],
    among: NDArray[np.int64],
    symbol: NDArray[np.int64],
    groups: dict[str, list[int]],
    seed: int,
) -> dict[str, NDArray[np.float64]]:
    """Predictions at `rows`, by group, with its columns rotated in time within each symbol of rows `among`.

    `rows` are some of `among`, the test. A rotation keeps the group's own distribution and course, and loses
    what it has to do with the label and with the other groups. Source: permutation importance (Breiman
    2001); a rotation, because candles are no independent rows. `symbol` (N,) numbers the rows' symbols.
    """
    touched = np.flatnonzero(reached(predictor.segment, among, predictor.params.sequence_length))
    segment = np.cumsum(np.r_[0, (np.diff(touched) > 1) | (np.diff(predictor.segment[touched]) != 0)])
    parts = parts_by_symbol(symbol[touched])
    features = predictor.features[torch.from_numpy(touched).to(predictor.features.device)]
    at = np.searchsorted(touched, rows)
    return {
        group: replace(predictor, features=rotated(features, parts, columns, seed), segment=segment)(at)
        for group, columns in groups.items()
    }


def rotated(features: Tensor, parts: list[NDArray[np.int64]], columns: list[int], seed: int) -> Tensor:
    """Copy of `features` (N, F) with `columns` rotated along each of `parts`, by a random share of it."""
    moved, column = features.clone(), torch.tensor(columns, device=features.device)
    for rows in rotation(parts, columns, seed):
        target, source = (torch.from_numpy(each).to(features.device) for each in rows)
        moved[target[:, None], column] = features[source[:, None], column]
    return moved
