"""The page of a sweep: what was tried and on what, the best, the map, and nothing loaded from elsewhere."""

import re
from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest

from tapeline.sweeping.accounts import trade_all
from tapeline.sweeping.charts import configurations, draw_sweep, groups_of, most_telling, written
from tapeline.sweeping.finalists import look_closer, trade_plainly
from tapeline.sweeping.outcome import Outcome
from tapeline.sweeping.page import write_sweep_page
from tests.browser import faults_of, find_browser
from tests.sweeping.market import Market, make_sweep, params_of

MARKET = cache(lambda: Market(days=12, seed=4))  # made when it is first asked for
RANGES = {
    "signals": {"stop": [2.0, 4.0], "trade_tiers": [["A"], ["A", "B"]]},
    "costs": {"multiple": [1.0, 2.0]},
}


@pytest.fixture(scope="module")
def swept():
    """A plan, its figures, and what it comes to on inner folds."""
    plan = make_sweep(params_of(), RANGES)
    figures = trade_all(plan, MARKET().swept)
    finalists = look_closer(plan, figures, MARKET().plainly, plan.tried)
    present = trade_plainly(0, 0, MARKET().plainly(plan.present), plan.present, plan.tried)
    found = Outcome(
        plan,
        "inner",
        plan.tried,
        ("2026-01-12 02:00", "2026-01-24 01:59"),
        "2026-01-25 00:00",
        present,
        finalists,
    )
    return plan, figures, found


def page_of(swept, tmp_path, monkeypatch, **changes):
    """Its text without scripts, and the scripts."""
    monkeypatch.chdir(tmp_path)
    plan, figures, found = swept
    changed = Outcome(**vars(found) | changes)
    page = write_sweep_page(plan, changed, configurations(plan, figures)).read_text()
    return re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL), page


def test_the_page_says_what_was_tried_on_what_and_what_is_chosen(swept, tmp_path, monkeypatch):
    """Ten accounts of five choices; the command is the one that is printed last."""
    text, page = page_of(swept, tmp_path, monkeypatch)
    _, _, found = swept
    assert "Params of trading: 10 configurations" in text
    assert "no reported test was\nseen" in text
    assert "trials for good" not in text
    assert "under the worst of the 2\nconditions of costs.multiple" in text
    assert found.line.startswith("dvc exp run -S ")
    assert found.line.replace("'", "&#39;") in text
    assert text.count("<tr") == 1 + 5
    assert "Mean low end of net PnL by" in text
    assert not re.findall(r"(?:src|href)=[\"']http", page)
    assert found.lines[-1] == found.line


def test_a_sweep_on_tests_says_so_in_red(swept, tmp_path, monkeypatch):
    """And how many trials deflate every Sharpe ratio from now on."""
    text, _ = page_of(swept, tmp_path, monkeypatch, on="tests", trials=1234)
    assert '<b class="no">Chosen on the tests that a run reports' in text
    assert "1,234 trials now deflate" in text
    assert "no reported test was" not in text


def test_the_best_of_hardly_any_trade_is_said_to_be_no_evidence(swept):
    """One trade, by its number, and no ratio deflated by trials."""
    found = swept[2]
    chosen = replace(
        found.finalists[0], number=1, figures=found.chosen.figures | {"trades": 1}, deflated_sharpe=None
    )
    told = replace(found, finalists=[chosen]).lines
    assert ": 1 trade, net PnL" in told[1]
    assert "too few days were traded to judge it by" in told[2]
    assert (
        "deflated Sharpe ratio 0.250"
        in replace(found, finalists=[replace(chosen, deflated_sharpe=0.25)]).lines[2]
    )


def test_the_same_sweep_is_the_same_page(swept, tmp_path, monkeypatch):
    """Byte for byte, the table too."""
    pages = []
    for name in "ab":
        (tmp_path / name).mkdir()
        pages.append(page_of(swept, tmp_path / name, monkeypatch)[1])
    assert pages[0] == pages[1]
    csvs = [(tmp_path / name / "reports/sweep.csv").read_bytes() for name in "ab"]
    assert csvs[0] == csvs[1]
    assert len(pd.read_csv(tmp_path / "a/reports/sweep.csv")) == 10


@pytest.mark.slow
@pytest.mark.skipif(find_browser() is None, reason="no Chromium is installed")
def test_it_is_read_on_a_desk_and_on_a_phone(swept, tmp_path, monkeypatch):
    """Nothing clipped but a table with a column for each param, in its box; AA's contrast, no complaint."""
    page_of(swept, tmp_path, monkeypatch)
    faults = faults_of(tmp_path / "reports/sweep.html", tmp_path / "profile")
    assert {fault[2] for fault in faults} <= {"table The best"}


def test_an_error_leaves_no_half_page(swept, tmp_path, monkeypatch):
    """What was there stays."""
    page_of(swept, tmp_path, monkeypatch)
    before = (tmp_path / "reports/sweep.html").read_bytes()
    monkeypatch.setattr("tapeline.sweeping.page._row", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        page_of(swept, tmp_path, monkeypatch)
    assert (tmp_path / "reports/sweep.html").read_bytes() == before
    assert not list((tmp_path / "reports").glob(".*"))


def test_values_are_written_as_an_experiment_takes_them():
    """Lists and maps without spaces, null for nothing."""
    assert written([["A", "B"], None, True, {"A": [0.7, 1.0]}, 0.5]) == "[[A,B],null,true,{A:[0.7,1.0]},0.5]"


def test_the_map_is_of_the_two_params_that_say_most():
    """Planted: one decides all, one a little, one nothing."""
    rng = np.random.default_rng(0)
    keys = {name: pd.Series(rng.integers(0, 3, 300)) for name in ("nothing", "little", "all")}
    judged = 100.0 * keys["all"] + 10.0 * keys["little"] + rng.normal(0, 0.1, 300)
    assert set(most_telling(judged, keys)) == {"little", "all"}


def test_many_values_are_put_together_and_few_are_not():
    """A map of a thousand columns shows nothing."""
    many = groups_of(pd.Series(np.random.default_rng(0).uniform(0, 1, 500)))
    assert 2 < many.nunique() <= 12
    assert groups_of(pd.Series(["[A]", "[A,B]"])).tolist() == ["[A]", "[A,B]"]


def test_nothing_is_drawn_of_a_sweep_that_never_trades():
    """Nor does it end in an error."""
    plan = make_sweep(params_of(signals={"trade_tiers": []}), {"signals": {"stop": [2.0, 3.0]}})
    figures = trade_all(plan, MARKET().swept)
    assert draw_sweep(plan, configurations(plan, figures)) == []
    assert (figures["trades"] == 0).all()
