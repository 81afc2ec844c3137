"""Which tier each prediction falls into: by ranges of confidence, or by shares of its model's validation."""

import numpy as np
import pandas as pd

from tapeline.backtest.signals import SHARE, SignalParams
from tapeline.tiers import NO_TIER, ranges_by_share, tier_numbers

Ranges = dict[str, tuple[float, float]]


def model_ranges(signals: SignalParams, validation: pd.DataFrame, fold: int) -> Ranges:
    """Range of confidence of each tier for the model of `fold`: as params say, or what holds its share.

    `validation` has `fold` and `prediction`. The model's own rows of it are all that a threshold may see:
    no test, and nothing pooled over folds, since each is a network of its own.
    """
    if signals.tier_by != SHARE:
        return signals.ranges
    own = validation.loc[validation["fold"] == fold, "prediction"]
    return ranges_by_share(own.to_numpy(), signals.tier_shares)


def add_tiers(rows: pd.DataFrame, signals: SignalParams, validation: pd.DataFrame) -> pd.DataFrame:
    """Add `tier` to rows of `fold` and `prediction`: position among the tiers of their fold, or NO_TIER."""
    tier = np.full(len(rows), NO_TIER, dtype=np.int8)
    for fold in rows["fold"].unique():
        mask = (rows["fold"] == fold).to_numpy()
        tier[mask] = tier_numbers(
            rows["prediction"].to_numpy()[mask], model_ranges(signals, validation, fold)
        )
    return rows.assign(tier=tier)
