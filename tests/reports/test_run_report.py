"""The page of a run says what its figures say, does without those that are undefined, and loads nothing."""

import json
import re

import pandas as pd
import pytest

from tapeline.errors import ArtifactError, QualityError
from tapeline.models.table import NETWORKS
from tapeline.outputs import write_json
from tapeline.reports.run_report import PAGE, at_measured_latency, write_report
from tests.promotion.test_selection import FIRST, record
from tests.promotion.test_selection import OWN as OWN_TEST

PARAMS = """
latency: {warm_up: 1, repeats: 10, p99_budget_ms: 10.0}
data: {symbols: [BTC-USD]}
instruments: {BTC-USD: BTCUSD}
signals: {initial_balance: 100000.0}
ftmo: {control_runs: 3}
"""
MARKET = "What market the candles are of is not known"


def verdict(gate, status, reason):
    """A gate on the LSTM."""
    return {
        "artifact": "lstm-direction", "gate": gate, "value": None, "limit": ">= 0.5", "margin": None,
        "status": status, "reason": reason,
    }  # fmt: skip


def bundle(**changes):
    """A packed bundle, as a run records it."""
    return {"bundle_id": "b1", "fingerprints": {}, "span": {}, "refit": False} | changes


# The fewest figures that a run can have: one fold, no trades, all that can be undefined null.
METRICS = {
    "data": {"BTC-USD": {"rows": 1440}},
    "lstm": {
        "rows": 1200,
        "accuracy_all": 0.625,
        "accuracy_all_low": None,
        "accuracy_all_high": None,
        "ceiling": None,
    },
    "transformer": {"rows": 1200, "mae": 0.125},
    "baseline_direction": {"rows": 1200, "accuracy_all": 0.5625},
    "baseline_trend": {"rows": 1200, "mae": 0.1875},
    "ensemble_direction": {"rows": 1200, "accuracy_all": 0.8125},
    "backtest": {"trades": 0, "refused_entries": 1234},
    "ftmo": {"zero_edge_p_value": None, "first_phase_passed": None},
    "promotion": {"passed": 0},
    "latency": {"all_latency_p99_ms": None},
}
OWN = {"rows": 400, "accuracy_all": 0.5, "accuracy_all_low": None, "accuracy_all_high": None}
DETAIL = {
    "expectations": {
        "passed": True, "failures": [], "leaks": [],
        "audits": [{"name": "truncation", "symbol": "BTC-USD", "cells": 64, "leaks": 0}],
    },
    "splits": {"audits": [{"name": "scaler", "cells": 12, "leaks": 0}], "failures": [], "leaks": []},
    "evaluation": {
        "lstm": {"brier": {"brier": None}, "folds": {"fold_0": {"rows": 1200}}},
        "transformer": {},
        "baseline_direction": {"brier": {"brier": None}},
        "ensemble_direction": {"brier": {"brier": None}},
        "baseline_trend": {},
        "candidate": {
            "model": "fold_0", "figures_of": "fold_0", "lstm": OWN, "transformer": {"mae": 0.25},
            "baseline_direction": OWN, "ensemble_direction": OWN, "baseline_trend": {"mae": 0.5},
        },
    },
    "backtest": {
        "trades": {"average_win": None},
        "latency": {"0": {"latency_s": 0.0, "net_pnl": None}, "2": {"latency_s": 2.0, "net_pnl": None}},
        "candidate": {"from": "2024-01-01", "figures_of": "fold_0", "account": {"trades": 0}},
        "ftmo": {"phases": {}, "odds": {}},
    },
    "promotion": {
        "bundles": {"lstm-direction": bundle(), "transformer-trend": bundle(bundle_id="b2")},
        "gates": [
            verdict("lstm.accuracy_all", "passed", "well"),
            verdict("lstm.ece", "failed", "0.2 is not <= 0.1"),
        ],
    },
    "baselines_training": {"best": {"fold_0": {"direction": "a", "trend_strength": "b"}}},
    **{f"{model.name}_training": {"folds": {"fold_0": {"epochs": 1}}, "symbols": {}} for model in NETWORKS},
}  # fmt: skip
CURVE = {
    "latency_s": [0.0, 2.0],
    "net_pnl": [None, None],
    "net_pnl_low": [None] * 2,
    "net_pnl_high": [None] * 2,
}
PLOTS = {
    "equity": ["timestamp", "equity", "lowest", "daily_floor", "account_floor", "drawdown"],
    "odds": ["q05", "q25", "q50", "q75", "q95", "day", "kind"],
    "reliability": ["mean_probability", "observed", "low", "high", "count"],
    "confidence": ["confidence", "accuracy", "low", "high", "count"],
    "daily_pnl": ["day", "net_pnl"],
}

TIMES = ("timestamp", "day")


def never(metrics, detail):
    """Trials can't be counted."""
    raise ArtifactError("no repository")


def no_trades():
    """What trades are made of is not there."""
    raise FileNotFoundError(2, "none", "data/splits.json")


def changed(values, path, value):
    """A deep copy of `values` with one dotted key set."""
    copy = json.loads(json.dumps(values))
    *parents, last = path.split("/")
    node = copy
    for part in parents:
        node = node[part]
    node[last] = value
    return copy


def write_figures(metrics=METRICS, detail=DETAIL):
    """What the stages say of a run."""
    for name, values in metrics.items():
        write_json(f"metrics/{name}.json", values)
    for name, values in detail.items():
        write_json(f"metrics/detail/{name}.json", values)


@pytest.fixture
def page(tmp_path, monkeypatch, drawn_once):
    """Function that writes the page of a run with some figures changed, and returns its words."""
    monkeypatch.chdir(tmp_path)
    # What draws the charts is megabytes of script, the same in every page; its own test is test_pages.
    monkeypatch.setattr("tapeline.reports.pages._vega", lambda: "vega")
    (tmp_path / "params.yaml").write_text(PARAMS)
    (tmp_path / "plots").mkdir()
    for name, columns in PLOTS.items():
        days = ("2024-01-01", "2024-01-02")
        rows = [] if name == "odds" else [[day if k in TIMES else 0.5 for k in columns] for day in days]
        pd.DataFrame(rows, columns=columns).to_csv(f"plots/{name}.csv", index=False)
    pd.DataFrame(CURVE).to_csv("plots/latency.csv", index=False)
    pd.DataFrame(CURVE).rename(columns={"latency_s": "multiple"}).to_csv("plots/cost_stress.csv", index=False)
    call = {"symbol": "BTC-USD", "share": 1.0, "hold": 5, "gross_bps": None, "cost_bps": None}
    write_json("metrics/detail/edge.json", [call])
    for model in NETWORKS:
        path = tmp_path / f"plots/{model.name}_history/fold_0/plots/metrics/validation.tsv"
        path.parent.mkdir(parents=True)
        path.write_text("step\tvalidation\n0\t0.7\n")

    def write(metrics=METRICS, detail=DETAIL, deflate=never):
        write_figures(metrics, detail)
        assert write_report(deflate, no_trades) == PAGE
        return words(PAGE.read_text(encoding="utf-8"))

    return write


@pytest.fixture(scope="module")
def written():
    """The words of the page on which nothing is changed, once a test has asked for them."""
    return []


@pytest.fixture
def usual(page, written):
    """Function that returns the words of the page on which nothing is changed, written once for all tests."""

    def told():
        if not written:
            written.append(page())
        return written[0]

    return told


def words(text):
    """The page without the spaces and line ends between its words, and without its script."""
    return " ".join(re.sub(r"<script.*</script>", "", text, flags=re.DOTALL).split())


def test_a_run_of_one_fold_without_trades_is_reported(usual):
    """What it refused, a dash for what is undefined, and nothing about money or FTMO."""
    text = usual()
    assert '<b class="word no">Refused</b>' in text
    assert "is right on <b>62.5 %</b> of 1,200 scored test candles (interval – to –)" in text
    assert "of the ceiling" not in text
    assert "<b>Nothing was traded</b>" in text
    assert "(1,234 were refused for that)" in text
    assert "FTMO does not watch" not in text
    assert "an account begun there traded nothing" in text
    assert "<tr><td>fold 0</td><td>1,200</td></tr>" in text
    assert "ms from a candle to all predictions" not in text
    assert MARKET in text


def test_a_run_that_passed_is_told_so_with_every_gate(page):
    """The verdict of each artifact, and a row for each gate in the colour of its status."""
    text = page(changed(METRICS, "promotion/passed", 1))
    assert '<b class="word yes">May be promoted</b>' in text
    failed = '<b class="no">1 failed</b>: calibration error –, asked ≥ 50 %'
    assert f"<li>lstm-direction: 1 gate passed, {failed}.</li>" in text
    assert "<li>transformer-trend: 0 gates passed.</li>" in text
    assert '<td class="no">failed</td><td class="text">0.2 is not &lt;= 0.1</td>' in text
    assert '<td class="yes">passed</td><td class="text">well</td>' in text


def test_a_model_that_may_be_promoted_is_named_beside_a_refused_one(page, usual):
    """Refused speaks of the model that trades; another whose gates all passed can be had."""
    gates = [
        verdict("lstm.ece", "failed", "0.2 is not <= 0.1"),
        verdict("transformer.mae", "passed", "well") | {"artifact": "transformer-trend"},
    ]
    text = page(detail=changed(DETAIL, "promotion/gates", gates))
    assert '<b class="word no">Refused</b>' in text
    assert "over 2 models; transformer-trend may be promoted; <code>make promote</code>" in text
    assert '<li>transformer-trend: 1 gate passed, <b class="yes">may be promoted</b>.</li>' in text
    assert "over 2 models; <code>make promote</code>" in usual()


def test_an_account_is_told_with_its_interval_and_ftmos_verdict(page):
    """Days, trades, net PnL; the phase's end and the probability."""
    money = {
        "trades": 12, "days": 1, "net_pnl": -345.6789, "net_pnl_low": -500.0, "net_pnl_high": None,
        "gross_pnl": 154.3211, "spread_cost": 200.0, "slippage_cost": 200.0, "commission_cost": 99.0,
        "swap": -1.0,
    }  # fmt: skip
    ftmo = {
        "zero_edge_p_value": 0.25, "first_phase_passed": 0, "breached": 1, "pass_probability": 0.125,
        "pass_probability_low": 0.0, "pass_probability_high": 0.5, "pass_probability_random_sides": 0.0625,
    }  # fmt: skip
    text = page(METRICS | {"backtest": money, "ftmo": ftmo})
    assert "<b>−345.68 USD</b> (interval over days −500 USD to –) from 12 trades;" in text
    assert "did as well with p ≤ 0.25." in text
    assert 'FTMO\'s challenge: <b class="no">failed</b>; resampled from that day alone' in text
    assert "probability <b>12.5 %</b> (0 % to 50 %), with random sides 6.2 %." in text
    passed = page(METRICS | {"backtest": money, "ftmo": ftmo | {"first_phase_passed": 1, "days_taken": 6}})
    assert '<b class="yes">passed</b> after 6 days' in passed
    unfinished = page(METRICS | {"backtest": money, "ftmo": ftmo | {"breached": 0}})
    assert "<b>not finished</b>" in unfinished


def test_trials_are_told_where_they_can_be_counted(page, usual):
    """From the figures of the account and of its detail; outside a repository the sentence is left out."""
    asked = []

    def deflate(metrics, detail):
        asked.append((metrics, detail))
        return 0.875, 12

    text = page(deflate=deflate)
    assert "Of 12 configurations whose figures" in text
    assert "would show is <b>87.5 %</b>." in text
    assert asked == [(METRICS["backtest"], DETAIL["backtest"])]
    assert "configurations whose figures" not in usual()


def test_a_fault_of_counting_is_not_hidden(page):
    """Only that there is no repository is expected."""

    def deflate(metrics, detail):
        raise KeyError("days")

    with pytest.raises(KeyError):
        page(deflate=deflate)
    assert not PAGE.exists()


@pytest.mark.parametrize(
    ("p99", "side", "net"),
    [(10.0, "within", "99.50"), pytest.param(500.0, "over", "75", marks=pytest.mark.slow)],
)
def test_the_measured_latency_stands_beside_its_budget(page, p99, side, net):
    """Net PnL falls from 100 at once to 50 after a second; at half a second it is 75."""
    points = {"0": {"latency_s": 0.0, "net_pnl": 100.0}, "1": {"latency_s": 1.0, "net_pnl": 50.0}}
    detail = changed(DETAIL, "backtest/latency", points)
    text = page(changed(METRICS, "latency/all_latency_p99_ms", p99), detail)
    assert f"({side} the budget of 10 ms)" in text
    assert f"net PnL is about {net} USD (between the points of the grid)" in text


def test_a_refitted_model_is_told_to_have_no_test(page, usual):
    """Its figures are the folds'; another's are of its own test."""
    detail = changed(DETAIL, "promotion/bundles/lstm-direction/refit", True)
    detail = changed(detail, "evaluation/candidate/figures_of", "walk_forward")
    text = page(detail=detail)
    assert "<b>Refitted:</b>" in text
    assert "What is offered has no test of its own" in text
    text = usual()
    assert "<b>Refitted:</b>" not in text
    assert "On its own test it is right on <b>50 %</b> of 400 candles" in text


def test_a_model_that_says_one_thing_is_no_candidate(page, usual):
    """With the reason."""
    detail = changed(DETAIL, "evaluation/candidate/lstm", OWN | {"is_constant": 1, "reason": "always 0.5"})
    assert "is no candidate: always 0.5." in page(detail=detail)
    assert "is no candidate" not in usual()


def test_a_network_without_skill_on_validation_is_told(page):
    """In a line of its own: at the top where it is offered, and below its folds."""
    none = {
        "epochs": 1, "skill": -0.001, "skill_low": -0.004, "skill_high": 0.002, "has_skill": 0,
        "validation_days": 3,
    }  # fmt: skip
    told = (
        "uncalibrated, it takes -0.001 off the log loss of a constant (interval -0.004 to 0.002 over 3 days)"
    )
    text = page(detail=changed(DETAIL, "lstm_training/folds/fold_0", none))
    assert f"The LSTM that is offered has no skill on validation: {told}." in text
    assert f"fold_0: no skill on validation: {told}." in text
    text = page(detail=changed(DETAIL, "lstm_training/folds/fold_0", none | {"has_skill": 1}))
    assert "no skill" not in text


def test_names_are_no_markup(page):
    """A symbol or a reason with tags in it is text, in any alphabet."""
    metrics = changed(METRICS, "data", {"ΕΘ<script>alert(1)</script>": {"rows": 1}})
    gates = [verdict("lstm.ece", "failed", "<b>bold</b> & more")]
    page(metrics, changed(DETAIL, "promotion/gates", gates))
    text = PAGE.read_text(encoding="utf-8")
    assert "ΕΘ&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "&lt;b&gt;bold&lt;/b&gt; &amp; more" in text
    assert "<script>alert" not in text
    assert "<b>bold" not in text


def test_audits_of_both_stages_and_warnings_are_counted(page, usual):
    """Data's and the splits'."""
    warning = {"rule": "drift"}
    detail = changed(changed(DETAIL, "expectations/failures", [warning]), "splits/failures", [warning] * 2)
    text = page(detail=detail)
    assert "The data passed with 3 warnings:" in text
    for row in (
        "<tr><td>truncation</td><td>BTC-USD</td><td>64</td>",
        "<tr><td>scaler</td><td></td><td>12</td>",
    ):
        assert row in text
    assert "The data passed: <a" in usual()


def test_the_page_loads_nothing_and_is_the_same_again(page, drawn_once):
    """No address but its sister page's and its own sections', and no clock."""
    page()
    first = PAGE.read_bytes()
    drawn_once.clear()
    page()
    assert PAGE.read_bytes() == first
    asked = re.findall(r'(?:src|href)="([^"]*)"', first.decode())
    assert {address for address in asked if not address.startswith("#")} == {"data.html"}
    sections = re.findall(r' id="([^"]*)"', first.decode())
    assert {address[1:] for address in asked if address.startswith("#")} <= set(sections)
    assert len(sections) == len(set(sections))


def test_data_that_failed_write_no_page(page):
    """Figures would be of an earlier run; a page that is there stays as it was."""
    with pytest.raises(QualityError):
        page(detail=changed(DETAIL, "expectations/passed", False))
    assert not PAGE.exists()
    PAGE.parent.mkdir()
    PAGE.write_text("earlier")
    with pytest.raises(QualityError):
        page(detail=changed(DETAIL, "expectations/passed", False))
    assert PAGE.read_text() == "earlier"


@pytest.mark.parametrize("name", ["lstm", "detail/splits", "detail/promotion", "detail/transformer_training"])
def test_a_file_that_is_missing_is_named(page, tmp_path, name):
    """And no page is written."""
    write_figures()
    (tmp_path / f"metrics/{name}.json").unlink()
    with pytest.raises(FileNotFoundError) as caught:
        write_report(never, no_trades)
    assert str(caught.value.filename) == f"metrics/{name}.json"
    assert not PAGE.exists()


def test_a_broken_record_of_the_run_is_named(page):
    """In one line."""
    with pytest.raises(
        ArtifactError, match=r"^metrics/detail/promotion.json: can't be read: gates is missing$"
    ):
        page(detail=changed(DETAIL, "promotion", {"bundles": {}}))


@pytest.mark.parametrize(
    ("p99", "points", "net"),
    [
        (500.0, [(0.0, 100.0), (1.0, 50.0)], 75.0),
        (500.0, [(1.0, 50.0), (0.0, 100.0)], 75.0),  # the grid in any order
        (1000.0, [(0.0, 100.0), (1.0, 50.0), (2.0, -50.0)], 50.0),
        (1500.0, [(0.0, 100.0), (1.0, 50.0), (2.0, -50.0)], 0.0),
        (9000.0, [(0.0, 100.0), (1.0, 50.0)], 50.0),  # beyond the grid: its end
        (None, [(0.0, 100.0), (1.0, 50.0)], None),
        (500.0, [(0.0, 100.0), (1.0, None)], None),
    ],
)
def test_net_pnl_at_the_measured_latency_lies_on_the_line_between_points(p99, points, net):
    """Milliseconds against seconds; None where no latency was measured or a point has no trades."""
    grid = {str(k): {"latency_s": seconds, "net_pnl": value} for k, (seconds, value) in enumerate(points)}
    answer = at_measured_latency(grid, {"all_latency_p99_ms": p99})
    assert answer == (None if net is None else {"seconds": p99 / 1000, "net_pnl": net})


@pytest.mark.parametrize(
    ("seen", "told"), [(-1, "chosen on inner folds"), (0, "chosen later than the first test")]
)
def test_a_page_says_what_a_network_was_chosen_on(page, usual, seen, told):
    """Of a search that saw a reported test: that only the candidate's own test then judges."""
    assert "was chosen" not in usual()
    tests = [{"start": time.isoformat(), "end": time.isoformat()} for time in (FIRST, OWN_TEST)]
    write_json("data/splits.json", {"folds": [{"train": t, "validation": t, "test": t} for t in tests]})
    search = record(FIRST + pd.Timedelta(minutes=seen), market="unknown")
    write_json(f"tuning/{search.name}", search.plain())
    text = page()
    assert f"The LSTM was {told}" in text
    assert ("judged on the candidate&#39;s own test alone" in text) == (seen == 0)
    assert "The Transformer was" not in text
