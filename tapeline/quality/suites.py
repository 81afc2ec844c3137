"""Run a suite of Great Expectations without progress output, into Finding records.

A suite that evaluates nothing, or less than it holds, is an error: only what was judged can pass.
"""

import gc
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
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
EVERY_ROW = {"result_format": "COMPLETE"}

os.environ["GX_ANALYTICS_ENABLED"] = "false"  # asked whenever a context is made


@dataclass(frozen=True)
class Check:
    """One expectation, the rule it stands for, and the column (or pair) a person knows it by.

    sure_by : expectations on the summary of columns (`Part`) which, where the column's row meets them all,
        make the expectation sure to be met; it is evaluated only where one of them is not
    """

    rule: str
    table: Table
    column: str
    expectation: gxe.Expectation
    sure_by: tuple[gxe.Expectation, ...] = ()


@dataclass(frozen=True)
class Summary:
    """A row a column, by its name: an expectation on it judges a hundred columns at once.

    Great Expectations takes seconds to go through their values one by one.
    """

    table: pd.DataFrame
    _met: dict[int, set[str]] = field(default_factory=dict)  # by what was asked, which stands in modules

    def met(self, expectations: Iterable[gxe.Expectation], symbol: str) -> dict[int, set[str]]:
        """Names of the columns that meet each of `expectations`, by its id; each is asked once."""
        asked = {id(each): each for each in expectations if id(each) not in self._met}
        rows = self.table.reset_index(names="column")
        checks = [Check("summary", "features", "all columns", each) for each in asked.values()]
        results = run_suite(rows, checks, symbol, EVERY_ROW) if checks else []
        names = rows["column"].to_numpy()
        for key, (_, result) in zip(asked, results, strict=True):
            is_met = np.ones(len(names), bool)
            is_met[result.result["unexpected_index_list"] or []] = False
            self._met[key] = set(names[is_met]) if result.success == is_met.all() else set()
        return self._met


@dataclass(frozen=True)
class Part:
    """A table, or what reads it, and what is expected of it; read only if `summary` leaves a check open."""

    table: pd.DataFrame | Callable[[], pd.DataFrame]
    checks: Sequence[Check]
    summary: Summary | None = None

    @cached_property
    def rows(self) -> pd.DataFrame:
        """The table."""
        return self.table() if callable(self.table) else self.table

    @property
    def has_times(self) -> bool:
        """Whether its rows are candles; or else it sums columns up."""
        return callable(self.table) or "timestamp" in self.table


# Made only when the suite before it has passed; all of its parts are judged.
Suite = Callable[[], Iterable[Part]]


def run_suites(suites: Iterable[Suite], symbol: str, params: QualityParams) -> list[Finding]:
    """Run `suites` in order, up to the first with a failure; one finding per check."""
    findings: list[Finding] = []
    for suite in suites:
        for part in suite():
            findings += _run_part(part, symbol, params)
        if not all(finding.success for finding in findings):
            break
    return findings


def _run_part(part: Part, symbol: str, params: QualityParams) -> list[Finding]:
    sure = sure_checks(part, symbol)
    left = [check for position, check in enumerate(part.checks) if position not in sure]
    results = iter(run_suite(part.rows, left, symbol) if left or not sure else ())
    if left:
        gc.collect()  # a context of Great Expectations and its table hold each other
    return [
        _finding(part, symbol, check, None if position in sure else next(results)[1], params)
        for position, check in enumerate(part.checks)
    ]


def sure_checks(part: Part, symbol: str) -> set[int]:
    """Return the positions of the checks of `part` that its summary makes sure of."""
    asked = [each for check in part.checks for each in check.sure_by]
    if part.summary is None or not asked:
        return set()
    met = part.summary.met(asked, symbol)
    return {
        position
        for position, check in enumerate(part.checks)
        if check.sure_by and all(check.column in met[id(each)] for each in check.sure_by)
    }


def run_suite(
    table: pd.DataFrame, checks: Iterable[Check], symbol: str, result_format: dict[str, Any] = RESULT_FORMAT
) -> list[tuple[Check, ExpectationValidationResult]]:
    """Evaluate every check on `table`; raise QualityError if there is none, or one was not evaluated."""
    checks = list(checks)
    if not checks:
        raise QualityError(f"{symbol}: the suite holds no expectation, so nothing is known about the data")
    for position, check in enumerate(checks):
        check.expectation.meta = {"position": position}
    results = _evaluate(table, [check.expectation for check in checks], result_format)
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


def _evaluate(
    table: pd.DataFrame, expectations: list[gxe.Expectation], result_format: dict[str, Any]
) -> list[ExpectationValidationResult]:
    # A context keeps the tables it has seen, so each run gets its own.
    asset = quiet_context().data_sources.add_pandas("tables").add_dataframe_asset("table")
    batch = asset.add_batch_definition_whole_dataframe("whole").get_batch({"dataframe": table})
    suite = gx.ExpectationSuite(name="suite", expectations=expectations)
    return batch.validate(suite, result_format=result_format).results


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
    part: Part, symbol: str, check: Check, result: ExpectationValidationResult | None, params: QualityParams
) -> Finding:
    """What came of `check`, which is met for sure where there is no result."""
    is_met = result is None or bool(result.success)
    outcome = {"unexpected_count": 0} if result is None else result.result
    return Finding(
        symbol=symbol,
        table=check.table,
        column=check.column,
        rule=check.rule,
        expectation=check.expectation.configuration.type,
        severity="warning" if check.rule in params.warnings else "critical",
        success=is_met,
        unexpected=outcome.get("unexpected_count") if part.has_times else None,
        examples=() if is_met else _examples(part.rows, outcome),
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
