"""A suite that judges nothing, or less than it holds, is an error."""

import great_expectations.expectations as gxe
import pandas as pd
import pytest

from tapeline.errors import QualityError
from tapeline.quality import suites
from tapeline.quality.suites import Check, Part, Summary, run_suite, run_suites

TABLE = pd.DataFrame(
    {"timestamp": pd.date_range("2024", periods=3, freq="min", tz="UTC"), "x": [1.0, 2.0, 3.0]}
)


def _check(column="x"):
    return Check("finite", "features", column, gxe.ExpectColumnValuesToNotBeNull(column=column))


def test_empty_suite_is_an_error():
    """Zero expectations can't pass."""
    with pytest.raises(QualityError, match="holds no expectation"):
        run_suite(TABLE, [], "BTC-USD")


def test_expectation_that_raises_is_an_error():
    """An expectation on a column that is not there is named, in one line, with the reason."""
    with pytest.raises(
        QualityError, match=r"^BTC-USD features: finite of y could not be evaluated: .*\"y\".*$"
    ):
        run_suite(TABLE, [_check(), _check("y")], "BTC-USD")


def test_missing_result_is_an_error(monkeypatch):
    """Fewer results than expectations can't pass."""
    evaluate = suites._evaluate
    monkeypatch.setattr(suites, "_evaluate", lambda *args: evaluate(*args)[:1])
    with pytest.raises(QualityError, match="no result came back"):
        run_suite(TABLE, [_check(), _check("timestamp")], "BTC-USD")


def test_suites_end_after_the_first_with_a_failure(params):
    """A suite that needs what the one before has refused is not even built."""
    failing = Check("finite", "features", "x", gxe.ExpectColumnValuesToBeNull(column="x"))
    findings = run_suites(
        [lambda: [Part(TABLE, [failing])], lambda: pytest.fail("was built")], "BTC-USD", params
    )
    assert [(finding.rule, finding.success, finding.unexpected) for finding in findings] == [
        ("finite", False, 3)
    ]


def test_all_parts_of_a_suite_are_judged(params):
    """A failure in one part does not hide what is expected in the next."""
    failing = Check("finite", "features", "x", gxe.ExpectColumnValuesToBeNull(column="x"))
    findings = run_suites([lambda: [Part(TABLE, [failing]), Part(TABLE, [_check()])]], "BTC-USD", params)
    assert [finding.success for finding in findings] == [False, True]


def test_a_summary_of_columns_counts_no_rows(params):
    """What is wrong in a table without times is told as it stands there, not as a number of candles."""
    summary = pd.DataFrame({"x": ["equals y", None]})
    failing = Check("duplicate", "features", "x", gxe.ExpectColumnValuesToBeNull(column="x"))
    (finding,) = run_suites([lambda: [Part(summary, [failing])]], "BTC-USD", params)
    assert (finding.success, finding.unexpected, finding.examples) == (False, None, ("equals y",))


def test_a_summary_that_is_met_makes_sure_of_a_check(params, monkeypatch):
    """A column whose row meets the summary's expectation is not gone through; the others are."""
    summary = pd.DataFrame({"missing": [0, 1]}, index=["x", "y"])
    none_missing = (gxe.ExpectColumnValuesToBeBetween(column="missing", min_value=0, max_value=0),)
    table = TABLE.assign(y=[1.0, None, 3.0], z=[None, 2.0, 3.0])
    checks = [
        Check("finite", "features", each, gxe.ExpectColumnValuesToNotBeNull(column=each), none_missing)
        for each in ("x", "y", "z")
    ]
    gone_through = []
    evaluate = suites._evaluate
    monkeypatch.setattr(
        suites, "_evaluate", lambda *args: gone_through.append(len(args[1])) or evaluate(*args)
    )
    findings = run_suites([lambda: [Part(table, checks, Summary(summary))]], "BTC-USD", params)
    assert gone_through == [1, 2]  # the summary's, then y and z: of z the summary says nothing
    assert [(finding.column, finding.success, finding.unexpected) for finding in findings] == [
        ("x", True, 0),
        ("y", False, 1),
        ("z", False, 1),
    ]


def test_what_a_summary_makes_sure_of_is_not_read_and_it_is_asked_once(params, monkeypatch):
    """Of several parts; one that it leaves a check of open is read."""
    summary = Summary(pd.DataFrame({"missing": [0, 0, 1]}, index=["x", "y", "z"]))
    none_missing = (gxe.ExpectColumnValuesToBeBetween(column="missing", min_value=0, max_value=0),)
    read, evaluated = [], []

    def part(column):
        def table():
            read.append(column)
            return TABLE.assign(**{column: [None, 2.0, 3.0]})

        expectation = gxe.ExpectColumnValuesToNotBeNull(column=column)
        return Part(table, [Check("finite", "features", column, expectation, none_missing)], summary)

    evaluate = suites._evaluate
    monkeypatch.setattr(suites, "_evaluate", lambda *args: evaluated.append(args) or evaluate(*args))
    findings = run_suites([lambda: map(part, "xyz")], "BTC-USD", params)
    assert [(finding.success, finding.unexpected) for finding in findings] == [
        (True, 0),
        (True, 0),
        (False, 1),
    ]
    assert (read, len(evaluated)) == (["z"], 2)


def test_a_part_without_checks_is_an_error_with_a_summary_too(params):
    """Nothing to judge is not made sure of by a summary."""
    summary = pd.DataFrame({"missing": [0]}, index=["x"])
    with pytest.raises(QualityError, match="holds no expectation"):
        run_suites([lambda: [Part(TABLE, [], Summary(summary))]], "BTC-USD", params)
