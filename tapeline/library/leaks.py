"""The leak audit on an own feature function."""

from collections.abc import Callable, Iterator, Sequence
from typing import Annotated

import numpy as np
import pandas as pd
from pydantic import Field

from tapeline.errors import ArgumentError
from tapeline.library.arguments import read_arguments
from tapeline.library.candles import canonical_candles
from tapeline.quality.buffers import audit_warm_up
from tapeline.quality.future import all_rows, audit_poison, audit_truncation
from tapeline.quality.ledger import Cells, History
from tapeline.quality.params import LeakParams
from tapeline.quality.report import AUDIT_COMPLAINTS, Audit

Function = Callable[[pd.DataFrame], pd.DataFrame | pd.Series]
COLUMNS = ["audit", "column", "timestamp", "expected", "found", "complaint"]


class AuditArguments(LeakParams):
    """How many cuts the audit makes, and how many candles a row is computed from."""

    lookback: Annotated[int, Field(ge=1)]


def audit_features(
    function: Function,
    candles: pd.DataFrame,
    *,
    lookback: int,
    interval: str,
    max_fill: int,
    leak_cuts: int,
    seed: int,
) -> pd.DataFrame:
    """Look for knowledge of the future in the columns of `function`; return the leaks, a row each.

    function : takes consecutive candles (`timestamp`, open, high, low, close, volume and more), returns a
        DataFrame, or a Series, of numbers with a row per candle
    candles : as for `feature_table`, with more than `lookback` in one segment
    lookback : candles, its own included, that a row is computed from

    At `leak_cuts` candles drawn by `seed`, a row must be the same with and without the candles after it, the
    same with garbage in their place, to the last bit, and the same from its last `lookback` candles alone,
    to 1e-6. No row in the result means that no leak was seen. QualityError if nothing could be compared.
    """
    params = read_arguments(AuditArguments, {"lookback": lookback, "leak_cuts": leak_cuts, "seed": seed})
    table = canonical_candles(candles, interval=interval, max_fill=max_fill)
    history = History("candles", table, table)

    def build(part: pd.DataFrame, _: pd.DataFrame) -> pd.DataFrame:
        return _by_segment(function, part)

    def latest(part: pd.DataFrame, _: pd.DataFrame, names: Sequence[str]) -> Cells:
        return np.asarray(_by_segment(function, part)[list(names)].to_numpy(np.float64)[-1])

    def blocks(part: pd.DataFrame, leader: pd.DataFrame) -> Iterator[pd.DataFrame]:
        return iter([whole if part is table else build(part, leader)])

    whole = build(table, table)
    columns = [name for name in whole.columns if name != "timestamp"]
    audits = [
        audit_truncation(build, history, columns, lookback, params),
        audit_poison(all_rows(blocks), history, columns, (), lookback, 0, params),
        audit_warm_up(latest, history, whole, dict.fromkeys(columns, lookback), params),
    ]
    return pd.DataFrame([row for audit in audits for row in _rows(audit)], columns=COLUMNS)


def _by_segment(function: Function, candles: pd.DataFrame) -> pd.DataFrame:
    """Columns of `function` beside `timestamp`, segment by segment; ArgumentError if they don't fit."""
    parts = []
    for _, segment in candles.groupby("segment", sort=False):
        own = segment.reset_index(drop=True)
        features = function(own.copy())
        if isinstance(features, pd.Series):
            features = features.to_frame("feature" if features.name is None else features.name)
        if not isinstance(features, pd.DataFrame):
            problem = f"function returned a {type(features).__name__}"
            raise ArgumentError(f"{problem}: must return a DataFrame or a Series, a row per candle")
        if len(features) != len(own):
            problem = f"function returned {len(features)} rows for {len(own)} candles"
            raise ArgumentError(f"{problem}: must return a row per candle, NaN where nothing is known")
        try:
            numbers = features.drop(columns="timestamp", errors="ignore").astype(np.float64)
        except (TypeError, ValueError) as error:
            raise ArgumentError(f"function returned what is no number: {error}") from None
        numbers = numbers.set_axis([str(name) for name in numbers.columns], axis=1).reset_index(drop=True)
        parts.append(pd.concat([own["timestamp"], numbers], axis=1))
    return pd.concat(parts, ignore_index=True)


def _rows(audit: Audit) -> list[tuple[str, str, pd.Timestamp, float, float, str]]:
    return [
        (
            audit.name, leak.column, pd.Timestamp(leak.timestamp), leak.expected, leak.observed,
            AUDIT_COMPLAINTS[audit.name].format(
                expected=f"{leak.expected:.6g}", observed=f"{leak.observed:.6g}"
            ),
        )
        for leak in audit.leaks
    ]  # fmt: skip
