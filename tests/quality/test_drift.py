"""Drift against hand-worked numbers, scipy and the transformations that must not matter."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import ks_2samp

from tapeline.errors import QualityError
from tapeline.quality.drift import (
    LEAST_SHARE,
    WEEK,
    Drift,
    drift_lines,
    judge_drift,
    ks_distance,
    measure_drift,
    same_times_of_week,
    stability_index,
)
from tapeline.quality.report import judge

# Few distinct values make ties; an increasing map of them must keep them apart.
SAMPLES = st.integers(2, 60).flatmap(lambda n: arrays(np.float64, n, elements=st.integers(-8, 8).map(float)))


def _measure(train, test):
    (drift,) = measure_drift(["x"], np.asarray(train)[:, None], np.asarray(test)[:, None])
    return drift


def test_equal_distributions_have_next_to_no_drift():
    """Two draws of one normal distribution, of unlike sizes."""
    rng = np.random.default_rng(0)
    drift = _measure(rng.normal(size=20_000), rng.normal(size=10_000))
    assert drift.psi < 0.005
    assert drift.ks < 0.03
    assert (drift.train_rows, drift.test_rows) == (20_000, 10_000)


def test_the_shifted_feature_comes_first_and_is_named(params):
    """Of three features the one that moved by a deviation is the worst, and the only finding that failed."""
    rng = np.random.default_rng(1)
    train, test = rng.normal(size=(5000, 3)), rng.normal(size=(2000, 3))
    test[:, 1] += 1
    drifts = measure_drift(["a", "b", "c"], train, test)
    findings = judge_drift(drifts, params)
    assert [drift.psi for drift in drifts] == sorted((drift.psi for drift in drifts), reverse=True)
    assert [finding.column for finding in findings if not finding.success] == ["b"]
    assert drifts[0].column == "b"
    assert drifts[0].psi > 0.5


def test_stability_index_by_hand():
    """Training 1..10, one value a bin; test half in the first bin, half in the last.

    p = 0.1 everywhere; q = 0.5, 0.5, and the least share in the other eight.
    """
    test = np.array([1.0, 1.0, 10.0, 10.0])
    by_hand = 2 * (0.5 - 0.1) * np.log(0.5 / 0.1) + 8 * (LEAST_SHARE - 0.1) * np.log(LEAST_SHARE / 0.1)
    assert stability_index(np.arange(1.0, 11.0), test) == pytest.approx(by_hand, rel=1e-12)


def test_bins_hold_a_tenth_each():
    """Bins end at the training's deciles, the greatest value of a tenth: a test of one tenth has one bin."""
    train = np.arange(1.0, 101.0)
    for k in range(10):
        tenth = train[10 * k : 10 * k + 10]
        by_hand = (1 - 0.1) * np.log(1 / 0.1) + 9 * (LEAST_SHARE - 0.1) * np.log(LEAST_SHARE / 0.1)
        assert stability_index(train, tenth) == pytest.approx(by_hand, rel=1e-12)


@given(SAMPLES, SAMPLES)
def test_ks_is_the_greatest_distance_of_the_shares_up_to_a_value(train, test):
    """At every value that occurs, as the definition says, and as `scipy.stats` has it."""
    by_hand = max(abs(np.mean(train <= value) - np.mean(test <= value)) for value in [*train, *test])
    found = _measure(train, test).ks
    assert found == pytest.approx(by_hand, abs=1e-15)
    assert found == pytest.approx(ks_2samp(train, test, method="asymp").statistic, abs=1e-15)


@given(SAMPLES, SAMPLES, st.randoms(use_true_random=False))
def test_neither_increasing_maps_nor_the_order_of_rows_matter(train, test, random):
    """Both measures come out the same to the last bit."""
    expected = _measure(train, test)
    mapped = _measure(np.exp(train) - 3, np.exp(test) - 3)
    shuffled = _measure(*(np.array(random.sample(list(x), len(x))) for x in (train, test)))
    assert expected == mapped == shuffled


@given(SAMPLES)
def test_a_sample_has_no_drift_against_itself(sample):
    """Both measures are exactly zero."""
    drift = _measure(sample, sample)
    assert (drift.psi, drift.ks) == (0.0, 0.0)


@pytest.mark.parametrize(("value", "moved"), [(5.0, False), (5.1, True), (4.9, True)])
def test_constant_columns(value, moved):
    """A constant that stays has no drift; one that rises or falls has all there is, either way alike."""
    drift = _measure(np.full(100, 5.0), np.full(50, value))
    worst = 2 * (1 - LEAST_SHARE) * np.log(1 / LEAST_SHARE)
    assert drift.psi == pytest.approx(worst if moved else 0.0)
    assert drift.ks == float(moved)


@pytest.mark.parametrize("part", ["training", "test"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_finite_are_refused(part, value):
    """The column and the part are named."""
    tables = {"training": np.zeros((10, 2)), "test": np.zeros((10, 2))}
    tables[part][3, 1] = value
    with pytest.raises(QualityError, match=f"drift: b is not finite in every {part} row"):
        measure_drift(["a", "b"], *tables.values())


def test_no_rows_are_refused():
    """Nothing compared is not good."""
    with pytest.raises(QualityError, match="no test rows"):
        measure_drift(["a"], np.zeros((10, 1)), np.zeros((0, 1)))


@pytest.mark.parametrize(("psi", "ks", "good"), [(0.25, 0.2, True), (0.26, 0.1, False), (0.1, 0.21, False)])
def test_limits_are_of_both_measures(params, psi, ks, good):
    """A value at its limit passes; either beyond is a warning, or ends the run if params don't say so."""
    (finding,) = judge_drift([Drift("rsi", psi, ks, 100, 50)], params)
    assert (finding.rule, finding.severity, finding.success) == ("drift", "warning", good)
    assert finding.examples == (f"psi {psi:.3g}, ks {ks:.3g}",)
    judge([finding])
    strict = params.model_copy(update={"warnings": ()})
    assert judge_drift([Drift("rsi", psi, ks, 100, 50)], strict) == [
        dataclasses.replace(finding, severity="critical")
    ]


@pytest.mark.parametrize("digits", [0, 1, 17])
def test_ks_of_large_samples_is_scipys_to_the_bit(digits):
    """With ties and without, of unlike sizes."""
    rng = np.random.default_rng(4)
    for n_train, n_test in ((20_000, 3000), (300, 5000), (7, 9000)):
        train, test = rng.normal(size=n_train), rng.normal(0.1, 1, n_test)
        train, test = (np.sort(np.round(sample, digits)) for sample in (train, test))
        assert ks_distance(train, test) == ks_2samp(train, test, method="asymp").statistic


@given(first=st.integers(0, 40), train=st.integers(1, 40), gap=st.integers(0, 10), test=st.integers(1, 20))
def test_the_same_times_of_the_week_are_those_whole_weeks_before(first, train, gap, test):
    """Day by day from the rule: each day of the test, as often as whole spans fit into training."""
    day, start = WEEK // 7, first + train + gap
    spans = ((first * day, (first + train) * day), (start * day, (start + test) * day))
    rows = same_times_of_week(np.arange(120) * day, *spans)
    before = [start - 7 * k for k in range(1, 30)]
    fits = [begin for begin in before if begin >= first and begin + test <= first + train]
    assert sorted(rows) == sorted(begin + t for begin in fits for t in range(test))


def test_drift_is_told_in_a_line_a_group(params):
    """How many of a group drift, and which most."""
    drifts = [Drift(name, psi, 0.1, 10, 10) for name, psi in (("a", 0.9), ("b", 0.5), ("c", 0.7), ("d", 0.1))]
    lines = drift_lines(drifts, {"a": "trend", "b": "trend", "c": "volume", "d": "trend"}, params)
    assert lines == [
        "trend: 2 of 3 features drift, most of all a, psi 0.9, ks 0.1",
        "volume: 1 of 1 features drift, most of all c, psi 0.7, ks 0.1",
    ]
    assert drift_lines(drifts[-1:], {"d": "trend"}, params) == []
