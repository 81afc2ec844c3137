"""Inputs beyond candles: a row is seen from the moment at which it is known, and no sooner."""

import math
from bisect import bisect_right
from unittest.mock import patch

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tapeline.extra import EVERY, Extra, ExtraParams
from tapeline.features import extra as module
from tapeline.features.extra import extra_features, with_extra_input, with_extra_meaning
from tapeline.features.table import build_table, feature_version
from tapeline.quality.extra_future import known_until, replaced_after
from tests.candles import random_candles

N, MINUTE = 40, 60_000_000
CANDLES = random_candles(N, seed=3, gap_at=25)
OPENS = CANDLES["timestamp"].to_numpy("datetime64[us]").view(np.int64)
COLUMNS = {"rate": "value", "close": "price"}
NAMES = ["rate", "rate_change", "close", "close_change", "age"]


def extra_of(rows, max_age=10, columns=COLUMNS):
    """A table of `(known at, symbol, rate, close)`, microseconds after the first candle's open."""
    params = ExtraParams(
        file="f.parquet", known_at="known_at", delay_s=0, symbol=None, columns=columns, max_age=max_age
    )
    table = pd.DataFrame(rows, columns=["known_at", "symbol", "rate", "close"])
    table["known_at"] = table["known_at"].astype(np.int64) + OPENS[0]
    return Extra("venue", params, table.astype({"rate": float, "close": float}))


def table_of(extra, symbol="A", minutes=1):
    """Its features at each candle."""
    features = extra_features([extra], symbol, minutes)
    table = build_table(CANDLES, CANDLES, features, 1, 15)
    assert [feature.name for feature in features] == [f"extra_venue_{name}" for name in NAMES]
    assert len(table) == N
    return table[[feature.name for feature in features]].to_numpy()


def by_hand(extra, symbol):
    """The same by a loop over candles, from the rule: last row known by the close, no older than max_age."""
    rows = [row for row in extra.rows.itertuples() if row.symbol in (symbol, EVERY)]
    known, out = [row.known_at for row in rows], []
    for opened, own in zip(OPENS.tolist(), CANDLES["close"].tolist(), strict=True):
        close, at = opened + MINUTE, bisect_right(known, opened + MINUTE) - 1
        if at < 0 or close - known[at] > extra.params.max_age * MINUTE:
            out.append([0, 0, 0, 0, math.log(2 + extra.params.max_age)])
            continue
        row, before = rows[at], rows[max(at - 1, 0)]
        out.append([
            row.rate, row.rate - before.rate, math.log(row.close / own), math.log(row.close / before.close),
            math.log(1 + (close - row.known_at) / MINUTE),
        ])  # fmt: skip
    return np.array(out)


# Times on the candles' borders, right beside them, and anywhere; before the first and after the last, too.
TIMES = st.builds(
    lambda minute, off: minute * MINUTE + off,
    st.integers(-5, N + 105),
    st.sampled_from([-1, 0, 1, 12_345_678]),
)
NUMBERS, PRICES = st.floats(-1e3, 1e3), st.floats(0.01, 1e5)
TABLES = st.builds(
    lambda keys, values, age: extra_of(
        [(*key, *value) for key, value in zip(sorted(keys), values, strict=False)], age
    ),
    st.sets(st.tuples(TIMES, st.sampled_from(["A", "B"])), min_size=1, max_size=30),
    st.lists(st.tuples(NUMBERS, PRICES), min_size=30, max_size=30),
    st.integers(1, 60),
)


@given(TABLES)
@settings(deadline=None, max_examples=40)
def test_features_are_of_the_last_row_known_by_the_close(extra):
    """As a loop over candles and rows finds it, for times on either side of every border."""
    np.testing.assert_allclose(table_of(extra), by_hand(extra, "A"), rtol=1e-7, atol=1e-12)


def changed_rows(extra, row, seed):
    """Values up to the candle at `row`, and the same without, and with other, rows known after its close."""
    cut, upto = int(OPENS[row]) + MINUTE, slice(row + 1)
    others = known_until(extra, cut), replaced_after(extra, cut, np.random.default_rng(seed))
    return table_of(extra)[upto], [table_of(other)[upto] for other in others]


@given(TABLES, st.integers(0, N - 1), st.integers(0, 99))
@settings(deadline=None, max_examples=40)
def test_rows_known_after_a_close_change_nothing_up_to_it(extra, row, seed):
    """Taken out or replaced, and at the next moment others known: the same bits."""
    as_they_are, changed = changed_rows(extra, row, seed)
    for other in changed:
        assert other.tobytes() == as_they_are.tobytes()


def by_open_time(known, time):
    """Rows count for the candle in which they fall, as if they spoke of its open: a candle too early."""
    return np.searchsorted(known, time + MINUTE, side="left") - 1


def nearest(known, time):
    """Whichever is nearer, as `merge_asof(direction="nearest")`."""
    if not len(known):
        return np.full(len(time), -1)
    return np.abs(known[None, :] - time[:, None]).argmin(axis=1)


def forward(known, time):
    """The first row at the close or after it."""
    return np.where(np.searchsorted(known, time) < len(known), np.searchsorted(known, time), -1)


def one_more(known, time):
    """The row after the last known, off by one."""
    return np.minimum(np.searchsorted(known, time, side="right"), len(known) - 1)


@pytest.mark.parametrize("planted", [by_open_time, nearest, forward, one_more])
def test_a_join_that_looks_ahead_is_seen(planted):
    """The rule that other rows later change nothing does not hold for it, at one candle or another."""
    rows = [(k * 2 * MINUTE + 1, "A", float(k), 100.0 + k) for k in range(20)]
    with patch.object(module, "last_row", planted):
        found = [changed_rows(extra_of(rows), row, row) for row in range(N - 15)]
    assert any(one.tobytes() != other.tobytes() for one, changed in found for other in changed)


def test_a_row_known_at_the_close_itself_is_seen_and_a_microsecond_later_is_not():
    """At most, not less than."""
    for late, seen in ((0, 7.0), (1, 0.0)):
        values = table_of(extra_of([(MINUTE * 5 + late, "A", 7.0, 100.0)]))
        assert values[4, 0] == seen
        assert values[5, 0] == 7.0


def test_rows_of_another_symbol_are_not_seen_and_those_of_every_symbol_are():
    """Each symbol has its own; rows without one are the same for all."""
    values = table_of(extra_of([(0, "B", 7.0, 100.0)]))
    assert not values[:, :4].any()
    assert table_of(extra_of([(0, EVERY, 7.0, 100.0)]))[0, 0] == 7.0


def test_versions_stay_without_extras_and_move_with_what_they_mean_and_hold():
    """Default tables keep their versions; another age, kind or row is another version."""
    extra, older = extra_of([(0, "A", 7.0, 100.0)]), extra_of([(0, "A", 7.0, 100.0)], max_age=11)

    def input_of(extras, symbol="A"):
        return with_extra_input("v", extras, symbol, *(OPENS[[0, -1]] // MINUTE).tolist(), 1)

    assert with_extra_meaning("v", []) == input_of([]) == "v"
    assert len({with_extra_meaning("v", extras) for extras in ([], [extra], [older])}) == 3
    other = extra_of([(0, "A", 8.0, 100.0)])
    assert len({input_of(extras) for extras in ([], [extra], [other])}) == 3
    assert input_of([extra], "B") != input_of([extra])
    features = extra_features([extra], "A", 1)
    assert feature_version(features, 1) == feature_version(extra_features([other], "B", 1), 1)
