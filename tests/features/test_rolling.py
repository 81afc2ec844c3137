"""Windows against what their definitions say, number by number and exactly."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tapeline.features import rolling

VALUES = st.lists(st.integers(-50, 50), min_size=1, max_size=60)
WINDOW = st.integers(2, 25)


def exact_moments(x, y):
    """Sums of squared deviations of both and of their products, exactly."""
    x, y = ([Fraction(each) for each in values] for values in (x, y))
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    return (
        sum((each - mean_x) ** 2 for each in x),
        sum((each - mean_y) ** 2 for each in y),
        sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True)),
    )


def correlation(x, y):
    """Pearson's; 0 where either is constant."""
    of_x, of_y, both = exact_moments(x, y)
    return 0.0 if of_x * of_y == 0 else float(both) / float(of_x * of_y) ** 0.5


def run(values):
    """How many at the end are equal."""
    same = 0
    for value in reversed(values):
        if value != values[-1]:
            break
        same += 1
    return same


PLAIN = {
    "rolling_sum": lambda w: float(sum(w)),
    "rolling_mean": lambda w: sum(w) / len(w),
    "rolling_std": lambda w: float(exact_moments(w, w)[0] / len(w)) ** 0.5,
    "rolling_min": min,
    "rolling_max": max,
    "rolling_straightness": lambda w: correlation(w, range(len(w))),
    "run_length": run,
}


@pytest.mark.parametrize("name", PLAIN)
@settings(max_examples=60, deadline=None)
@given(values=VALUES, window=WINDOW)
def test_a_window_gives_what_its_definition_says(name, values, window):
    """At every row, NaN before the first whole window."""
    found = getattr(rolling, name)(np.array(values, dtype=np.float64), window)
    for i, value in enumerate(found):
        if i < window - 1:
            assert np.isnan(value)
        else:
            assert value == pytest.approx(PLAIN[name](values[i - window + 1 : i + 1]), abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(
    pairs=st.lists(st.tuples(st.integers(-9, 9), st.integers(-9, 9)), min_size=1, max_size=60), window=WINDOW
)
def test_correlations_are_pearsons(pairs, window):
    """0 where either is constant."""
    x, y = np.array(pairs, dtype=np.float64).T
    found = rolling.rolling_correlation(x, y, window)
    for i in range(window - 1, len(pairs)):
        expected = correlation(*zip(*pairs[i - window + 1 : i + 1], strict=True))
        assert found[i] == pytest.approx(expected, abs=1e-9)


def test_what_is_past_leaves_no_trace():
    """After a million, a window of zeros sums to zero, and one of equal numbers deviates by nothing."""
    values = np.concatenate([np.full(7, 1e6), np.zeros(12), np.full(12, 0.1)])
    for window in (3, 5, 6):
        assert (rolling.rolling_sum(values, window)[6 + window : 19] == 0).all()
        assert (rolling.rolling_std(values, window)[18 + window :] == 0).all()


def test_a_nan_is_seen_by_its_windows_alone():
    """Those that hold it are NaN."""
    values = np.arange(20.0)
    values[8] = np.nan
    for name in ("rolling_sum", "rolling_std"):
        found = getattr(rolling, name)(values, 4)
        assert np.flatnonzero(np.isnan(found)).tolist() == [0, 1, 2, 8, 9, 10, 11]


def test_nothing_looks_ahead():
    """Neither a lag nor a window may be of later candles, nor of none."""
    values = np.arange(5.0)
    assert rolling.lag(values, 0).tolist() == values.tolist()
    for name, least in (("lag", 0), ("rolling_sum", 1), ("rolling_max", 1), ("run_length", 1)):
        told = f"must look back over at least {least} candles, got {least - 1}"
        with pytest.raises(ValueError, match=told):
            getattr(rolling, name)(values, least - 1)
