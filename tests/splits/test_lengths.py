"""Lengths of split parts: days as given, `auto` a share of the candles, never more than there are."""

from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapeline.errors import ParamsError, SplitError
from tapeline.params import Params
from tapeline.splits.lengths import LEAST, Lengths, Span, part_lengths
from tapeline.splits.params import SplitParams

DAY = 1440


def params(**changes):
    """The shipped section, changed."""
    shipped = {"mode": "rolling", "folds": 3, "train": "auto", "validation": "auto", "test": "auto"}
    return SplitParams(**shipped | {"embargo": 60} | changes)


def in_days(length, bars_per_day=DAY):
    """Of each part."""
    return tuple(n_bars / bars_per_day for n_bars in asdict(length).values())


def test_the_simulated_market_keeps_its_folds():
    """120 days behind a warm-up of 838 candles: 94 days, 5 and 6, as they were before there was `auto`."""
    for absent in (0, 15, 45):  # candles, at the ends
        rows = 120 * DAY - 838 - absent
        assert in_days(part_lengths(params(), Span(rows, 838, DAY), 15)) == (94, 5, 6)


def test_a_feature_left_out_moves_no_fold():
    """The share is of all candles, whatever the warm-up takes: runs with other features stay comparable."""
    found = {part_lengths(params(), Span(120 * DAY - lost, lost, DAY), 15) for lost in (0, 240, 838, 1499)}
    assert len(found) == 1


def test_a_month_and_a_half_of_minutes_is_cut_in_proportion():
    """46 days: about 36 to train on, 2 to calibrate and 7 to test on, in three."""
    train, validation, test = in_days(part_lengths(params(), Span(46 * DAY - 838, 838, DAY), 15))
    assert 35 < train < 37
    assert 1.5 < validation < 2
    assert 2 < test < 2.4


def test_more_folds_test_the_same_candles():
    """`auto` tests are shorter then, so that figures of three and of six folds are of the same days."""
    three, six = (part_lengths(params(folds=folds), Span(119 * DAY, DAY, DAY), 15) for folds in (3, 6))
    assert 3 * three.test == 6 * six.test
    assert three.train == six.train


def test_days_that_are_given_are_kept_and_auto_gives_way():
    """Twenty days leave the rest as it was; a hundred and ten take from it."""
    span = Span(119 * DAY, DAY, DAY)
    assert in_days(part_lengths(params(train=20), span, 15)) == (20, 5, 6)
    long = part_lengths(params(train=110.0), span, 15)
    assert long.train == 110 * DAY
    assert long.needed(3) <= span.rows
    assert long.validation >= LEAST["validation"] + 75
    assert long.test >= LEAST["test"]


DAYS = st.just("auto") | st.floats(0.1, 60)


@given(
    days=st.tuples(DAYS, DAYS, DAYS),
    folds=st.integers(1, 12),
    embargo=st.integers(0, 200),
    horizon=st.integers(1, 200),
    rows=st.integers(1, 200_000),
    lost=st.integers(0, 1499),
    minutes=st.sampled_from([1, 5, 15, 60]),
)
def test_parts_fit_into_the_candles_or_are_refused(days, folds, embargo, horizon, rows, lost, minutes):
    """Whatever is given: they fit, keep what was given, leave rows behind purge and embargo."""
    given_days = dict(zip(LEAST, days, strict=True))
    splits, span = params(**given_days, folds=folds, embargo=embargo), Span(rows, lost, DAY // minutes)
    gaps = {"train": horizon + embargo, "validation": horizon + embargo, "test": 0}
    taken = gaps | {"test": horizon}  # its last labels are not known
    lowest = {
        part: taken[part] + LEAST[part] if wanted == "auto" else round(wanted * DAY / minutes)
        for part, wanted in given_days.items()
    }
    is_enough = lowest["train"] + lowest["validation"] + folds * lowest["test"] <= rows
    if not is_enough or any(lowest[part] <= gaps[part] for part in LEAST):
        with pytest.raises(SplitError):
            part_lengths(splits, span, horizon)
        return
    found = part_lengths(splits, span, horizon)
    assert found.needed(folds) <= rows
    for part, length in asdict(found).items():
        assert length >= lowest[part] if given_days[part] == "auto" else length == lowest[part]


@given(rows=st.integers(1, 20_000), folds=st.integers(1, 6), minutes=st.sampled_from([1, 5, 15, 60]))
def test_exactly_the_least_history_is_enough(rows, folds, minutes):
    """All auto: refused if, and only if, fewer candles are there than the least parts hold."""
    needed = 100 + 75 + 30 + 75 + folds * (15 + 15)  # the rule, spelt out
    span = Span(rows, 700, DAY // minutes)
    if rows >= needed:
        assert part_lengths(params(folds=folds), span, 15).needed(folds) <= rows
    else:
        with pytest.raises(SplitError, match=f"fewer than the {needed} "):
            part_lengths(params(folds=folds), span, 15)


def test_a_refusal_says_how_many_days_it_takes_and_there_are():
    """At the interval, warm-up included: 40 days of hours are too few, and 45.4 would do."""
    with pytest.raises(SplitError) as caught:
        part_lengths(params(), Span(40 * 24 - 719, 719, 24), 15)
    assert str(caught.value) == (
        "241 candles behind the warm-up of 719 are fewer than the 370 that splits.folds = 3, "
        "splits.train = auto (at least 175 candles), splits.validation = auto (at least 105 candles), "
        "splits.test = auto (at least 30 candles) need: that takes 45.4 days of candles, there are 40.0"
    )
    assert part_lengths(params(), Span(46 * 24 - 719, 719, 24), 15).needed(3) <= 46 * 24 - 719


@pytest.mark.parametrize("value", ["20", "Auto", 0, -1.0, True, None, [3], float("nan"), float("inf")])
def test_anything_but_days_and_auto_is_refused(value):
    """One line with key, value and rule; whole numbers, as `-S splits.train=20` sets, are days."""
    section = {"mode": "rolling", "folds": 1, "train": value, "validation": 2, "test": "auto", "embargo": 0}
    with pytest.raises(ParamsError, match=r"splits\.train.* must be days, a number greater than 0, or auto"):
        Params({"splits": section}).section("splits", SplitParams)
    found = Params({"splits": section | {"train": 20}}).section("splits", SplitParams)
    assert (found.train, found.validation, found.test) == (20.0, 2.0, "auto")
    assert isinstance(part_lengths(found, Span(100_000, 0, DAY), 15), Lengths)
