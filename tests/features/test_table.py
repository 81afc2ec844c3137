"""The feature table: segments kept apart, warm-up dropped, versions that follow content."""

import subprocess

import numpy as np
import pandas as pd
import pytest

from tapeline.closure import ROOT
from tapeline.errors import ParamsError
from tapeline.features.catalog import FEATURES, GROUPS
from tapeline.features.params import FeatureParams, selected_features
from tapeline.features.streaming import latest_features
from tapeline.features.table import build_table, feature_version
from tapeline.schema import DIRECTION, LABELS, TREND_STRENGTH
from tests.candles import random_candles
from tests.warm import warm_python

ALL_ON = FeatureParams(groups=dict.fromkeys(GROUPS, True), exclude=())
FEATURE_LIST = selected_features(ALL_ON, "1m")
WARM_UP = max(feature.lookback for feature in FEATURE_LIST) - 1


@pytest.mark.parametrize("gap_at", [1300, 1])
def test_a_segment_is_computed_as_if_alone(gap_at):
    """Nothing crosses a gap: each segment's rows equal those of that segment's candles alone."""
    candles = random_candles(3000, gap_at=gap_at)
    table = build_table(candles, candles, FEATURE_LIST, horizon=15, max_fill=15)
    assert 1 in set(table["segment"])
    for segment, rows in table.groupby("segment"):
        part = candles[candles["segment"] == segment]
        alone = build_table(part, part, FEATURE_LIST, horizon=15, max_fill=15)
        np.testing.assert_array_equal(rows.iloc[:, 3:].to_numpy(), alone.iloc[:, 3:].to_numpy())
        assert len(rows) == (candles["segment"] == segment).sum() - WARM_UP
        assert rows[[DIRECTION, TREND_STRENGTH]].tail(15).isna().all(axis=None)


def test_a_segment_shorter_than_the_warm_up_gives_no_rows():
    """A short segment vanishes, the others stay; with none left the table is empty, columns whole."""
    candles = random_candles(WARM_UP + 200, gap_at=100)
    table = build_table(candles, candles, FEATURE_LIST, horizon=15, max_fill=15)
    assert set(table["segment"]) == {1}
    empty = build_table(candles.iloc[:50], candles, FEATURE_LIST, horizon=15, max_fill=15)
    assert len(empty) == 0
    assert list(empty.columns) == list(table.columns)


def test_chunks_are_as_the_whole(monkeypatch):
    """Computed in chunks, each from the longest lookback before it, values agree to 1e-6, row by row."""
    candles = random_candles(4000, gap_at=2200)
    whole = build_table(candles, candles, FEATURE_LIST, horizon=15, max_fill=15)
    monkeypatch.setattr("tapeline.features.compiled.CHUNK", 500)
    chunks = build_table(candles, candles, FEATURE_LIST, horizon=15, max_fill=15)
    pd.testing.assert_frame_equal(chunks.iloc[:, :3], whole.iloc[:, :3])
    pd.testing.assert_frame_equal(chunks[list(LABELS)], whole[list(LABELS)])
    names = [feature.name for feature in FEATURE_LIST]
    error = (chunks[names] - whole[names]).abs().max() / whole[names].std()
    assert error.max() < 1e-6


def test_groups_and_single_features_switch_off():
    """Columns are what params leave on; an unknown name is refused with the known ones."""
    only = {group: group == "returns" for group in GROUPS}
    chosen = selected_features(FeatureParams(groups=only, exclude=("return_5",)), "1m")
    assert [feature.name for feature in chosen] == ["return_1", "return_15", "return_60", "return_240"]
    with pytest.raises(ValueError, match="return_7 is no feature"):
        FeatureParams(groups=only, exclude=("return_7",))
    with pytest.raises(ValueError, match="must name exactly the groups"):
        FeatureParams(groups={"returns": True}, exclude=())


def test_the_order_of_columns_is_not_that_of_imports():
    """A process that imports another module first has the same columns in the same order."""
    ask = (
        "; every = c.FeatureParams(groups=dict.fromkeys(c.GROUPS, True), exclude=())"
        "; print([feature.name for feature in c.selected_features(every, '1m')])"
    )
    orders = [
        subprocess.run(
            [warm_python(), "-c", f"{first}; import tapeline.features.params as c{ask}"],
            cwd=ROOT, capture_output=True, text=True, check=True,
        ).stdout
        for first in ("import tapeline.features.volume", "import tapeline.features.labels", "pass")
    ]  # fmt: skip
    assert orders == [f"{[feature.name for feature in FEATURE_LIST]}\n"] * 3


def test_a_selection_that_cannot_be_made_is_refused():
    """Nothing is left of what was switched on."""
    returns = FeatureParams(groups={group: group == "returns" for group in GROUPS}, exclude=())
    left_out = tuple(feature.name for feature in selected_features(returns, "1h"))
    with pytest.raises(ParamsError, match=r"features\.exclude is .* leaves no feature"):
        selected_features(returns.model_copy(update={"exclude": left_out}), "1h")


def test_higher_timeframes_are_for_minutes_alone():
    """Made of one-minute candles, they are off by themselves at any other interval; nothing else is."""
    minutes = selected_features(ALL_ON, "1m")
    for interval in ("5m", "15m", "1h"):
        left = selected_features(ALL_ON, interval)
        assert left == [feature for feature in minutes if feature.group != "timeframes"]


def test_versions_follow_definitions_and_params():
    """The same everything gives the same version; another horizon or feature another one."""
    assert feature_version(FEATURE_LIST, 15) == feature_version(list(FEATURE_LIST), 15)
    versions = [
        feature_version(*of) for of in ((FEATURE_LIST, 15), (FEATURE_LIST, 16), (FEATURE_LIST[1:], 15))
    ]
    assert len(set(versions)) == 3


def test_the_newest_row_of_a_stream_is_the_tables():
    """From a buffer of the longest lookback, the features of a candle equal its row of the table to 1e-6."""
    candles, leader = random_candles(2000), random_candles(2000, seed=1)
    table = build_table(candles, leader, FEATURE_LIST, horizon=15, max_fill=15)
    names = [feature.name for feature in FEATURE_LIST]
    scale = table[names].std().to_numpy()
    for end in (WARM_UP + 1, WARM_UP + 38, 2000):
        buffer = candles.iloc[end - WARM_UP - 1 : end]
        known = leader[leader["timestamp"] < candles["timestamp"].iloc[end - 1]].iloc[-WARM_UP - 1 :]
        values = latest_features(buffer, known, FEATURE_LIST, 15)
        expected = table[names].iloc[end - WARM_UP - 1].to_numpy()
        assert (np.abs(values - expected) <= 1e-6 * np.maximum(scale, np.abs(expected))).all()
    with pytest.raises(ValueError, match=f"{WARM_UP} candles are fewer than the {WARM_UP + 1} that"):
        latest_features(buffer.iloc[1:], known, FEATURE_LIST, 15)


def test_a_feature_without_meaning_is_no_feature():
    """Each says what it is in a sentence."""
    assert all(len(feature.meaning) > 10 for feature in FEATURES.values())
