"""Which rows of a fold teach, calibrate and are predicted, and with which weights a fold begins."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapeline.splits.folds import TimeFold
from tapeline.training.fold_jobs import train_folds
from tapeline.training.train import fold_rows

START, MINUTE = pd.Timestamp("2026-01-12", tz="UTC"), pd.Timedelta(minutes=1)
N = 60


@given(st.lists(st.integers(0, N), min_size=6, max_size=6).map(sorted), st.integers(0, 1000))
def test_rows_of_a_fold_lie_in_their_part_and_can_be_used_there(ends, seed):
    """Training rows are trainable, validation has windows and labels, a test is predicted without labels."""
    fold = TimeFold(
        *((START + a * MINUTE, START + b * MINUTE) for a, b in zip(*[iter(ends)] * 2, strict=True))
    )
    trainable, predictable, has_label = np.random.default_rng(seed).random((3, 2 * N)) < 0.7
    minute = np.tile(np.arange(N), 2)  # of two symbols
    found = fold_rows(fold, pd.Series(START + minute * MINUTE), trainable, predictable, has_label)
    within = [(minute >= a) & (minute < b) for a, b in zip(*[iter(ends)] * 2, strict=True)]
    assert found.part.tolist() == np.flatnonzero(within[0]).tolist()
    assert found.train.tolist() == np.flatnonzero(within[0] & trainable).tolist()
    assert found.validation.tolist() == np.flatnonzero(within[1] & predictable & has_label).tolist()
    assert found.test.tolist() == np.flatnonzero(within[2] & predictable).tolist()


class Trained:
    """In place of a training: a fold's net is its number, and the weights it began with are noted."""

    def __init__(self, **params):
        self.params = SimpleNamespace(workers=1, processes=1, **params)
        self.begun = []

    def fold(self, job, fabric=None, start=None):
        """Train nothing."""
        self.begun.append(start)
        return SimpleNamespace(net=job)


@pytest.mark.parametrize(("is_warm", "begun"), [(True, [None, 0, 1]), (False, [None, None, None])])
def test_folds_begin_with_the_weights_of_the_one_before_only_if_asked(is_warm, begun):
    """In order, whatever device there is."""
    for device in ("cpu", "cuda"):
        training = Trained(warm_start=is_warm)
        fabric, on = SimpleNamespace(world_size=1), SimpleNamespace(type=device)
        assert [trained.net for trained in train_folds(training, fabric, on, [0, 1, 2])] == [0, 1, 2]
        assert training.begun == begun
