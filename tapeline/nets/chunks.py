"""Chunks of consecutive candles: what a network reads at once, in training and in prediction.

A chunk with a context of c candles is scored from its c-th candle on. In training, chunks are long and
most candles are scored, so a candle is computed once and not once per window; chunks as long as their
context are plain windows.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tapeline.nets.scaled import Features


@dataclass(frozen=True)
class Series:
    """All candles of a training, all symbols below each other, on the training's device.

    features : (N, F) float32, scaled, or scaled as they are taken
    labels : (N,) float32, in 0..1, anything where the weight is 0
    weights : (N,) float32, of each candle's loss; 0 where it is not trained on
    """

    features: Features
    labels: Tensor
    weights: Tensor

    def batch(self, chunks: Tensor, length: int, context: int) -> tuple[Tensor, Tensor, Tensor]:
        """Features (B, T, F), labels (B, T) and weights (B, T) of `chunks` (B, 2), first row and size.

        A chunk shorter than `length` repeats its last candle: no row of another segment is ever read.
        """
        rows, weights = self.scored(chunks, length, context)
        return self.features[rows], self.labels[rows], weights

    def scored(self, chunks: Tensor, length: int, context: int) -> tuple[Tensor, Tensor]:
        """Rows (B, T) of `chunks` and their weights (B, T).

        The weight is 0 past a chunk's end, and where fewer than `context` of its candles lead up to one.
        """
        first, size = chunks[:, :1], chunks[:, 1:]
        steps = torch.arange(length, device=chunks.device)
        rows = first + torch.minimum(steps, (size - 1).clamp(min=0))
        return rows, self.weights[rows] * ((steps >= context - 1) & (steps < size))


def spans_within(segment: NDArray[np.int64], is_kept: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Longest spans [first, end) of rows that are all in the mask `is_kept` and of one segment; shape (S, 2).

    `segment` numbers the rows' segments, unbroken across all symbols, shape (N,).
    """
    starts_segment = np.r_[True, segment[1:] != segment[:-1]]
    first = np.flatnonzero(is_kept & (starts_segment | ~np.r_[False, is_kept[:-1]]))
    ends_segment = np.r_[segment[1:] != segment[:-1], True]
    end = np.flatnonzero(is_kept & (ends_segment | ~np.r_[is_kept[1:], False])) + 1
    return np.column_stack([first, end])


def tile(spans: NDArray[np.int64], length: int, context: int, offset: int = 0) -> NDArray[np.int64]:
    """Chunks (first row, size), shape (K, 2), that score each row with `context` rows of its span once.

    Rows [first, end) of `spans` (S, 2); no chunk leaves its span. `offset` in [0, length - context] moves
    the borders between chunks.
    """
    scored = length - context + 1  # by a whole chunk
    chunks = []
    for first, end in spans:
        n_scored = end - first - context + 1
        if n_scored > 0:
            edges = np.arange(-offset, n_scored, scored)
            begin, stop = np.maximum(edges, 0), np.minimum(edges + scored, n_scored)
            chunks.append(np.column_stack([first + begin, stop - begin + context - 1]))
    return np.concatenate(chunks) if chunks else np.empty((0, 2), dtype=np.int64)


def reached(segment: NDArray[np.int64], rows: NDArray[np.int64], length: int) -> NDArray[np.bool_]:
    """Whether each row is one of the `length` rows up to some row of `rows`, in its segment; shape (N,)."""
    starts = np.flatnonzero(np.r_[True, segment[1:] != segment[:-1]])
    first = starts[np.searchsorted(starts, rows, side="right") - 1]  # of each row's segment
    # One more row is reached from where a window begins on, one fewer behind its end.
    change = np.bincount(np.maximum(rows - length + 1, first), minlength=segment.shape[0] + 1)
    change -= np.bincount(rows + 1, minlength=segment.shape[0] + 1)
    is_reached: NDArray[np.bool_] = np.cumsum(change, out=change)[:-1] > 0
    return is_reached


def mask_of(rows: NDArray[np.int64], n_rows: int) -> NDArray[np.bool_]:
    """Whether each of `n_rows` is one of `rows`."""
    mask = np.zeros(n_rows, bool)
    mask[rows] = True
    return mask
