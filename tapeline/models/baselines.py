"""The baselines that can be released: rules on the last candle's features, which networks must beat."""

from tapeline.models.entry import BaselineEntry
from tapeline.schema import DIRECTION, TREND_STRENGTH

BASELINES = (
    BaselineEntry(
        name="baseline_direction",
        title="best baseline of direction",
        label=DIRECTION,
        artifact="baseline-direction",
        metrics=("baseline_direction",),
    ),
    BaselineEntry(
        name="baseline_trend",
        title="best baseline of trend strength",
        label=TREND_STRENGTH,
        artifact="baseline-trend",
        metrics=("baseline_trend",),
    ),
)
