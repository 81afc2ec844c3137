"""Importance of a group of features: predictions with the group permuted against the rest, by rotation."""

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tapeline.nets.chunks import reached
from tapeline.nets.prediction import Predictor

MIN_SHARE = 0.25  # of a symbol's rows, the least shift of a group: far beyond any dependence of near rows


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
    parts = [np.flatnonzero(symbol[touched] == number) for number in np.unique(symbol[touched])]
    features = predictor.features[torch.from_numpy(touched).to(predictor.features.device)]
    at = np.searchsorted(touched, rows)
    return {
        group: replace(predictor, features=rotated(features, parts, columns, seed), segment=segment)(at)
        for group, columns in groups.items()
    }


def rotated(features: Tensor, parts: list[NDArray[np.int64]], columns: list[int], seed: int) -> Tensor:
    """Copy of `features` (N, F) with `columns` rotated along each of `parts`, by a random share of it."""
    share = np.random.default_rng([seed, *columns]).uniform(MIN_SHARE, 1 - MIN_SHARE)
    moved, column = features.clone(), torch.tensor(columns, device=features.device)
    for part in parts:
        target, source = (
            torch.from_numpy(rows).to(features.device)
            for rows in (part, np.roll(part, int(share * len(part))))
        )
        moved[target[:, None], column] = features[source[:, None], column]
    return moved


def evenly_spaced(rows: NDArray[np.int64], limit: int) -> NDArray[np.int64]:
    """At most `limit` of `rows`, evenly spaced; none for 0, or of no rows."""
    return rows[:: -(-len(rows) // limit)] if limit and len(rows) else rows[:0]
