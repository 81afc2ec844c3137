"""The feature table: segments kept apart, warm-up dropped, versions that follow content."""

import numpy as np
import pytest

from tapeline.features.catalog import FEATURES, GROUPS, FeatureParams, selected_features
from tapeline.features.table import build_table, feature_version
from tapeline.schema import DIRECTION, TREND_STRENGTH
from tests.candles import random_candles

ALL_ON = FeatureParams(groups=dict.fromkeys(GROUPS, True), exclude=())
FEATURE_LIST = selected_features(ALL_ON)
WARM_UP = max(feature.lookback for feature in FEATURE_LIST) - 1


def test_a_segment_is_computed_as_if_alone():
    """Nothing crosses a gap: each segment's rows equal those of that segment's candles alone."""
    candles = random_candles(3000, gap_at=1300)
    table = build_table(candles, FEATURE_LIST, horizon=15)
    for segment, rows in table.groupby("segment"):
        alone = build_table(candles[candles["segment"] == segment], FEATURE_LIST, horizon=15)
        np.testing.assert_array_equal(rows.iloc[:, 3:].to_numpy(), alone.iloc[:, 3:].to_numpy())
        assert len(rows) == (candles["segment"] == segment).sum() - WARM_UP
        assert rows[[DIRECTION, TREND_STRENGTH]].tail(15).isna().all(axis=None)


def test_a_segment_shorter_than_the_warm_up_gives_no_rows():
    """A short segment vanishes, the others stay; with none left the table is empty, columns whole."""
    candles = random_candles(WARM_UP + 200, gap_at=100)
    table = build_table(candles, FEATURE_LIST, horizon=15)
    assert set(table["segment"]) == {1}
    empty = build_table(candles.iloc[:50], FEATURE_LIST, horizon=15)
    assert len(empty) == 0
    assert list(empty.columns) == list(table.columns)


def test_groups_and_single_features_switch_off():
    """Columns are what params leave on; an unknown name is refused with the known ones."""
    only = {group: group == "returns" for group in GROUPS}
    chosen = selected_features(FeatureParams(groups=only, exclude=("return_5",)))
    assert [feature.name for feature in chosen] == ["return_1", "return_15", "return_60", "return_240"]
    with pytest.raises(ValueError, match="return_7 is no feature"):
        FeatureParams(groups=only, exclude=("return_7",))
    with pytest.raises(ValueError, match="must name exactly the groups"):
        FeatureParams(groups={"returns": True}, exclude=())


def test_the_version_follows_definitions_params_and_candles():
    """The same everything gives the same version; another horizon, feature or candle another one."""
    candles = random_candles(100)
    version = feature_version(candles, FEATURE_LIST, 15)
    assert version == feature_version(candles.copy(), FEATURE_LIST, 15)
    moved = candles.assign(volume=candles["volume"].where(candles.index != 50, 7.0))
    others = {
        feature_version(candles, FEATURE_LIST, 16),
        feature_version(candles, FEATURE_LIST[1:], 15),
        feature_version(moved, FEATURE_LIST, 15),
    }
    assert version not in others
    assert len(others) == 3


def test_there_are_enough_features_and_each_says_what_it_means():
    """About 25 features, each with a meaning."""
    assert len(FEATURES) >= 25
    assert all(len(feature.meaning) > 10 for feature in FEATURES.values())
