"""Folds to choose on: walk-forward folds of the candles before the first test, whose figures nobody reports.

The validation of a fold lies inside the test of the fold before it. Whatever is chosen by the mean validation
loss over folds is therefore chosen on candles that are reported as out of sample. Inner folds end before all
of them.
"""

import pandas as pd

from tapeline.errors import SplitError
from tapeline.splits.folds import TimeFold, on_calendar
from tapeline.splits.lengths import Span
from tapeline.splits.params import SplitParams
from tapeline.splits.walk_forward import walk_forward

AUTO = {"train": "auto", "validation": "auto", "test": "auto"}


def inner_folds(
    outer: list[TimeFold],
    params: SplitParams,
    first: pd.Timestamp,
    step: pd.Timedelta,
    horizon: int,
    hold: int,
) -> list[TimeFold]:
    """As many folds as `params` has, their parts' lengths `auto`, of the candles before the first of `outer`.

    first : open time of the first candle with features; step : from candle to candle
    horizon, hold : candles that a label, and a position, reach beyond theirs

    The last label and the last position end more than the embargo before the first test begins. SplitError
    says how many days are short.
    """
    gap = params.gap(max(horizon, hold), step)
    n_bars = max(0, (min(fold.test[0] for fold in outer) - gap - first) // step)
    span = Span(n_bars, 0, pd.Timedelta(days=1) // step)
    try:
        folds = list(walk_forward(params.model_copy(update=AUTO), span, horizon))
    except SplitError as error:
        raise SplitError(f"inner folds, of the candles before the first test: {error}") from None
    return [on_calendar(fold, first, step) for fold in folds]
