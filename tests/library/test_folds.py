"""Walk-forward folds on any calendar: whole, in order, and no label of a part reaches the next."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapeline import api

LENGTHS = {"mode": "rolling", "folds": 2, "train": 40, "validation": 20, "test": 15, "embargo": 3}


def irregular(n, seed):
    """`n` times apart by anything from a minute to a weekend."""
    steps = np.random.default_rng(seed).choice([1, 5, 60, 2880], n)
    return pd.to_datetime("2024-01-01") + pd.to_timedelta(np.cumsum(steps), unit="min")


@given(
    seed=st.integers(0, 99),
    horizon=st.integers(1, 6),
    embargo=st.integers(0, 6),
    mode=st.sampled_from(["rolling", "expanding"]),
    folds=st.integers(1, 4),
)
def test_no_label_of_a_part_ends_within_the_embargo_of_the_next(seed, horizon, embargo, mode, folds):
    """By the rule, on bars counted by hand; tests tile the calendar's end; rows of a time stay together."""
    times = irregular(200, seed)
    rng = np.random.default_rng(seed)
    rows = times[rng.integers(0, 200, 700)].append(times)  # several rows a time, in any order
    rank = {time: k for k, time in enumerate(times)}
    bar = np.array([rank[time] for time in rows])
    found = api.walk_forward_folds(
        rows, bars_per_day=1, horizon=horizon, mode=mode, folds=folds, train=40, validation=20, test=15,
        embargo=embargo,
    )  # fmt: skip
    for train, validation, test in found:
        for before, after in ((train, validation), (validation, test)):
            assert bar[before].max() + horizon + embargo < bar[after].min()
            assert bar[before].max() + horizon + embargo + 1 == bar[after].min()  # and nothing more is lost
        for part in (train, validation, test):
            assert set(part) == set(np.flatnonzero((bar >= bar[part].min()) & (bar <= bar[part].max())))
        assert bar[train].min() == 0 or mode == "rolling"
    tested = np.concatenate([test for *_, test in found])
    assert sorted(set(bar[tested])) == list(range(200 - 15 * folds, 200))
    assert len(tested) == len(set(tested))


def test_days_are_as_many_bars_as_is_said():
    """On sessions of 78 bars, two days of test are 156 bars, wherever the nights lie."""
    sessions = pd.date_range("2024-01-01 09:30", periods=78, freq="5min")
    times = pd.DatetimeIndex(np.concatenate([sessions + pd.Timedelta(days=d) for d in range(30)]))
    (fold,) = api.walk_forward_folds(
        times, bars_per_day=78, horizon=2, mode="rolling", folds=1, train=10, validation=3, test=2, embargo=0
    )
    assert [len(part) for part in fold] == [780 - 2, 234 - 2, 156]


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"mode": "sliding"}, "mode is 'sliding'"),
        ({"folds": 0}, "folds is 0"),
        ({"train": -1}, "train is -1: must be days, a number greater than 0, or auto"),
        ({"horizon": 0}, "horizon is 0"),
        ({"bars_per_day": 0.5}, "bars_per_day is 0.5"),
        ({"train": 500}, "200 candles .* are fewer than"),
        ({"validation": 4}, "validation is 4 candles: must exceed"),
        ({"timestamps": np.arange(200)}, "dtype int64: must be times"),
        ({"timestamps": pd.DatetimeIndex([])}, "at least one"),
        ({"timestamps": pd.DatetimeIndex([None, "2024-01-01"])}, "none missing"),
    ],
)
def test_wrong_arguments_get_a_sentence(changed, told):
    """What, the value and the rule, as a TapelineError."""
    arguments = {"timestamps": irregular(200, 0), "bars_per_day": 1, "horizon": 2} | LENGTHS | changed
    with pytest.raises(api.TapelineError, match=told):
        api.walk_forward_folds(**arguments)
