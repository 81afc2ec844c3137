"""Months of a feature table: what each is made from, and nothing else."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tapeline.extra import Extra, ExtraParams
from tapeline.features.catalog import FEATURES
from tapeline.features.extra import with_extra_input
from tapeline.features.table import build_blocks, build_table, table_months
from tests.candles import random_candles, with_gaps

NAMES = "return_5", "rsi_14", "leader_return_5", "leader_volatility_60", "sma_gap_20"
CHOSEN = [FEATURES[name] for name in NAMES if name in FEATURES]
REACH = max(feature.lookback for feature in CHOSEN)
HORIZON, MAX_FILL = 15, 15
APRIL = pd.Timestamp("2025-04-01", tz="UTC")
N, ROW = 6000, 5900  # the last day of March is candle 4,560; one of April's rows


def market(seed=0, gap_at=None):
    """Candles across the end of March, some filled; about 1,400 of them are of April."""
    return with_gaps(random_candles(N, seed=seed, gap_at=gap_at), 0.05, seed=seed)


def months_of(candles, leader):
    """Months by name: input version and table."""
    months = table_months(candles, leader, CHOSEN, HORIZON, MAX_FILL)
    return {month.name: (month.input_version, month.build()) for month in months}


def same(one, other):
    """Whether two tables have the same bits."""
    assert list(one) == list(other)
    return one["timestamp"].equals(other["timestamp"]) and all(
        one[name].to_numpy().tobytes() == other[name].to_numpy().tobytes() for name in one.columns[1:]
    )


OWN, LEADER = market(gap_at=5200), market(seed=1)


def test_there_are_features_that_remember_where_they_began():
    """Or these tests would show nothing."""
    assert {"rsi_14", "return_5", "leader_return_5"} <= {feature.name for feature in CHOSEN}


def test_a_table_is_its_months_in_order():
    """By blocks too, row by row and bit by bit; each month has the rows of its name."""
    months = months_of(OWN, LEADER)
    table = build_table(OWN, LEADER, CHOSEN, HORIZON, MAX_FILL)
    assert list(months) == ["2025-03", "2025-04"]
    for name, (_, month) in months.items():
        assert set(month["timestamp"].dt.strftime("%Y-%m")) == {name}
    joined = pd.concat([month for _, month in months.values()], ignore_index=True)
    assert same(joined, table)
    blocks = build_blocks(OWN, LEADER, CHOSEN, HORIZON, MAX_FILL)
    assert same(pd.concat(blocks, ignore_index=True), table)


@settings(max_examples=20, deadline=None)
@given(st.data())
def test_a_month_depends_on_its_own_candles_and_those_within_reach(data):
    """Cut anywhere before the lookback of April, or behind the horizon of March: the same bits and version.

    What lies nearer changes both.
    """
    whole = months_of(OWN, LEADER)
    first = int(np.searchsorted(OWN["timestamp"], APRIL))
    begin = data.draw(st.integers(0, first - REACH + 1))
    later = OWN.iloc[begin:].reset_index(drop=True)
    version, table = months_of(later, LEADER)["2025-04"]
    assert version == whole["2025-04"][0]
    assert same(table, whole["2025-04"][1])
    end = data.draw(st.integers(first + HORIZON, len(OWN)))
    version, table = months_of(OWN.iloc[:end], LEADER)["2025-03"]
    assert version == whole["2025-03"][0]
    assert same(table, whole["2025-03"][1])
    near = data.draw(st.integers(first - REACH + 2, first - 1))
    assert months_of(OWN.iloc[near:].reset_index(drop=True), LEADER)["2025-04"][0] != whole["2025-04"][0]
    soon = data.draw(st.integers(first + 1, first + HORIZON - 1))
    assert months_of(OWN.iloc[:soon], LEADER)["2025-03"][0] != whole["2025-03"][0]


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_tables_differ_only_where_versions_do(data):
    """Whatever candle is corrected, own or the leader's, or is missing of the leader."""
    row, what = (
        data.draw(st.integers(0, N - 1)),
        data.draw(st.sampled_from(["close", "volume", "leader", "gone"])),
    )
    own, leader = OWN, LEADER
    if what in ("close", "volume"):
        own = OWN.assign(**{what: OWN[what].where(OWN.index != row, OWN[what] * 1.001)})
    elif what == "leader":
        leader = LEADER.assign(close=LEADER["close"].where(LEADER.index != row, LEADER["close"] * 1.001))
    else:
        leader = LEADER.drop(index=range(row, min(row + 40, N))).reset_index(drop=True)
    before, after = months_of(OWN, LEADER), months_of(own, leader)
    assert list(before) == list(after)
    for name in before:
        assert same(before[name][1], after[name][1]) or before[name][0] != after[name][0]
    if what == "close":  # of its own candles each is in the version of its month and of none that is far away
        month = f"{OWN['timestamp'].iloc[row]:%Y-%m}"
        assert row < REACH - 1 or before[month][0] != after[month][0]
        far = abs((OWN["timestamp"].iloc[row] - APRIL).total_seconds()) / 60 > REACH + HORIZON
        assert not far or [name for name in before if before[name][0] != after[name][0]] in ([], [month])


@pytest.mark.parametrize("column", ["open", "high", "low", "close", "volume", "is_filled", "segment"])
def test_every_column_of_a_candle_counts(column):
    """Of each candle of a month; what no feature reads today may be read tomorrow, and keys are stored."""
    before = months_of(OWN, LEADER)
    changed = OWN[column].to_numpy(copy=True)
    if column == "segment":
        changed[5200:] += 1  # as a gap further back moves all numbers behind it
    elif column == "is_filled":
        changed[ROW] ^= True
    else:
        changed[ROW] *= 1.001
    after = months_of(OWN.assign(**{column: changed}), LEADER)
    assert [name for name in before if before[name][0] != after[name][0]] == ["2025-04"]
    assert column not in ("is_filled", "segment") or not same(before["2025-04"][1], after["2025-04"][1])


def test_the_same_prices_an_hour_later_are_another_month():
    """As when a file's zone is mended: all within one month, candle by candle."""

    def april(hours):
        later = pd.Timedelta(hours=hours)
        own, leader = (table.assign(timestamp=table["timestamp"] + later) for table in (OWN, LEADER))
        return months_of(own[4800:5200].reset_index(drop=True), leader)["2025-04"]

    (version, table), (later, moved) = april(0), april(1)
    assert np.array_equal(table["return_5"], moved["return_5"])
    assert version != later


def test_another_horizon_is_another_month_where_its_candles_are_the_same():
    """As at the end of a segment, behind which no horizon reaches."""
    last = OWN.iloc[:4000]
    versions = {
        month.input_version
        for horizon in (14, 15)
        for month in table_months(last, LEADER, CHOSEN, horizon, MAX_FILL)
    }
    assert len(versions) == 2


def extra_of(values, start):
    """A table of one column, known every hour from `start` on."""
    params = ExtraParams(
        file="f.parquet", known_at="known_at", delay_s=0, symbol=None, columns={"rate": "value"}, max_age=90
    )
    known = np.datetime64(start, "us").astype(np.int64) + 3_600_000_000 * np.arange(len(values))
    return Extra("rates", params, pd.DataFrame({"known_us": known, "symbol": "*", "rate": values}))


@pytest.mark.parametrize(("row", "differs"), [(0, False), (1, True), (2, True), (5, True), (6, False)])
def test_rows_of_extras_count_where_candles_know_them(row, differs):
    """From the one before the last known at the first open, to the last known at the last close."""
    values = np.arange(9.0)
    first = int(np.datetime64("2025-04-01T02:30", "m").astype(np.int64))
    span = first, first + 149  # candles of a minute: the last closes when row 5 is known

    def version(values):
        from tapeline.extra import EVERY, KNOWN

        table = extra_of(values, "2025-04-01T00:00")
        rows = table.rows.rename(columns={"known_us": KNOWN}).assign(symbol=EVERY)
        return with_extra_input("v", [Extra(table.name, table.params, rows)], "A", *span, 1)

    assert (version(values) != version(np.where(np.arange(9) == row, -1.0, values))) is differs
    assert with_extra_input("v", [], "A", *span, 1) == "v"
