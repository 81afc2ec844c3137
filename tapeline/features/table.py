"""The feature table of one symbol: keys, features and labels, segment by segment."""

import hashlib
import inspect

import numpy as np
import pandas as pd

from tapeline.features.declare import Candles, Feature
from tapeline.features.labels import direction, trend_strength
from tapeline.schema import DIRECTION, KEYS, OHLCV, TREND_STRENGTH


def build_table(candles: pd.DataFrame, features: list[Feature], horizon: int) -> pd.DataFrame:
    """Compute `features` and the labels at `horizon` for one symbol's canonical candles.

    Nothing reaches over a segment's border. The first rows of a segment, before the longest lookback
    has passed, are dropped; a label is NaN where its future is not there or has no direction.
    Returns one row a candle left: `timestamp, segment, is_filled`, the features, the labels.
    """
    warm_up = max(feature.lookback for feature in features) - 1
    parts = [
        _segment_table(part, features, horizon).iloc[warm_up:]
        for _, part in candles.groupby("segment", sort=True)
        if len(part) > warm_up
    ]
    if not parts:
        return _segment_table(candles.iloc[:0], features, horizon)
    return pd.concat(parts, ignore_index=True)


def _segment_table(candles: pd.DataFrame, features: list[Feature], horizon: int) -> pd.DataFrame:
    columns = {key: candles[key].to_numpy() for key in KEYS[1:]}
    arrays = {name: np.ascontiguousarray(candles[name].to_numpy(np.float64)) for name in OHLCV}
    segment = Candles(timestamp=pd.DatetimeIndex(candles["timestamp"]), **arrays)
    has_rows = len(candles) > 0
    for feature in features:
        columns[feature.name] = feature.compute(segment) if has_rows else np.empty(0)
    has_future = len(candles) > horizon
    nothing = np.full(len(candles), np.nan)
    columns[DIRECTION] = direction(segment.close, horizon) if has_future else nothing
    columns[TREND_STRENGTH] = trend_strength(segment.close, horizon) if has_future else nothing
    return pd.DataFrame({"timestamp": candles["timestamp"].to_numpy(), **columns}).assign(
        timestamp=candles["timestamp"].array
    )


def feature_version(candles: pd.DataFrame, features: list[Feature], horizon: int) -> str:
    """Hash of the feature set's definitions, its label horizon and the candles it was computed from."""
    digest = hashlib.sha256(f"horizon={horizon}".encode())
    for feature in features:
        digest.update(f"{feature.name}|{feature.lookback}|{inspect.getsource(feature.compute)}".encode())
    digest.update(pd.util.hash_pandas_object(candles, index=False).to_numpy().tobytes())
    return digest.hexdigest()[:16]
