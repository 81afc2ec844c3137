"""With which weights folds begin: a bundle's only where nothing that it learned from lies too late."""

from types import SimpleNamespace

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapeline.models.start import LearnedSpan, Start
from tapeline.splits.folds import on_calendar, refit_fold
from tapeline.splits.lengths import Span
from tapeline.splits.params import SplitParams
from tapeline.splits.walk_forward import walk_forward
from tapeline.training.starts import begin_folds

START, MINUTE = pd.Timestamp("2026-01-12", tz="UTC"), pd.Timedelta(minutes=1)
N, TRAIN, VALIDATION, TEST = 900, 300, 90, 120


def folds_of(horizon, embargo, mode="rolling", is_refit=False, test=TEST):
    """Three folds as the splits stage cuts them, a bar a minute."""
    params = SplitParams(
        mode=mode,
        folds=3,
        train=TRAIN / 1440,
        validation=VALIDATION / 1440,
        test=test / 1440,
        embargo=embargo,
    )
    cut = [on_calendar(fold, START, MINUTE) for fold in walk_forward(params, Span(N, 0, 1440), horizon)]
    return [*cut, refit_fold(cut[-1], START + N * MINUTE)] if is_refit else cut


def start_of(train, validation, horizon=5):
    """A bundle whose last rows of training and of validation are these bars."""
    span = {
        part: (START.to_pydatetime(), (START + last * MINUTE).to_pydatetime())
        for part, last in (("train", train), ("validation", validation))
    }
    model = SimpleNamespace(span=LearnedSpan(**span), interval="1m", horizon=horizon)
    return Start(SimpleNamespace(name="lstm-direction"), "1a2b", model)


def names_of(folds):
    """As a training calls them."""
    return [f"fold_{k}" for k in range(len(folds))]


def sees(bars, horizon):
    """The last bar whose close a model knows that learned from labelled rows up to the last of `bars`."""
    return max(bar + k for bar in bars for k in range(horizon + 1))


@given(
    horizon=st.integers(1, 30), embargo=st.integers(0, 20), train=st.integers(0, N - 1),
    validation=st.integers(0, N - 1), mode=st.sampled_from(["rolling", "expanding"]), is_refit=st.booleans(),
)  # fmt: skip
def test_no_fold_begins_with_what_has_seen_its_validation_or_the_embargo_before(
    horizon, embargo, train, validation, mode, is_refit
):
    """Counted bar by bar: of all that the bundle knows none lies in the embargo's candles or behind them."""
    folds = folds_of(horizon, embargo, mode, is_refit)
    begun, lines = begin_folds(names_of(folds), folds, start_of(train, validation, horizon), is_warm=False)
    for name, fold, found, line in zip(names_of(folds), folds, begun, lines, strict=True):
        known = sees([train, validation], horizon)
        first = (fold.validation[0] - START) // MINUTE
        is_right = known < first and len(range(known + 1, first)) >= embargo
        assert (found is not None) == is_right
        says = "begins with" if is_right else "can't begin with"
        assert line.startswith(f"{name.replace('_', ' ')}: {says} ")


@given(last=st.integers(0, N - 1))
def test_the_latest_row_of_a_fold_s_own_training_is_the_latest_there_may_be(last):
    """One more is one too many: at the border itself, whichever part the row is of."""
    folds = folds_of(15, 60)
    latest = (folds[1].train[1] - START) // MINUTE - 1
    for part in ({"train": latest, "validation": 0}, {"train": 0, "validation": latest}):
        assert begin_folds(["a"], folds[1:2], start_of(**part), is_warm=False)[0][0]
        later = {name: bar + 1 if bar == latest else bar for name, bar in part.items()}
        assert begin_folds(["a"], folds[1:2], start_of(**later), is_warm=False)[0] == [None]
    assert (begin_folds(["a"], folds[1:2], start_of(last, 0), False)[0] != [None]) == (last <= latest)


def test_a_fold_that_may_not_says_why_in_a_line():
    """What was learned, and what would have been early enough."""
    folds = folds_of(5, 10)
    start = start_of(10, (folds[0].train[1] - START) // MINUTE)
    begun, lines = begin_folds(names_of(folds), folds, start, is_warm=False)
    assert [bool(each) for each in begun] == [False, True, True]
    assert lines[0] == (
        "fold 0: can't begin with lstm-direction 1a2b, which has learned from candles up to "
        "2026-01-12 07:15: must be before 2026-01-12 07:15, a label and the embargo ahead of its validation"
    )
    assert lines[1:] == [f"fold {k}: begins with the weights of lstm-direction 1a2b" for k in (1, 2)]


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        (0, [("bundle", "1a2b"), ("fold_0", "1a2b"), ("fold_1", "1a2b")]),
        (1, [None, ("bundle", "1a2b"), ("fold_1", "1a2b")]),
        (2, [None, ("fold_0", None), ("bundle", "1a2b")]),
        (3, [None, ("fold_0", None), ("fold_1", None)]),
    ],
)
def test_warm_folds_take_a_bundle_up_once_and_go_on_from_the_fold_before(last, expected):
    """At the first fold that may begin with it; `last` is the first fold that may."""
    folds = folds_of(5, 10)
    end = folds[last].train[1] if last < 3 else START + N * MINUTE
    start = start_of(0, (end - START) // MINUTE - 1)
    begun, _ = begin_folds(names_of(folds), folds, start, is_warm=True)
    assert [each and (each.of, each.bundle) for each in begun] == expected
    assert [bool(each and each.span) for each in begun] == [k == last for k in range(3)]


def test_without_a_bundle_or_warmth_every_fold_begins_anew_and_nothing_is_said():
    """As shipped."""
    folds = folds_of(5, 10)
    assert begin_folds(names_of(folds), folds, None, is_warm=False) == ([None] * 3, [])


def test_a_fold_before_that_was_stopped_within_this_ones_validation_teaches_it_nothing():
    """Where tests are shorter than validation: by the same rule as of a bundle."""
    folds = folds_of(5, 10, test=VALIDATION)
    assert [each and each.of for each in begin_folds(names_of(folds), folds, None, True)[0]] == [
        None, "fold_0", "fold_1",
    ]  # fmt: skip
    folds = folds_of(5, 10, test=VALIDATION - 1)
    begun, lines = begin_folds(names_of(folds), folds, None, True)
    assert begun == [None] * 3
    assert [line.split(",")[0] for line in lines] == [
        "fold 1: can't begin with the one before", "fold 2: can't begin with the one before",
    ]  # fmt: skip
