"""Verdict and report over hand-made findings, and the report's bytes over real ones."""

import dataclasses
import json

import pytest

from tapeline.errors import QualityError
from tapeline.outputs import write_json
from tapeline.quality.expectations import validate_candles
from tapeline.quality.report import (
    AUDIT_COMPLAINTS,
    Audit,
    Finding,
    Leak,
    RandomWalk,
    judge,
    judge_leaks,
    report,
    report_lines,
    require_passed,
)

GOOD = Finding("BTC-USD", "candles", "close", "positive", "expect_x", "critical", True, 0, ())
BAD = dataclasses.replace(GOOD, success=False, unexpected=2, examples=("T1: -1", "T2: -2"))
WARNING = dataclasses.replace(BAD, severity="warning")
WALKED = RandomWalk(1000, 0.501, 0.48, 0.52)
LEAK = Leak("BTC-USD", "ema", "2024-01-01T00:10:00Z", 1.5, 1.25)


def test_judge_names_the_first_critical_failure():
    """One line with symbol, column, expectation, count, examples, and how many more there are."""
    later = dataclasses.replace(BAD, symbol="ETH-USD")
    with pytest.raises(QualityError) as caught:
        judge([GOOD, WARNING, BAD, later, later])
    message = "BTC-USD candles: close fails expect_x (positive) on 2 rows: T1: -1; T2: -2 (and 2 more)"
    assert str(caught.value) == message


def test_judge_lets_warnings_pass():
    """A failed warning does not end the run."""
    judge([GOOD, WARNING])


def test_judge_refuses_no_findings():
    """Nothing judged is not good."""
    with pytest.raises(QualityError, match="no expectation"):
        judge([])


def test_judge_leaks_names_column_and_candle():
    """The first leak is named with its candle and both values."""
    judge_leaks([Audit("BTC-USD", "truncation", 10, ())])
    with pytest.raises(QualityError, match=r"BTC-USD: ema at 2024-01-01T00:10:00Z .* 1\.5 .* 1\.25 .*1 more"):
        judge_leaks([Audit("BTC-USD", "truncation", 10, (LEAK, LEAK))])


@pytest.mark.parametrize("name", AUDIT_COMPLAINTS)
def test_every_audit_says_what_its_leak_is(name):
    """One line with symbol, column, candle and both values; a file that was opened has none."""
    values = "a file is opened" if name == "files" else r"1\.5.*1\.25"
    with pytest.raises(QualityError, match=rf"^BTC-USD: ema at 2024-01-01T00:10:00Z .*{values}[^\n]*$"):
        judge_leaks([Audit("BTC-USD", name, 10, (LEAK,))])


@pytest.mark.parametrize("audits", [[], [Audit("BTC-USD", "truncation", 0, ())]])
def test_judge_leaks_refuses_no_cells(audits):
    """Nothing audited is not good."""
    with pytest.raises(QualityError, match="no value"):
        judge_leaks(audits)


def test_report_counts_by_symbol_and_table():
    """Evaluated, failed and warned are counted apart; every failure and leak is listed."""
    features = dataclasses.replace(BAD, table="features")
    found = report([GOOD, WARNING, BAD, features], [Audit("BTC-USD", "truncation", 10, (LEAK,))], WALKED)
    assert found["tables"]["BTC-USD"] == {
        "candles": {"evaluated": 3, "failed": 1, "warnings": 1},
        "features": {"evaluated": 1, "failed": 1, "warnings": 0},
    }
    assert [failure["severity"] for failure in found["failures"]] == ["warning", "critical", "critical"]
    assert found["audits"] == [{"symbol": "BTC-USD", "name": "truncation", "cells": 10, "leaks": 1}]
    assert found["leaks"] == [
        {
            "audit": "truncation",
            "symbol": "BTC-USD",
            "column": "ema",
            "timestamp": "2024-01-01T00:10:00Z",
            "expected": 1.5,
            "found": 1.25,
        }
    ]
    assert found["random_walk"]["accuracy"] == 0.501
    rule = {"symbol": "BTC-USD", "table": "candles", "rule": "positive", "severity": "critical"}
    assert found["rules"][0] == rule | {"evaluated": 3, "failed": 2, "unexpected": 4}
    assert [each["table"] for each in found["rules"]] == ["candles", "features"]


def test_report_bytes_are_the_same_for_two_runs(candles, params, tmp_path):
    """Two validations of one spoiled table write the same file, without times or ids of the run."""
    candles.loc[[10, 20, 30, 40], "volume"] = -1.0
    candles.loc[50, "close"] = float("nan")
    written = []
    for name in ("one.json", "two.json"):
        write_json(tmp_path / name, report(validate_candles(candles, "BTC-USD", "1m", params), [], WALKED))
        written.append((tmp_path / name).read_bytes())
    assert written[0] == written[1]
    assert json.loads(written[0])["failures"]


@pytest.mark.parametrize(
    ("findings", "leaks", "passed"),
    [([GOOD, WARNING], (), True), ([GOOD, BAD], (), False), ([GOOD], (LEAK,), False)],
)
def test_a_later_stage_refuses_data_that_did_not_pass(tmp_path, findings, leaks, passed):
    """Only a critical failure or a leak spoils the report; a spoiled one is refused, naming its file."""
    write_json(tmp_path / "r.json", report(findings, [Audit("BTC-USD", "truncation", 10, leaks)], WALKED))
    if passed:
        require_passed(tmp_path / "r.json")
        return
    with pytest.raises(QualityError, match=r"r.json: the data did not pass"):
        require_passed(tmp_path / "r.json")


def test_the_random_walk_is_told_in_words():
    """The share that was right, of how many, its interval, and the column that knew the future."""
    line = report_lines([], [], RandomWalk(11574, 0.49567, 0.45507, 0.53628))[-1]
    right = "0.4957 of 11574 test candles (interval 0.4551 to 0.5363)"
    assert line == f"on a random walk a model was right on {right}"
    assert report_lines([], [], RandomWalk(10, 0.9, 0.8, 1.0, "peek", 3, 0.7))[-1].endswith(", by peek")
