"""Columns of a close, causal and leaking, and builds that make tables of them."""

from itertools import pairwise

import numpy as np
import pandas as pd

REACH = 40  # candles, the longest lookback of the columns below
HORIZON = 5
CAUSAL = {
    "return": lambda close: close.pct_change(),
    "mean": lambda close: close.rolling(REACH - 1).mean(),
    "ema": lambda close: close.ewm(span=9).mean(),
    "deviation": lambda close: (close - close.expanding().mean()) / close.expanding().std(),
    "forward_fill": lambda close: close.where(close.diff() > 0).ffill(),
}
LEAKING = {
    "next_close": lambda close: close.shift(-1),
    "centred_mean": lambda close: close.rolling(9, center=True, min_periods=1).mean(),
    "z_score": lambda close: (close - close.mean()) / close.std(),
    "min_max": lambda close: (close - close.min()) / (close.max() - close.min()),
    "backward_fill": lambda close: close.where(close.diff() > 0).bfill(),
    "reversed_ema": lambda close: close[::-1].ewm(span=9).mean()[::-1],
}


def builder(columns, warm_up=REACH - 1, by_segment=True):
    """Return a build that computes `columns` of close segment by segment and drops the warm-up."""

    def build(candles, leader):
        time, close, segment = candles["timestamp"], candles["close"], candles["segment"].to_numpy()
        borders = np.flatnonzero(np.diff(segment)) + 1 if by_segment else ()
        parts = []
        for start, stop in pairwise((0, *borders, len(candles))):
            made = {name: make(close.iloc[start:stop]) for name, make in columns.items()}
            parts.append(pd.DataFrame({"timestamp": time.iloc[start:stop], **made}).iloc[warm_up:])
        return parts[0] if len(parts) == 1 else pd.concat(parts, ignore_index=True)

    return build


def same_minute_leader(candles, leader):
    """A build that knows the leader's candle of its own minute, which closes no sooner than its own."""
    known = leader.set_index("timestamp")["close"].reindex(candles["timestamp"], method="ffill")
    return candles[["timestamp"]].assign(leader=np.log(known.to_numpy() / candles["close"])).iloc[REACH - 1 :]


def direction(close, horizon=HORIZON):
    """1 where the close is higher `horizon` candles on, 0 where not, NaN where there is none."""
    now, future = close.to_numpy(), close.shift(-horizon).to_numpy()
    return pd.Series(np.where(np.isnan(future), np.nan, future > now), close.index)
