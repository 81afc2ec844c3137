"""Features of own candles are the pipeline's, and wrong candles get a sentence."""

import numpy as np
import pandas as pd
import pytest

from tapeline import api
from tapeline.features.catalog import FEATURES
from tapeline.features.table import build_table
from tapeline.schema import OHLCV
from tests.candles import random_candles

CANDLES = random_candles(700)[["timestamp", *OHLCV]]
GIVEN = {"interval": "1m", "horizon": 5, "max_fill": 3, "groups": ["returns", "leader"]}
CHOSEN = [
    *(each for each in FEATURES.values() if each.group == "leader"),
    *(each for each in FEATURES.values() if each.group == "returns"),
]
WARM_UP = 240  # the longest of them looks back 241 candles


@pytest.mark.parametrize("is_leader", [True, False])
def test_it_is_the_pipelines_table(is_leader):
    """Bit for bit, of plain candles in any order, with another symbol to lead or itself."""
    own, other = random_candles(700), random_candles(700, seed=1)
    leader = None if is_leader else other[["timestamp", *OHLCV]]
    found = api.feature_table(CANDLES.sample(frac=1, random_state=0), leader=leader, **GIVEN)
    pd.testing.assert_frame_equal(found, build_table(own, own if is_leader else other, CHOSEN, 5, 3))


def test_short_gaps_are_filled_and_long_ones_cut():
    """Three missing candles are there, marked; four begin another segment, whose warm-up is its own."""
    kept = CANDLES.drop(index=[350, 351, 352])
    found = api.feature_table(kept, **GIVEN)
    assert list(found.index[found["is_filled"]]) == [row - WARM_UP for row in (350, 351, 352)]
    found = api.feature_table(CANDLES.drop(index=[350, 351, 352, 353]), **GIVEN)
    assert list(found.groupby("segment").size()) == [350 - WARM_UP, 700 - 354 - WARM_UP]


def test_filled_candles_of_a_canonical_table_count_as_filled():
    """A table of the pipeline goes in as it is and comes out the same."""
    filled = CANDLES.assign(is_filled=False)
    filled.loc[500, ["open", "high", "low", "close"]] = filled.loc[499, "close"]
    filled.loc[500, ["volume", "is_filled"]] = [0.0, True]
    expected = api.feature_table(CANDLES.drop(index=500), **GIVEN)
    pd.testing.assert_frame_equal(api.feature_table(filled, **GIVEN), expected)


def test_no_row_knows_a_later_candle():
    """Of all features: rows up to a candle stay the same when the ones after it are others."""
    long = random_candles(1500)[["timestamp", *OHLCV]]
    changed = long.copy()
    changed.loc[1200:, list(OHLCV)] = long.loc[1200:, list(OHLCV)] * 1.03
    given = {"interval": "1m", "horizon": 5, "max_fill": 3}
    one, other = (api.feature_table(table, **given) for table in (long, changed))
    names = list(api.describe_features()["name"])
    is_before = one["timestamp"] < long["timestamp"][1200]
    assert is_before.sum() > 300
    pd.testing.assert_frame_equal(one.loc[is_before, names], other.loc[is_before, names])
    assert not one[names].equals(other[names])


def test_groups_and_single_features_can_be_left_out():
    """`exclude` names a feature of a group that is on."""
    found = api.feature_table(CANDLES, **GIVEN, exclude=["leader_return_5"])
    assert "leader_return_5" not in found
    assert "leader_return_1" in found


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"candles": [1, 2]}, "candles is a list: must be a pandas DataFrame"),
        ({"candles": CANDLES.drop(columns="open")}, "candles has no column open"),
        ({"candles": CANDLES[:0]}, "candles has no rows"),
        ({"candles": CANDLES.assign(timestamp=CANDLES["timestamp"].dt.tz_localize(None))}, "with a zone"),
        ({"candles": CANDLES.assign(close="x")}, "row 0: close is x: must be a finite number"),
        ({"candles": CANDLES.assign(close=np.nan)}, "row 0: close is nan: must be a finite number"),
        ({"candles": CANDLES.assign(high=1.0)}, "high below low"),
        ({"candles": pd.concat([CANDLES, CANDLES[:1]])}, "is there more than once"),
        ({"candles": CANDLES[::5]}, "mostly 5 minutes apart, interval is 1m"),
        ({"candles": CANDLES[:50]}, "the longest segment has 50, and the features look back 241"),
        ({"leader": CANDLES.drop(columns="close")}, "leader has no column close"),
        ({"interval": "2m"}, "interval is '2m'"),
        ({"max_fill": -1}, "max_fill is -1"),
        ({"horizon": 0}, "horizon is 0"),
        ({"groups": ["return"]}, "groups holds return: must be of .*returns"),
        ({"groups": []}, "switch on at least one group"),
        ({"exclude": ["nothing"]}, "nothing is no feature"),
        ({"groups": ["timeframes"], "interval": "1h", "candles": CANDLES[:0]}, "candles has no rows"),
    ],
)
def test_wrong_input_gets_a_sentence(changed, told):
    """What, where, the value, what to do: a TapelineError of one line."""
    arguments = {"candles": CANDLES} | GIVEN | changed
    with pytest.raises(api.TapelineError, match=told) as raised:
        api.feature_table(**arguments)
    assert "\n" not in str(raised.value)
