"""Run a suite of Great Expectations without progress output, into Finding records.

A suite that evaluates nothing, or less than it holds, is an error: only what was judged can pass.
"""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import great_expectations as gx
import great_expectations.expectations as gxe
import numpy as np
import pandas as pd
from great_expectations.core import ExpectationValidationResult
from great_expectations.data_context import AbstractDataContext
from great_expectations.data_context.types.base import ProgressBarsConfig
from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

from tapeline.errors import QualityError
from tapeline.quality.params import QualityParams
from tapeline.quality.report import Finding, Table

N_EXAMPLES = 3
RESULT_FORMAT = {"result_format": "SUMMARY", "partial_unexpected_count": N_EXAMPLES}

os.environ["GX_ANALYTICS_ENABLED"] = "false"  # asked whenever a context is made


@dataclass(frozen=True)
class Check:
    """One expectation, the rule it stands for, and the column (or pair) a person knows it by."""

    rule: str
    table: Table
    column: str
    expectation: gxe.Expectation


# A table and what is expected of it.
Part = tuple[pd.DataFrame, Iterable[Check]]
# Made only when the suite before it has passed; all of its parts are judged.
Suite = Callable[[], Iterable[Part]]


def run_suites(suites: Iterable[Suite], symbol: str, params: QualityParams) -> list[Finding]:
    """Run `suites` in order, up to the first with a failure; one finding per check."""
    findings: list[Finding] = []
    for suite in suites:
        for table, checks in suite():
            results = run_suite(table, checks, symbol)
            findings += [_finding(table, symbol, check, result, params) for check, result in results]
        if not all(finding.success for finding in findings):
            break
    return findings


def run_suite(
    table: pd.DataFrame, checks: Iterable[Check], symbol: str
) -> list[tuple[Check, ExpectationValidationResult]]:
    """Evaluate every check on `table`; raise QualityError if there is none, or one was not evaluated."""
    checks = list(checks)
    if not checks:
        raise QualityError(f"{symbol}: the suite holds no expectation, so nothing is known about the data")
    for position, check in enumerate(checks):
        check.expectation.meta = {"position": position}
    results = _evaluate(table, [check.expectation for check in checks])
    by_position = {(_config(result).meta or {})["position"]: result for result in results}
    for position, check in enumerate(checks):
        reason = _exception(by_position.get(position))
        if reason is not None:
            where = f"{symbol} {check.table}: {check.rule} of {check.column}"
            raise QualityError(f"{where} could not be evaluated: {reason}")
    return [(check, by_position[position]) for position, check in enumerate(checks)]


def quiet_context() -> AbstractDataContext:
    """Return a context of Great Expectations that keeps nothing on disk and prints no progress."""
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    return context


def _evaluate(table: pd.DataFrame, expectations: list[gxe.Expectation]) -> list[ExpectationValidationResult]:
    # A context keeps the tables it has seen, so each run gets its own.
    asset = quiet_context().data_sources.add_pandas("tables").add_dataframe_asset("table")
    batch = asset.add_batch_definition_whole_dataframe("whole").get_batch({"dataframe": table})
    suite = gx.ExpectationSuite(name="suite", expectations=expectations)
    return batch.validate(suite, result_format=RESULT_FORMAT).results


def _config(result: ExpectationValidationResult) -> ExpectationConfiguration:
    if result.expectation_config is None:
        raise AssertionError("a suite's results name their expectations")
    return result.expectation_config


def _exception(result: ExpectationValidationResult | None) -> str | None:
    """Return why there is no verdict, in one line, or None where there is one."""
    if result is None:
        return "no result came back"
    if result.exception_info.get("raised_exception") is False:
        return None
    details = [detail for detail in result.exception_info.values() if isinstance(detail, dict)]
    message = (details or [result.exception_info])[0].get("exception_message") or "unknown"
    return " ".join(str(message).split())


def _finding(
    table: pd.DataFrame, symbol: str, check: Check, result: ExpectationValidationResult, params: QualityParams
) -> Finding:
    has_rows = "timestamp" in table  # or else it sums columns up, and its rows are no candles
    return Finding(
        symbol=symbol,
        table=check.table,
        column=check.column,
        rule=check.rule,
        expectation=_config(result).type,
        severity="warning" if check.rule in params.warnings else "critical",
        success=bool(result.success),
        unexpected=result.result.get("unexpected_count") if has_rows else None,
        examples=() if result.success else _examples(table, result.result),
    )


def _examples(table: pd.DataFrame, outcome: dict[str, Any]) -> tuple[str, ...]:
    """Return the first unexpected values with their rows' times, or else what was observed."""
    if "partial_unexpected_list" in outcome:
        values = map(_text, outcome["partial_unexpected_list"])
        rows = outcome.get("partial_unexpected_index_list")
        if not rows or "timestamp" not in table:
            return tuple(values)
        times = map(_text, table["timestamp"].iloc[rows])
        return tuple(f"{time}: {value}" for time, value in zip(times, values, strict=True))
    if "mismatched" in outcome.get("details", {}):
        return tuple(
            f"column {each['Expected Column Position']} is {each['Found']}, expected {each['Expected']}"
            for each in outcome["details"]["mismatched"][:N_EXAMPLES]
        )
    return (f"observed {_text(outcome.get('observed_value'))}",)


def _text(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(_text, value))
    if isinstance(value, pd.Timestamp):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    # All digits: a value may be off its bound by rounding alone.
    return repr(float(value)) if isinstance(value, float | np.floating) else str(value)
