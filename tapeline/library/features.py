"""The feature set on own candles."""

from collections.abc import Collection

import pandas as pd

from tapeline.errors import ArgumentError, DataError, ParamsError
from tapeline.features.catalog import FEATURES, GROUPS
from tapeline.features.params import FeatureParams, LabelParams, selected_features
from tapeline.features.table import build_table
from tapeline.library.arguments import read_arguments
from tapeline.library.candles import canonical_candles
from tapeline.schema import Interval


def feature_table(
    candles: pd.DataFrame,
    *,
    interval: Interval,
    horizon: int,
    max_fill: int,
    groups: Collection[str] = GROUPS,
    exclude: Collection[str] = (),
    leader: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Features and labels of one symbol's candles: a row per candle behind the longest lookback.

    candles : `timestamp` (open, with a zone), open, high, low, close, volume
    interval, max_fill : of the candles ("1m", "5m", "15m", "1h"); missing ones up to which a gap is filled
    horizon : candles that the labels `direction` and `trend_strength` look ahead; NaN where they can't
    groups, exclude : of `describe_features()`; single features to leave out
    leader : candles of the leading symbol, whose last moves are features; None: these candles lead

    Each row is computed from candles up to its own alone; no value reaches over a longer gap. Columns are
    `timestamp, segment, is_filled`, the features, the labels.
    """
    unknown = sorted(set(groups) - set(GROUPS))
    if unknown:
        raise ArgumentError(f"groups holds {unknown[0]}: must be of {', '.join(GROUPS)}")
    chosen = {"groups": {group: group in groups for group in GROUPS}, "exclude": tuple(exclude)}
    params = read_arguments(FeatureParams, chosen)
    ahead = read_arguments(LabelParams, {"horizon": horizon}).horizon
    own = canonical_candles(candles, interval=interval, max_fill=max_fill)
    leading = own
    if leader is not None:
        leading = canonical_candles(leader, interval=interval, max_fill=max_fill, name="leader")
    try:
        features = selected_features(params, interval)
    except ParamsError:
        raise ArgumentError("groups and exclude leave no feature") from None
    table = build_table(own, leading, features, ahead, max_fill)
    if not len(table):
        longest = max(feature.lookback for feature in features)
        most = int(own["segment"].value_counts().max())
        raise DataError(
            "candles", f"the longest segment has {most}, and the features look back {longest}: give more"
        )
    return table


def describe_features() -> pd.DataFrame:
    """Every feature: `name`, `group`, `lookback` (candles, its own included), `meaning`."""
    rows = [(each.name, each.group, each.lookback, each.meaning) for each in FEATURES.values()]
    return pd.DataFrame(rows, columns=["name", "group", "lookback", "meaning"])
