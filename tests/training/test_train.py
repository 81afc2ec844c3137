"""Which rows of a fold teach, calibrate and are predicted, and with which weights a fold begins."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapeline.models.lstm import LSTM
from tapeline.nets.ensemble import Ensemble
from tapeline.splits.folds import TimeFold
from tapeline.training import fold_jobs
from tapeline.training.fold_jobs import Job, Member, Training, train_folds
from tapeline.training.starts import Begun
from tapeline.training.train import fold_rows, kept_in
from tests.nets.problem import make_net, train_params

START, MINUTE = pd.Timestamp("2026-01-12", tz="UTC"), pd.Timedelta(minutes=1)
N = 60


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ([], ""),
        (["fold_0.0.pt"], "1 fold begun or done is kept in "),
        (["fold_0.0.pt", "fold_0.1.pt", "fold_1-0.0.pt"], "2 folds begun or done are kept in "),
    ],
)
def test_folds_with_a_checkpoint_are_counted(tmp_path, files, said):
    """A fold once, of how many networks its model may be the mean."""
    for name in files:
        (tmp_path / name).touch()
    assert kept_in(tmp_path) == (said and f"{said}{tmp_path}")


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


@pytest.mark.parametrize("of", [None, "bundle"])
def test_a_network_of_a_fold_that_is_a_task_of_its_own_begins_with_the_bundles_of_its_place(
    tmp_path, monkeypatch, of
):
    """As the fold that takes up its checkpoint would have begun it; of others with fresh weights."""
    start = Ensemble([make_net("lstm")() for _ in range(2)])
    params = train_params(seeds=2)
    begun = []

    def run_fold(fabric, make_net, table, rows, own, title, checkpoint, on_epoch, start=None):
        begun.append((own.seed, start))
        checkpoint.with_suffix(".0.pt").touch()

    monkeypatch.setattr(fold_jobs, "run_fold", run_fold)
    table = SimpleNamespace(features=np.zeros((1, 1)))
    training = Training(LSTM, None, params, table, {}, tmp_path, tmp_path, start)
    job = Job(0, "fold_0", None, of and Begun(of))
    for k in (0, 1):
        training.member(Member(job, k))
    expected = [start.members[k] if of else None for k in (0, 1)]
    assert begun == [(params.seed + k, expected[k]) for k in (0, 1)]


@pytest.mark.parametrize("of", [None, "bundle", "fold_0"])
def test_a_fold_begins_with_what_its_job_says(tmp_path, monkeypatch, of):
    """A bundle for some folds is none for those that go on from the fold before."""
    start, before = make_net("lstm")(), make_net("lstm")()
    begun = []

    def run_fold(*given):
        begun.append(given[-1])

    monkeypatch.setattr(fold_jobs, "run_fold", run_fold)
    monkeypatch.setattr(fold_jobs, "trained_fold", lambda *given: None)
    table = SimpleNamespace(features=np.zeros((1, 1)))
    training = Training(LSTM, None, train_params(), table, {}, tmp_path, tmp_path, start)
    training.fold(Job(1, "fold_1", None, of and Begun(of)), SimpleNamespace(is_global_zero=True), before)
    assert begun == [{None: None, "bundle": start, "fold_0": before}[of]]
