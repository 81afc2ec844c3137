"""The audits of the splits stage, on folds and a scaler as the pipeline makes them, and on spoilt ones."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tapeline.errors import QualityError
from tapeline.features.catalog import FEATURES
from tapeline.features.compiled import compute
from tapeline.features.declare import Candles, minutes_since_epoch
from tapeline.features.table import as_candles
from tapeline.nets.scaler import fit_scaler
from tapeline.params import Params
from tapeline.quality.params import QualityParams
from tapeline.quality.report import judge_leaks
from tapeline.quality.scaling import scaler_audit
from tapeline.scoring import fold_audits
from tapeline.splits.folds import TimeFold, on_calendar
from tapeline.splits.lengths import Span, days_per_part, part_lengths
from tapeline.splits.params import SplitParams
from tapeline.splits.walk_forward import walk_forward
from tests.candles import random_candles

SPANS = (0, 36), (36, 37), (37.3, 39.3)  # days
MINUTE = pd.Timedelta(minutes=1)
START = pd.Timestamp("2025-01-01", tz="UTC")
HORIZON = 5
PARAMS = SplitParams(mode="rolling", folds=2, train=4.0, validation=2.0, test=1.0, embargo=0)
FOLDS = [on_calendar(fold, START, MINUTE) for fold in walk_forward(PARAMS, Span(400, 0, 48), HORIZON)]


def feature_table():
    """Two symbols on one clock, two features that drift upwards."""
    rng = np.random.default_rng(0)
    times = pd.Series(START + np.arange(400) * MINUTE)
    parts = [
        pd.DataFrame({"symbol": name, "timestamp": times, "segment": 0, "is_filled": False})
        for name in ("A", "B")
    ]
    table = pd.concat(parts, ignore_index=True).astype({"symbol": "category"})
    climb = np.tile(np.arange(400) / 100, 2)
    values = {name: climb + rng.normal(size=800) for name in ("one", "two")}
    return table.assign(**values, direction=0.0, trend_strength=0.5)


TABLE = feature_table()
COLUMNS = ["one", "two"]
ROWS = (TABLE["timestamp"], lambda columns: TABLE[list(columns)].to_numpy(copy=True))
BLOCK = fold_audits.Block(0, {"one": "trend", "two": "volume"})


def scaler_audits():
    """The scaler of every fold, over the block of both features."""
    moves, _ = fold_audits.audit_block(FOLDS, *ROWS, 1, BLOCK)
    times = TABLE["timestamp"].to_numpy("datetime64[us]").view(np.int64)
    return [scaler_audit(f"fold {k}", COLUMNS, times, [some]) for k, some in enumerate(moves)]


def test_folds_and_scaler_of_the_pipeline_pass():
    """Each fold, the tests among each other and each fold's scaler compared something, and hold."""
    audits = fold_audits.audit_overlaps(FOLDS, TABLE["timestamp"], HORIZON * MINUTE)
    audits += scaler_audits()
    judge_leaks(audits)
    assert [found.symbol for found in audits] == ["fold 0", "fold 1", "all folds", "fold 0", "fold 1"]


def test_a_purge_that_is_a_candle_short_ends_the_stage():
    """The label of the last training candle meets the first of validation: both labels, with the candle."""
    spoilt = replace(FOLDS[0], train=(FOLDS[0].train[0], FOLDS[0].train[1] + MINUTE))
    audits = fold_audits.audit_overlaps([spoilt], TABLE["timestamp"], HORIZON * MINUTE)
    stamp = FOLDS[0].train[1].strftime("%Y-%m-%dT%H:%M:%SZ")
    with pytest.raises(QualityError, match=rf"fold 0: direction \(train and validation\) at {stamp} shares"):
        judge_leaks(audits)


def test_tests_of_two_folds_that_share_a_candle_end_the_stage():
    """A candle would be scored twice."""
    spoilt = replace(FOLDS[1], test=(FOLDS[1].test[0] - MINUTE, FOLDS[1].test[1]))
    audits = fold_audits.audit_overlaps([FOLDS[0], spoilt], TABLE["timestamp"], HORIZON * MINUTE)
    assert any(found.leaks for found in audits if found.symbol == "all folds")


def test_a_scaler_of_all_rows_ends_the_stage(monkeypatch):
    """The usual mistake in place of the pipeline's own fit: the column and the first row outside."""
    monkeypatch.setattr(
        fold_audits, "fit_scaler", lambda values, rows: fit_scaler(values, np.arange(len(values)))
    )
    with pytest.raises(QualityError, match=r"fold 0: one at 2025-01-01T.* is scaled by rows outside"):
        judge_leaks(scaler_audits())


@pytest.mark.parametrize("part", ["validation", "test"])
def test_a_scaler_of_another_part_ends_the_stage(monkeypatch, part):
    """Validation, which comes before the test, is outside training as well: its first row is named."""

    def rows(fold, timestamp):
        return np.flatnonzero(fold.mask(timestamp, "train") | fold.mask(timestamp, part))

    monkeypatch.setattr(fold_audits, "scaler_rows", rows)
    firsts = [getattr(fold, part)[0].strftime("%Y-%m-%dT%H:%M:%SZ") for fold in FOLDS]
    for found, first in zip(scaler_audits(), firsts, strict=True):
        assert [(leak.column, leak.timestamp) for leak in found.leaks] == [("one", first), ("two", first)]


def test_what_drifts_is_measured_between_the_last_training_and_test():
    """A feature that climbs drifts, over all rows of both parts."""
    drifts = fold_audits.drift_of(FOLDS[-1], *ROWS, {"one": "trend", "two": "volume"})
    assert {drift.column for drift in drifts} == {"one", "two"}
    rows = [int(FOLDS[-1].mask(TABLE["timestamp"], part).sum()) for part in ("train", "test")]
    assert [(drift.train_rows, drift.test_rows) for drift in drifts] == [tuple(rows)] * 2
    assert all(drift.psi > 0.25 for drift in drifts)


def test_the_report_says_how_many_days_each_part_has():
    """Of candles, warm-up included, and of the parts as they were cut, also where `auto` cut them."""
    candles = pd.Series(pd.date_range(START, periods=46 * 96, freq="15min"))
    rows = candles[719:]
    span = Span.of_times(candles, rows, minutes=15)
    assert span == Span(rows=46 * 96 - 719, lost=719, bars_per_day=96)
    auto = PARAMS.model_copy(update={"train": "auto", "validation": 2.5})
    days = days_per_part(part_lengths(auto, span, HORIZON), span)
    assert days["candles"] == 46.0
    assert (days["validation"], days["test"]) == (2.5, 1.0)
    assert 30 < days["train"] <= 46 - 719 / 96 - 2.5 - 2 * 1.0


def test_the_calendar_does_not_drift_by_the_length_of_the_test():
    """Two days after five weeks: no session feature drifts, and one that has moved still does."""
    fold = TimeFold(*((START + pd.Timedelta(days=a), START + pd.Timedelta(days=b)) for a, b in SPANS))
    timestamp = pd.Series(np.tile(pd.date_range(START, periods=40 * 288, freq="5min"), 2))
    candles = Candles(minutes_since_epoch(pd.DatetimeIndex(timestamp)), *[np.ones(len(timestamp))] * 6)
    calendar = [feature for feature in FEATURES.values() if feature.group == fold_audits.CALENDAR]
    values = np.column_stack([compute(feature, candles) for feature in calendar])
    names = [feature.name for feature in calendar]
    groups = dict.fromkeys(names, fold_audits.CALENDAR)

    def read(columns):
        return values[:, [names.index(column) for column in columns]]

    for drift in fold_audits.drift_of(fold, timestamp, read, groups):
        assert (drift.psi, drift.ks) == (0, 0), drift
        assert drift.train_rows == 5 * drift.test_rows
    values[fold.mask(timestamp, "test"), 3] += 30.0
    moved = fold_audits.drift_of(fold, timestamp, read, groups)
    assert [drift.column for drift in moved if drift.psi > 0.25] == [calendar[3].name]


def test_a_training_shorter_than_a_week_says_nothing_of_the_calendar():
    """Its columns are left out, the others are measured."""
    groups = {"one": fold_audits.CALENDAR, "two": "trend"}
    assert [drift.column for drift in fold_audits.drift_of(FOLDS[-1], *ROWS, groups)] == ["two"]


def test_the_calendars_group_is_what_follows_from_the_time_alone():
    """Other prices change every other feature, and none of these."""
    one, other = (as_candles(random_candles(1700, seed=seed), random_candles(1700), 15) for seed in (1, 2))
    is_same = {
        feature: bool((compute(feature, one)[1500:] == compute(feature, other)[1500:]).all())
        for feature in FEATURES.values()
    }
    for feature, same in is_same.items():
        assert same == (feature.group == fold_audits.CALENDAR) or feature.group == "leader", feature.name


def test_many_features_are_looked_at_in_blocks(monkeypatch):
    """Nineteen features are three blocks: each is compared once, and a leak of the last is found."""
    columns = [f"feature_{k:02}" for k in range(19)]
    values = np.random.default_rng(3).normal(size=(len(TABLE), 19))
    quality = Params.read().section("quality", QualityParams)

    def read(some):
        return values[:, [columns.index(name) for name in some]]

    def audits(groups=None):
        groups = groups or dict.fromkeys(columns, "trend")
        return fold_audits.audit_folds(FOLDS, TABLE["timestamp"], read, groups, HORIZON * MINUTE, quality)

    found = audits()
    judge_leaks(found.audits)
    scalers = [audit for audit in found.audits if audit.name == "scaler"]
    assert [(audit.symbol, audit.cells) for audit in scalers] == [("fold 0", 38), ("fold 1", 38)]
    last = fold_audits.drift_of(FOLDS[-1], TABLE["timestamp"], read, dict.fromkeys(columns, "trend"))
    assert found.drifts == last
    assert sorted(drift.column for drift in found.drifts) == columns

    def of_the_last(features, rows):
        scaler = fit_scaler(features, rows)
        if features.shape[1] == 3:
            scaler.mean[2] = features[:, 2].mean()
        return scaler

    monkeypatch.setattr(fold_audits, "fit_scaler", of_the_last)
    with pytest.raises(QualityError, match="feature_18 at .* is scaled by rows outside"):
        judge_leaks(audits().audits)
