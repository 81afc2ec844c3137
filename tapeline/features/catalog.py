"""Every declared feature."""

# Imported for their declarations.
from tapeline.features import (  # noqa: F401
    leader,
    momentum,
    returns,
    reversion,
    sessions,
    shape,
    timeframes,
    trend,
    volatility,
    volume,
)
from tapeline.features.declare import FEATURES

__all__ = ["FEATURES", "GROUPS"]

# Columns of a feature table go by group, and in a group as declared, whichever module came in first.
GROUPS = tuple(sorted({feature.group for feature in FEATURES.values()}))
