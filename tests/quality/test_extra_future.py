"""Rows of `data.extra` that are not known yet: replaced or taken out, and whoever looked at them is named."""

from unittest.mock import patch

import numpy as np
import pandas as pd
import pytest

from tapeline.errors import QualityError
from tapeline.extra import Extra, ExtraParams, known_times
from tapeline.features import extra as features_module
from tapeline.quality.extra_future import known_until, replaced_after
from tapeline.quality.ledger import History
from tapeline.quality.params import LeakParams
from tapeline.quality.report import judge_leaks
from tapeline.scoring.audits import CHEAPEST, Audited, audit_extras
from tests.candles import random_candles

N, MINUTE = 400, 60_000_000
CANDLES = random_candles(N, seed=5, gap_at=250)
FIRST = int(CANDLES["timestamp"].iloc[0].value) // 1000
PARAMS = ExtraParams(
    file="f.parquet", known_at="known_at", delay_s=0, symbol="symbol", columns={"rate": "value"}, max_age=60
)
QUALITY = LeakParams(leak_cuts=64, seed=3)


def extra_of(step, late):
    """Rates of two symbols, known every `step` minutes and `late` microseconds after a candle's border."""
    known = FIRST + np.arange(-20, N + 100, step).astype(np.int64) * MINUTE + late
    rates = np.random.default_rng(2).normal(size=len(known))
    parts = [pd.DataFrame({"known_at": known, "symbol": s, "rate": rates}) for s in ("A", "B")]
    rows = pd.concat(parts).sort_values(["known_at", "symbol"]).reset_index(drop=True)
    return Extra("funding", PARAMS, rows)


def audit(extra):
    """The audit of its features on candles of A."""
    audited = Audited([CHEAPEST], 1, 15, [extra]).of("A")
    return audit_extras(audited, History("A", CANDLES, CANDLES), QUALITY)


@pytest.mark.parametrize(("step", "late"), [(1, 0), (1, 1), (7, -1), (60, 3_000_000)])
def test_an_honest_join_passes(step, late):
    """However often rows come, and wherever they lie beside the borders."""
    found = audit(extra_of(step, late))
    assert not found.leaks
    assert found.cells > 1000


PLANTS = {
    "by open time": lambda known, time: np.searchsorted(known, time + MINUTE, side="left") - 1,
    "nearest": lambda known, time: np.abs(known[None, :] - time[:, None]).argmin(axis=1),
    "a microsecond ahead": lambda known, time: np.searchsorted(known, time + 1, side="right") - 1,
    "the next row": lambda known, time: np.minimum(np.searchsorted(known, time), len(known) - 1),
}


@pytest.mark.parametrize("plant", PLANTS)
@pytest.mark.parametrize(("step", "late"), [(1, 1), (60, 3_000_000)])
@pytest.mark.filterwarnings("ignore:invalid value")  # an age below 0
def test_a_join_that_looks_ahead_is_named(plant, step, late):
    """With the column and the candle; one in which a row of the future is nearer, too."""
    with patch.object(features_module, "last_row", PLANTS[plant]):
        found = audit(extra_of(step, late))
    with pytest.raises(QualityError, match=r"A: extra_funding_\w+ .*knows rows of data.extra too early"):
        judge_leaks([found])


def test_replaced_rows_leave_all_that_is_known_and_are_others_after():
    """The same rows up to the moment, new ones right after it; given an end, none of them later."""
    extra, moment, end = extra_of(7, 0), FIRST + 100 * MINUTE, FIRST + 200 * MINUTE
    for until in (None, end):
        other = replaced_after(extra, moment, np.random.default_rng(1), until)
        pd.testing.assert_frame_equal(known_until(other, moment).rows, known_until(extra, moment).rows)
        known = known_times(other.rows)
        assert (np.diff(known) >= 0).all()
        assert not other.rows.duplicated(["known_at", "symbol"]).any()
        for symbol in ("A", "B"):
            assert (known[(other.rows["symbol"] == symbol) & (known > moment)]).min() == moment + 1
        later = other.rows[known > end].reset_index(drop=True)
        same = later.equals(extra.rows[known_times(extra.rows) > end].reset_index(drop=True))
        assert same == (until is not None)
