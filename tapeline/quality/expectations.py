"""What is expected of the candles and of the feature table of one symbol, in Great Expectations.

What Great Expectations can't say in one expectation, or says slowly, is prepared as a derived column;
the verdict on it is still its own. Nothing is repaired here.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any

import great_expectations.expectations as gxe
import numpy as np
import pandas as pd

from tapeline.quality.derived import (
    column_table,
    summary_of,
    twin_of,
    with_candle_columns,
    with_gap_column,
    with_time_columns,
)
from tapeline.quality.params import QualityParams
from tapeline.quality.report import Finding, Table
from tapeline.quality.suites import Check, Part, Suite, Summary, run_suites
from tapeline.schema import (
    CANDLE_TYPES,
    DIRECTION,
    FEATURE_TYPE,
    KEYS,
    LABELS,
    OHLCV,
    PRICES,
    TREND_STRENGTH,
    Interval,
    Tabular,
)

LARGEST = float(np.finfo(FEATURE_TYPE).max)
# How far arithmetic may carry a feature past its bound, relative to the bound or to 1.
ROUNDING = float(np.finfo(FEATURE_TYPE).eps)
WHOLE_TABLE = "all columns"
TIME = KEYS[0]
CELLS_AT_ONCE = 3_000_000  # Great Expectations keeps what it finds of every value
Bounds = tuple[float | None, float | None]


def validate_candles(
    table: pd.DataFrame, symbol: str, interval: Interval, params: QualityParams
) -> list[Finding]:
    """Judge one symbol's canonical candles (`schema.CANDLE_TYPES`); one finding per expectation.

    If rows, columns or types fail, the findings end there: values mean nothing without them.
    """
    return run_suites(candle_suites(table, interval, params), symbol, params)


def validate_features(
    table: Tabular,
    symbol: str,
    interval: Interval,
    features: Mapping[str, Bounds],
    params: QualityParams,
) -> list[Finding]:
    """Judge one symbol's feature table: its keys, the columns of `features` with their bounds, its labels.

    A bound of None is no bound. Findings end early as those of `validate_candles` do.
    """
    return run_suites(feature_suites(table, interval, features, params), symbol, params)


def candle_suites(table: pd.DataFrame, interval: Interval, params: QualityParams) -> list[Suite]:
    """Return what is expected of one symbol's candles: first rows and columns, then types, then values."""
    table = table.reset_index(drop=True)

    def values() -> Iterator[Part]:
        derived = with_candle_columns(with_gap_column(with_time_columns(table, interval), interval))
        yield Part(derived, list(_candle_checks(params)))

    return [*_frame_suites("candles", table, CANDLE_TYPES), values]


def feature_suites(
    table: Tabular, interval: Interval, features: Mapping[str, Bounds], params: QualityParams
) -> list[Suite]:
    """Return what is expected of one symbol's feature table: rows and columns, then types, then values.

    Of the values, so many columns are looked at together that the rows of all are `CELLS_AT_ONCE`, or one.
    """
    types = {key: CANDLE_TYPES[key] for key in KEYS}
    types |= dict.fromkeys(features, FEATURE_TYPE) | dict.fromkeys(LABELS, "float64")

    def some(columns: Iterable[str]) -> pd.DataFrame:
        return pd.DataFrame({name: table[name].reset_index(drop=True) for name in columns}, copy=False)

    def values() -> Iterator[Part]:
        summary = Summary(_with_bounds(summary_of(table, [*features, *LABELS]), features))
        yield Part(with_time_columns(some(KEYS), interval), list(_time_checks("features")))
        names, n_together = list(features), max(1, CELLS_AT_ONCE // len(table))
        for k in range(0, len(names), n_together):
            together = names[k : k + n_together]
            checks = list(_feature_checks({name: features[name] for name in together}))
            yield Part(partial(some, [TIME, *together]), checks, summary)
        yield Part(partial(some, [TIME, *LABELS]), list(_label_checks(params)))
        yield Part(column_table(summary.table), list(_column_checks(features)), summary)

    first = table.iloc[:1].reset_index(drop=True)
    return [*_frame_suites("features", first, types), values]


def _frame_suites(name: Table, table: pd.DataFrame, types: Mapping[str, str]) -> list[Suite]:
    # One row shows whether there are rows, which columns and of which types, and is hashed quickly.
    first = table.head(1)
    return [
        lambda: [Part(first, list(_shape_checks(name, list(types))))],
        lambda: [Part(first, list(_type_checks(name, types)))],
    ]


def _shape_checks(table: Table, columns: list[str]) -> Iterator[Check]:
    yield Check("rows", table, WHOLE_TABLE, gxe.ExpectTableRowCountToBeBetween(min_value=1))
    yield Check("columns", table, WHOLE_TABLE, gxe.ExpectTableColumnsToMatchOrderedList(column_list=columns))


def _type_checks(table: Table, types: Mapping[str, str]) -> Iterator[Check]:
    for column, kind in types.items():
        yield Check("types", table, column, gxe.ExpectColumnTypeToBe(column=column, type_=kind))


def _time_checks(table: Table) -> Iterator[Check]:
    time = "timestamp"
    yield Check("missing", table, time, gxe.ExpectColumnValuesToNotBeNull(column=time))
    yield Check("unique", table, time, gxe.ExpectColumnValuesToBeUnique(column=time))
    yield Check("order", table, time, gxe.ExpectColumnValuesToBeIncreasing(column=time, strictly=True))
    yield Check("segments", table, "segment", gxe.ExpectColumnValuesToBeIncreasing(column="segment"))
    yield Check("grid", table, time, _is_true("is_on_grid"))
    yield Check("step", table, time, _is_true("is_in_step"))


def _candle_checks(params: QualityParams) -> Iterator[Check]:
    yield from _time_checks("candles")
    for column in OHLCV:
        yield from _finite_checks("candles", column)
    for column in PRICES:
        yield Check("positive", "candles", column, _between(column, 0, None, strict_min=True))
    yield Check("volume", "candles", "volume", _between("volume", 0, None))
    for upper, lower in (("high", "open"), ("high", "close"), ("open", "low"), ("close", "low")):
        pair = gxe.ExpectColumnPairValuesAToBeGreaterThanB(column_A=upper, column_B=lower, or_equal=True)
        yield Check("ohlc", "candles", f"{upper} >= {lower}", pair)
    yield Check("filled_flat", "candles", "is_filled", _is_true("is_filled_flat"))
    is_traded = gxe.ExpectColumnValuesToBeInSet(
        column="is_filled", value_set=[False], mostly=1 - params.max_filled_share
    )
    yield Check("filled_share", "candles", "is_filled", is_traded)
    gaps = gxe.ExpectColumnSumToBeBetween(column="gap", max_value=params.max_gap_share)
    yield Check("gap_share", "candles", "timestamp", gaps)
    yield Check("quiet", "candles", "volume", _between("quiet", None, params.max_quiet))
    ordinary = _between("move", None, params.max_move, mostly=1 - params.max_outsized_share)
    yield Check("outsized_move", "candles", "close", ordinary)
    yield Check("seam", "candles", "file", _between("seam", None, params.max_seam_move))
    yield Check("stale_close", "candles", "close", _between("stale", None, params.max_stale))


def _feature_checks(features: Mapping[str, Bounds]) -> Iterator[Check]:
    for column, (low, high) in features.items():
        yield from _finite_checks("features", column)
        if (low, high) != (None, None):
            within = _between(column, *_with_slack(low, high))
            yield Check("range", "features", column, within, IN_BOUNDS)


def _column_checks(features: Iterable[str]) -> Iterator[Check]:
    for column in features:
        yield Check("constant", "features", column, _is_varied(column), VARIED)
        has_no_twin = gxe.ExpectColumnValuesToBeNull(column=twin_of(column))
        yield Check("duplicate", "features", column, has_no_twin, NO_TWIN)
    for column in LABELS:
        yield Check("constant", "labels", column, _is_varied(column), VARIED)


def _label_checks(params: QualityParams) -> Iterator[Check]:
    up_or_down = gxe.ExpectColumnValuesToBeInSet(column=DIRECTION, value_set=[0.0, 1.0])
    yield Check("label_range", "labels", DIRECTION, up_or_down)
    yield Check("label_range", "labels", TREND_STRENGTH, _between(TREND_STRENGTH, 0, 1))
    share = params.min_label_share
    balanced = gxe.ExpectColumnMeanToBeBetween(column=DIRECTION, min_value=share, max_value=1 - share)
    yield Check("label_balance", "labels", DIRECTION, balanced)
    for column in LABELS:
        present = gxe.ExpectColumnValuesToNotBeNull(column=column, mostly=1 - params.max_missing_labels)
        yield Check("label_missing", "labels", column, present)


def _finite_checks(table: Table, column: str) -> Iterator[Check]:
    yield Check("finite", table, column, gxe.ExpectColumnValuesToNotBeNull(column=column), NONE_MISSING)
    yield Check("finite", table, column, _between(column, -LARGEST, LARGEST), FINITE)


def _between(column: str, low: float | None, high: float | None, **options: Any) -> gxe.Expectation:
    return gxe.ExpectColumnValuesToBeBetween(column=column, min_value=low, max_value=high, **options)


def _with_slack(low: float | None, high: float | None) -> Bounds:
    slack_low, slack_high = (ROUNDING * max(1.0, abs(bound or 0.0)) for bound in (low, high))
    return None if low is None else low - slack_low, None if high is None else high + slack_high


def _with_bounds(summary: pd.DataFrame, features: Mapping[str, Bounds]) -> pd.DataFrame:
    bounds = [_with_slack(*features.get(name, (None, None))) for name in summary.index]
    low, high = (np.array(side, np.float64) for side in zip(*bounds, strict=True))  # None becomes NaN
    return summary.assign(low=low, high=high)


def _in_order(lower: str, upper: str, or_equal: bool) -> gxe.Expectation:
    return gxe.ExpectColumnPairValuesAToBeGreaterThanB(
        column_A=upper, column_B=lower, or_equal=or_equal, ignore_row_if="either_value_is_missing"
    )


def _is_true(column: str) -> gxe.Expectation:
    return gxe.ExpectColumnValuesToBeInSet(column=column, value_set=[True])


def _is_varied(column: str) -> gxe.Expectation:
    # On the least and the greatest value alone (`column_table`): counting a million values takes 0.1 s.
    return gxe.ExpectColumnUniqueValueCountToBeBetween(column=column, min_value=2)


# What makes sure of the expectations on a column's values, asked of its row in the summary.
NONE_MISSING = (_between("missing", 0, 0),)
FINITE = _between("least", -LARGEST, None), _between("greatest", None, LARGEST)
IN_BOUNDS = _in_order("low", "least", or_equal=True), _in_order("greatest", "high", or_equal=True)
# Where nothing is there it is the column that says so.
VARIED = *NONE_MISSING, _in_order("least", "greatest", or_equal=False)
NO_TWIN = (gxe.ExpectColumnValuesToBeNull(column="twin"),)
