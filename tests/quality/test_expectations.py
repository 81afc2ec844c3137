"""Clean tables pass; every expectation finds the fault that was planted for it."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest

from tapeline.errors import QualityError
from tapeline.quality import suites
from tapeline.quality.expectations import validate_candles, validate_features
from tapeline.quality.report import judge
from tapeline.schema import KEYS, PRICES

BOUNDS = {"rsi": (0.0, 100.0), "drift": (None, None)}


def _put(column, rows, value):
    def spoil(table):
        table = table.copy()
        table.loc[rows, column] = value
        return table

    return spoil


def _swap(table):
    table = table.copy()
    table.loc[[10, 11], "timestamp"] = table.loc[[11, 10], "timestamp"].to_numpy()
    return table.astype({"timestamp": "datetime64[us, UTC]"})


def _shift(minutes):
    """Move the second segment later."""

    def spoil(table):
        later = table["timestamp"] + pd.Timedelta(minutes=minutes)
        return table.assign(timestamp=table["timestamp"].where(table["segment"] == 0, later))

    return spoil


def _scale(row):
    """Quote the prices from `row` on a hundred times higher."""

    def spoil(table):
        table = table.copy()
        table.loc[row:, list(PRICES)] *= 100
        return table

    return spoil


def _stamp(text):
    return pd.Timestamp(text, tz="UTC")


def _failed(findings):
    return {finding.rule for finding in findings if not finding.success}


def _first(findings, rule):
    return next(finding for finding in findings if finding.rule == rule and not finding.success)


CANDLE_FAULTS = {
    "no rows": (lambda t: t.iloc[:0], {"rows"}, "rows", "all columns", None),
    "column missing": (lambda t: t.drop(columns="volume"), {"columns"}, "columns", "all columns", None),
    "column added": (lambda t: t.assign(vwap=1.0), {"columns"}, "columns", "all columns", None),
    "column order": (lambda t: t[t.columns[::-1]], {"columns"}, "columns", "all columns", None),
    "type of price": (lambda t: t.astype({"close": "float32"}), {"types"}, "types", "close", None),
    "type of objects": (lambda t: t.astype({"close": object}), {"types"}, "types", "close", None),
    "type of text": (lambda t: t.astype({"open": "str"}), {"types"}, "types", "open", None),
    "naive time": (
        lambda t: t.assign(timestamp=t["timestamp"].dt.tz_localize(None)),
        {"types"},
        "types",
        "timestamp",
        None,
    ),
    "time missing": (
        _put("timestamp", 10, pd.NaT),
        {"missing", "grid", "step"},
        "missing",
        "timestamp",
        1,
    ),
    "time twice": (
        _put("timestamp", 10, _stamp("2024-01-01 00:09")),
        {"unique", "order", "step"},
        "unique",
        "timestamp",
        2,
    ),
    "time backwards": (_swap, {"order", "step"}, "order", "timestamp", 1),
    "segment backwards": (
        _put("segment", slice(300, None), 0),
        {"segments", "step"},
        "segments",
        "segment",
        1,
    ),
    "off the grid": (
        _put("timestamp", 10, _stamp("2024-01-01 00:10:30")),
        {"grid", "step"},
        "grid",
        "timestamp",
        1,
    ),
    "gap in a segment": (lambda t: t.drop(index=range(10, 15)), {"step"}, "step", "timestamp", 1),
    "segment without gap": (_put("segment", slice(None, 9), -1), {"step"}, "step", "timestamp", 1),
    "infinite": (_put("high", 10, np.inf), {"finite"}, "finite", "high", 1),
    "volume negative": (_put("volume", [10, 11], -1.0), {"volume"}, "volume", "volume", 2),
    "filled with a range": (_put("is_filled", 10, True), {"filled_flat"}, "filled_flat", "is_filled", 1),
    "gaps": (_shift(400), {"gap_share"}, "gap_share", "timestamp", None),
    "quiet": (_put("volume", slice(100, 120), 0.0), {"quiet"}, "quiet", "volume", 1),
    "outsized": (_scale(247), {"outsized_move"}, "outsized_move", "close", 1),
    "files at odds early": (
        lambda t: _scale(5)(t).assign(file=(np.arange(len(t)) >= 5).astype(np.int32)),
        {"seam"},
        "seam",
        "file",
        1,
    ),
    "files at odds": (_scale(245), {"outsized_move", "seam"}, "seam", "file", 1),
    "file of another type": (lambda t: t.astype({"file": "int64"}), {"types"}, "types", "file", None),
}

FEATURE_FAULTS = {
    "no rows": (lambda t: t.iloc[:0], {"rows"}, "rows", "all columns", None),
    "key missing": (lambda t: t.drop(columns="segment"), {"columns"}, "columns", "all columns", None),
    "feature missing": (lambda t: t.drop(columns="rsi"), {"columns"}, "columns", "all columns", None),
    "feature undeclared": (lambda t: t.assign(more=1.0), {"columns"}, "columns", "all columns", None),
    "type": (lambda t: t.assign(rsi=t["rsi"].astype(int)), {"types"}, "types", "rsi", None),
    "time twice": (
        _put("timestamp", 10, _stamp("2024-01-01 00:09")),
        {"unique", "order", "step"},
        "unique",
        "timestamp",
        2,
    ),
    "not a number": (_put("drift", [10, 20], np.nan), {"finite"}, "finite", "drift", 2),
    "infinite": (_put("drift", 10, -np.inf), {"finite"}, "finite", "drift", 1),
    "above range": (_put("rsi", 10, 100.01), {"range"}, "range", "rsi", 1),
    "below range": (_put("rsi", 10, -0.01), {"range"}, "range", "rsi", 1),
    "constant": (_put("rsi", slice(None), 0.1), {"constant"}, "constant", "rsi", None),
    "duplicate": (lambda t: t.assign(drift=t["rsi"]), {"duplicate"}, "duplicate", "drift", None),
    "direction of a half": (_put("direction", 10, 0.5), {"label_range"}, "label_range", "direction", 1),
    "trend above one": (_put("trend_strength", 10, 1.1), {"label_range"}, "label_range", "trend_strength", 1),
    "no label at all": (
        _put("trend_strength", slice(None), np.nan),
        {"constant", "label_missing"},
        "constant",
        "trend_strength",
        None,
    ),
}


def test_clean_candles_pass_every_expectation(candles, params):
    """A clean table has findings for all of its expectations and no failure."""
    findings = validate_candles(candles, "BTC-USD", "1m", params)
    judge(findings)
    assert _failed(findings) == set()
    assert {finding.column for finding in findings} >= set(candles.columns)


def test_clean_features_pass_every_expectation(features, params):
    """A clean table has findings for all of its expectations and no failure, with NaN labels at its end."""
    features.loc[380:, ["direction", "trend_strength"]] = np.nan
    findings = validate_features(features, "BTC-USD", "1m", BOUNDS, params)
    judge(findings)
    assert _failed(findings) == set()
    assert {finding.table for finding in findings} == {"features", "labels"}


# What another fault of the same rule, or the same rule on candles, shows in little less.
CANDLES_ALIKE = {
    "column added", "column order", "type of objects", "type of text", "file of another type",
    "segment without gap", "files at odds early",
}  # fmt: skip
FEATURES_ALIKE = {
    "no rows", "feature undeclared", "time twice", "infinite", "below range", "trend above one",
}  # fmt: skip


def one_of_a_kind(names, alike):
    """All `names`, of which those of `alike` are for `make test-all`."""
    return [pytest.param(name, marks=pytest.mark.slow) if name in alike else name for name in names]


@pytest.mark.parametrize("name", one_of_a_kind(CANDLE_FAULTS, CANDLES_ALIKE))
def test_candle_fault_is_found(candles, params, name):
    """The planted fault fails its own rule, on its own rows, and no rule that it leaves intact."""
    spoil, rules, rule, column, count = CANDLE_FAULTS[name]
    findings = validate_candles(spoil(candles), "BTC-USD", "1m", params)
    found = _first(findings, rule)
    assert _failed(findings) == rules
    assert (found.column, found.unexpected) == (column, count)
    if rule not in params.warnings:
        with pytest.raises(QualityError, match="BTC-USD candles"):
            judge(findings)


@pytest.mark.parametrize("name", one_of_a_kind(FEATURE_FAULTS, FEATURES_ALIKE))
def test_feature_fault_is_found(features, params, name):
    """The planted fault fails its own rule, on its own rows, and no rule that it leaves intact."""
    spoil, rules, rule, column, count = FEATURE_FAULTS[name]
    findings = validate_features(spoil(features), "BTC-USD", "1m", BOUNDS, params)
    found = _first(findings, rule)
    assert _failed(findings) == rules
    assert (found.column, found.unexpected) == (column, count)
    if rules <= set(params.warnings):
        judge(findings)
    else:
        with pytest.raises(QualityError, match="BTC-USD"):
            judge(findings)


def test_every_column_and_pair_is_judged(candles, params):
    """Faults in each price, the volume and each pair of prices are told apart by column and row."""
    faults = {
        (10, "open", np.nan): {("finite", "open"), ("ohlc", "high >= open"), ("ohlc", "open >= low")},
        (20, "high", np.nan): {("finite", "high"), ("ohlc", "high >= open"), ("ohlc", "high >= close")},
        (30, "low", np.nan): {("finite", "low"), ("ohlc", "open >= low"), ("ohlc", "close >= low")},
        (40, "close", np.nan): {("finite", "close"), ("ohlc", "high >= close"), ("ohlc", "close >= low")},
        (50, "volume", np.nan): {("finite", "volume")},
        (60, "open", 200.0): {("ohlc", "high >= open")},
        (70, "open", 50.0): {("ohlc", "open >= low")},
        (80, "close", 200.0): {("ohlc", "high >= close")},
        (90, "close", 50.0): {("ohlc", "close >= low")},
        (100, "open", 0.0): {("positive", "open"), ("ohlc", "open >= low")},
        (110, "high", 0.0): {("positive", "high"), ("ohlc", "high >= open"), ("ohlc", "high >= close")},
        (120, "low", 0.0): {("positive", "low")},
        (130, "close", 0.0): {("positive", "close"), ("ohlc", "close >= low")},
    }
    for row, column, value in faults:
        candles.loc[row, column] = value
    findings = validate_candles(candles, "BTC-USD", "1m", params)
    failed = [finding for finding in findings if not finding.success and finding.severity == "critical"]
    found = {(finding.rule, finding.column): finding.unexpected for finding in failed}
    assert found == Counter(fault for hits in faults.values() for fault in hits)


def test_example_names_the_row_and_its_value(candles, params):
    """A failure shows time and value of the row, also with a missing value before it and a foreign index."""
    candles.loc[5, "volume"] = np.nan
    candles.loc[10, "volume"] = -2.5
    candles.index = candles.index[::-1]
    findings = validate_candles(candles, "BTC-USD", "1m", params)
    assert _first(findings, "volume").examples == ("2024-01-01T00:10:00Z: -2.5",)


def test_range_forgives_rounding_only(features, params):
    """A value past its bound by the last bits is in range, one past it by a millionth is not."""
    above = np.nextafter(np.float32(100), np.float32(200))
    for value, rules in ((above, set()), (-1e-12, set()), (100.0001, {"range"})):
        features.loc[10, "rsi"] = np.float32(value)
        assert _failed(validate_features(features, "BTC-USD", "1m", BOUNDS, params)) == rules


@pytest.mark.slow
def test_rounding_is_forgiven_as_far_as_the_bound_is_from_zero(features, params):
    """Below a bound of -100 by the last bit is in range, by a thousandth it is not."""
    bounds = {"rsi": (-100.0, 100.0), "drift": (None, None)}
    below = np.nextafter(np.float32(-100), np.float32(-200))
    for value, rules in ((below, set()), (-100.001, {"range"})):
        features.loc[10, "rsi"] = np.float32(value)
        assert _failed(validate_features(features, "BTC-USD", "1m", bounds, params)) == rules


def test_filled_share_warns_only_above_its_budget(candles, params):
    """40 of 400 candles are within a tenth, 41 are not; either way the verdict passes."""
    flat = {"open": 100.0, "high": 100.0, "low": 100.0, "close": 100.0, "volume": 0.0, "is_filled": True}
    for count, failed in ((40, set()), (41, {"filled_share"})):
        table = candles.copy()
        for column, value in flat.items():
            table.loc[: count - 1, column] = value
        findings = validate_candles(table, "BTC-USD", "1m", params)
        judge(findings)
        assert _failed(findings) == failed


def test_stale_close_warns_after_its_limit(candles, params):
    """21 traded candles in a row that keep the close are one too many for a limit of 20."""
    candles.loc[100:121, ["open", "high", "low", "close"]] = candles.loc[100, "close"]
    candles["high"] = candles[["open", "high", "close"]].max(axis=1)
    findings = validate_candles(candles, "BTC-USD", "1m", params)
    judge(findings)
    assert _first(findings, "stale_close").examples == ("2024-01-01T02:01:00Z: 21",)


def test_quiet_candles_warn_after_their_limit(candles, params):
    """21 traded candles in a row without volume are one too many for a limit of 20; a filled one is none."""
    candles.loc[100:120, "volume"] = 0.0
    findings = validate_candles(candles, "BTC-USD", "1m", params)
    judge(findings)
    assert _first(findings, "quiet").examples == ("2024-01-01T02:00:00Z: 21",)
    flat = candles.loc[110, "close"]
    candles.loc[110, ["open", "high", "low", "is_filled"]] = [flat, flat, flat, True]
    assert _failed(validate_candles(candles, "BTC-USD", "1m", params)) == set()


def test_duplicate_columns_are_both_named(features, params):
    """The later of two equal columns is reported with the name of the earlier one."""
    features["drift"] = features["rsi"]
    finding = _first(validate_features(features, "BTC-USD", "1m", BOUNDS, params), "duplicate")
    assert (finding.column, finding.examples) == ("drift", ("equals rsi in every row",))


def test_segments_too_short_for_a_deviation_pass(candles, params):
    """Moves and seams that nothing can measure are no fault."""
    short = candles.iloc[100:300].assign(file=np.arange(200, dtype=np.int32))
    findings = validate_candles(short, "BTC-USD", "1m", params.model_copy(update={"max_gap_share": 0.3}))
    assert _failed(findings) == set()
    assert {"seam", "outsized_move"} <= {finding.rule for finding in findings}


def test_label_budgets_warn(features, params):
    """Too few down labels and too many missing ones are shown and don't end the run."""
    features.loc[:200, "direction"] = np.nan
    features.loc[201:, "direction"] = 1.0
    features.loc[201:220, "direction"] = 0.0
    findings = validate_features(features, "BTC-USD", "1m", BOUNDS, params)
    judge(findings)
    assert _failed(findings) == {"label_balance", "label_missing"}


def test_severity_is_set_by_params(features, params):
    """The same failure ends the run or warns, as `quality.warnings` says."""
    features["rsi"] = np.float32(50)
    soft = params.model_copy(update={"warnings": (*params.warnings, "constant")})
    judge(validate_features(features, "BTC-USD", "1m", BOUNDS, soft))
    with pytest.raises(QualityError, match=r"rsi fails .*constant"):
        judge(validate_features(features, "BTC-USD", "1m", BOUNDS, params))


@pytest.mark.parametrize("share", [0.0, pytest.param(1.0, marks=pytest.mark.slow)])
def test_budget_of_nothing_and_of_everything(candles, params, share):
    """A share of 0 allows no filled candle, one of 1 allows all."""
    table = candles.copy()
    table.loc[10, ["open", "high", "low", "close"]] = 100.0
    table.loc[10, "volume"] = 0.0
    table.loc[10, "is_filled"] = True
    strict = params.model_copy(update={"max_filled_share": share, "max_outsized_share": share})
    findings = validate_candles(table, "BTC-USD", "1m", strict)
    assert ("filled_share" in _failed(findings)) == (share == 0.0)


def test_validation_is_silent_and_leaves_the_table_alone(candles, params, capfd):
    """Nothing is printed, the table handed in is as it was."""
    before = candles.copy()
    validate_candles(candles, "BTC-USD", "1m", params)
    assert capfd.readouterr() == ("", "")
    pd.testing.assert_frame_equal(candles, before)


VALUES = (np.nan, np.inf, -np.inf, -1.0, 100.0, 100.00002, -1e-7)
SPOILT = {
    "nothing": lambda t: t,
    "no trend strength": lambda t: t.assign(trend_strength=np.nan),
    "twins": lambda t: t.assign(drift=t["rsi"]),
    "a constant, and nothing": lambda t: t.assign(rsi=np.float32(3.0), drift=np.float32(np.nan)),
}


@pytest.mark.parametrize("name", one_of_a_kind(SPOILT, SPOILT.keys() - {"twins"}))
def test_a_summary_changes_no_finding(features, params, monkeypatch, name):
    """What the summary of columns makes sure of is what going through every value finds."""
    spoilt = SPOILT[name](features)
    findings = validate_features(spoilt, "BTC-USD", "1m", BOUNDS, params)
    monkeypatch.setattr(suites, "sure_checks", lambda part, symbol: set())
    assert findings == validate_features(spoilt, "BTC-USD", "1m", BOUNDS, params)


def test_a_summary_changes_no_finding_of_a_value(features, params, monkeypatch):
    """Each value in a column of its own, one with bounds and one without, all of them in one table."""
    rng, bounds = np.random.default_rng(3), dict(BOUNDS)
    for k, value in enumerate(VALUES):
        for name in BOUNDS:
            column = f"{name}_{k}"
            features.insert(len(KEYS), column, features[name].to_numpy() * np.float32(rng.uniform(0.5, 0.9)))
            features.loc[[7, 40], column] = np.float32(value)
            bounds = {column: BOUNDS[name]} | bounds
    findings = validate_features(features, "BTC-USD", "1m", bounds, params)
    failed = {finding.column for finding in findings if not finding.success}
    within = {f"rsi_{VALUES.index(value)}" for value in (100.0, -1e-7)}
    missing = {f"drift_{k}" for k in range(3)}
    assert failed == {f"rsi_{k}" for k in range(len(VALUES))} - within | missing
    monkeypatch.setattr(suites, "sure_checks", lambda part, symbol: set())
    assert findings == validate_features(features, "BTC-USD", "1m", bounds, params)
