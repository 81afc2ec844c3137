"""The page about the data: opens offline, shows what is there, and does without what is not."""

import json
from html.parser import HTMLParser

import pytest

from tapeline.outputs import write_json
from tapeline.quality.params import Rule
from tapeline.reports.data_report import MEANINGS, PAGE, write_data_report
from tests.browser import faults_of, find_browser
from tests.candles import random_candles

VOID = {"meta", "br", "link", "img", "hr", "input"}
FAILURE = {
    "symbol": "BTC-USD",
    "table": "candles",
    "column": "volume",
    "rule": "volume",
    "expectation": "expect_column_values_to_be_between",
    "severity": "critical",
    "unexpected": 2,
    "examples": ["2024-01-01T00:10:00Z: -2.5", "<b>2024-01-01T00:11:00Z</b>: -1.0"],
}
LEAK = {
    "audit": "truncation",
    "symbol": "ETH-USD",
    "column": "ema_60",
    "timestamp": "2024-01-01T00:10:00Z",
    "expected": 1.5,
    "found": 1.25,
}


def _rule(symbol, failed=0):
    return {
        "symbol": symbol,
        "table": "candles",
        "rule": "volume",
        "severity": "critical",
        "evaluated": 1,
        "failed": failed,
        "unexpected": 2 * failed,
    }


def _found(**changes):
    found = {
        "passed": True,
        "tables": {"BTC-USD": {"candles": {"evaluated": 40, "failed": 0, "warnings": 0}}},
        "rules": [_rule("BTC-USD"), _rule("ETH-USD")],
        "failures": [],
        "audits": [
            {"symbol": symbol, "name": "truncation", "cells": 64, "leaks": 0}
            for symbol in ("BTC-USD", "ETH-USD")
        ],
        "leaks": [],
    }
    return found | changes


class Page(HTMLParser):
    """Checks that tags close in order; keeps the text of table cells, row by row, and what is referred to."""

    def __init__(self, text):
        super().__init__()
        self.open, self.rows, self.references, self.tags = [], [], [], set()
        self.feed(text)
        self.close()
        assert self.open in ([], ["html"])

    def handle_starttag(self, tag, attrs):
        """Open the tag; begin a row or a cell."""
        self.tags.add(tag)
        self.references += [value for name, value in attrs if name in ("src", "href", "xlink:href")]
        if tag not in VOID:
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_startendtag(self, tag, attrs):
        """A tag without content is not open."""
        self.tags.add(tag)

    def handle_endtag(self, tag):
        """Only the tag opened last may close."""
        assert self.open.pop() == tag

    def handle_data(self, data):
        """Text of a cell."""
        if self.open and self.open[-1] in ("td", "th"):
            self.rows[-1][-1] += " ".join(data.split())

    def row(self, *start):
        """The one row that begins with these cells."""
        (row,) = (row for row in self.rows if row[: len(start)] == list(start))
        return row


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A folder as the expectations stage leaves it; called with its report, it returns the page."""
    monkeypatch.chdir(tmp_path)
    cards = {"BTC-USD": {"rows": 86138, "filled": 210}, "ETH-USD": {"rows": 86243, "filled": 157}}
    write_json("metrics/data.json", cards)

    def write(found, splits=None):
        write_json("metrics/detail/expectations.json", found)
        if splits is not None:
            write_json("metrics/detail/splits.json", splits)
        write_data_report()
        return PAGE.read_text(encoding="utf-8")

    return write


def test_cards_stand_side_by_side(run):
    """A row for each key, a column for each symbol."""
    assert Page(run(_found())).row("filled") == ["filled", "210", "157"]


def test_what_is_odd_stands_beside_the_cards(run):
    """Counts that only one symbol has, and each finding with its first row."""
    write_json("metrics/data.json", {"A": {"rows": 5}, "B": {"rows": 6, "wicks": 1}})
    told = "b.csv, row 3: high 110 over 100 before and 101 after"
    write_json("metrics/detail/data.json", {"A": [], "B": [{"rule": "wick", "count": 1, "told": told}]})
    page = Page(run(_found()))
    assert page.row("wicks")[-1] == "1"
    assert page.row("B", "wick") == ["B", "wick", "1", told]


def test_good_data_read_as_passed(run):
    """The verdict, the count of every rule and audit, and that nothing failed."""
    text = run(_found())
    page = Page(text)
    assert "Passed." in text
    assert "Nothing." in text
    assert page.row("candles", "volume") == [
        "candles", "volume", MEANINGS["volume"], "critical", "1", "1",
    ]  # fmt: skip
    assert page.row("truncation", "BTC-USD") == ["truncation", "BTC-USD", "64", "0", ""]


def test_a_failure_is_shown_with_times_and_values(run):
    """The verdict says how many, the table which rows; text from the data is not taken for markup."""
    rules = [_rule("BTC-USD", failed=1)]
    text = run(_found(passed=False, failures=[FAILURE, FAILURE | {"severity": "warning"}], rules=rules))
    page = Page(text)
    assert "1 critical expectations failed" in " ".join(text.split())
    assert "1 warnings" in " ".join(text.split())
    row = page.row("critical", "BTC-USD")
    assert row[2:5] == ["candles.volume", "volume", "2"]
    assert "2024-01-01T00:10:00Z: -2.5; <b>2024-01-01T00:11:00Z</b>: -1.0" in row[5]
    # ETH-USD ended before this rule.
    assert page.row("candles", "volume")[-2:] == ["1, 1 failed, 2 rows", "not evaluated"]


def test_the_first_leak_of_an_audit_is_named(run):
    """Its column, candle and both values, beside the audit of its own symbol alone."""
    audits = [
        {"symbol": symbol, "name": "truncation", "cells": 64, "leaks": leaks}
        for symbol, leaks in (("BTC-USD", 0), ("ETH-USD", 2))
    ]
    page = Page(run(_found(passed=False, audits=audits, leaks=[LEAK, LEAK | {"column": "later"}])))
    assert page.row("truncation", "ETH-USD")[-1] == (
        "ema_60 at 2024-01-01T00:10:00Z: 1.5 expected, 1.25 found"
    )
    assert page.row("truncation", "BTC-USD")[-1] == ""


def test_audits_and_drift_of_the_splits_are_shown_where_they_are(run):
    """Not there: said so. There: its audits below the others, features in the order they come."""
    assert "Not measured" in run(_found())
    drift = [{"column": "rsi_14", "psi": 0.31234, "ks": 0.2, "train_rows": 1000, "test_rows": 500}]
    page = Page(run(_found(), {"audits": [{"name": "scaler", "cells": 12, "leaks": 0}], "drift": drift}))
    assert page.row("rsi_14") == ["rsi_14", "0.3123", "0.2", "1,000", "500"]
    assert page.row("scaler") == ["scaler", "", "12", "0", ""]


def test_what_the_splits_found_counts_too(run):
    """A drift that warns is among what failed; a leak that only they saw spoils the verdict."""
    drifted = FAILURE | {"symbol": "all symbols", "rule": "drift", "severity": "warning"}
    splits = {"failures": [drifted], "leaks": [LEAK], "audits": []}
    text = run(_found(), splits)
    words = " ".join(text.split())
    assert "0 critical expectations failed and 1 leaking values were found" in words
    assert Page(text).row("warning", "all symbols")[3] == "drift"


def test_the_random_walk_check_is_read_where_it_was_made(run):
    """Accuracy on a random walk, with its rows and interval."""
    taken = {"rows": 5000, "accuracy": 0.501, "accuracy_low": 0.48, "accuracy_high": 0.52}
    words = " ".join(run(_found(random_walk=taken)).split())
    assert "right on 0.501 of 5,000 test candles (interval 0.48 to 0.52)" in words
    assert "random walk" not in run(_found())


def test_splits_of_an_earlier_run_are_left_out(run):
    """Where the data did not pass, the folds that are there were cut from others."""
    drift = [{"column": "rsi_14", "psi": 0.3, "ks": 0.2, "train_rows": 1000, "test_rows": 500}]
    assert "Not measured" in run(_found(passed=False, failures=[FAILURE]), {"drift": drift})


def test_a_report_without_rules_shows_counts_by_table(run):
    """What an older report holds is enough."""
    found = _found()
    del found["rules"]
    assert Page(run(found)).row("BTC-USD", "candles") == ["BTC-USD", "candles", "40", "0", "0"]


def test_the_page_begins_with_the_market(run, tmp_path):
    """As ingest wrote it beside the candles; where it has not, the page says so."""
    assert "What market these candles are of is not known" in run(_found())
    origin = {"name": "X", "source": "files", "interval": "1m", "max_fill": 15, "symbols": {}}
    (tmp_path / "data/candles").mkdir(parents=True)
    path = tmp_path / "data/candles/origin.json"
    path.write_text(json.dumps(origin | {"description": "Candles of X & Y, 1m."}))
    head = run(_found()).split("<h2>")[0]
    assert "<p>Candles of X &amp; Y, 1m.</p>" in head


def test_the_page_needs_nothing_from_elsewhere(run, tmp_path):
    """No script, no style sheet, no address of another host; with charts as without."""
    candles = random_candles(600)
    candles = candles if "file" in candles else candles.assign(file=0)
    (tmp_path / "data/candles").mkdir(parents=True)
    candles.to_parquet(tmp_path / "data/candles/BTC-USD.parquet")
    page = Page(run(_found()))
    assert page.references == ["index.html"]
    assert "svg" in page.tags
    assert not page.tags & {"script", "link", "img", "iframe"}


@pytest.mark.slow
@pytest.mark.skipif(find_browser() is None, reason="no Chromium is installed")
def test_it_is_read_on_a_desk_and_on_a_phone(run, tmp_path):
    """With charts, oddities and failures: nothing clipped, every text of AA's contrast, no complaint."""
    candles = random_candles(600)
    candles = candles if "file" in candles else candles.assign(file=0)
    (tmp_path / "data/candles").mkdir(parents=True)
    candles.to_parquet(tmp_path / "data/candles/BTC-USD.parquet")
    told = "b.csv, row 3: high 110 over 100 before and 101 after"
    write_json("metrics/detail/data.json", {"BTC-USD": [{"rule": "wick", "count": 1, "told": told}]})
    run(_found())
    assert faults_of(tmp_path / PAGE, tmp_path / "profile") == []


def test_the_same_run_gives_the_same_page(run):
    """There is no clock in it."""
    assert run(_found()) == run(_found())


def test_every_rule_has_its_meaning():
    """Those that params may name, and those about shape and time that are no choice."""
    fixed = {"rows", "columns", "types", "missing", "unique", "order", "segments", "grid", "step"}
    assert set(MEANINGS) == fixed | set(Rule.__args__)


def test_a_run_without_a_report_is_named(tmp_path, monkeypatch):
    """The first file that is missing."""
    monkeypatch.chdir(tmp_path)
    write_json("metrics/data.json", {"BTC-USD": {"rows": 1}})
    with pytest.raises(FileNotFoundError) as caught:
        write_data_report()
    assert caught.value.filename == "metrics/detail/expectations.json"
    assert json.loads((tmp_path / "metrics/data.json").read_text())
    assert not PAGE.exists()
