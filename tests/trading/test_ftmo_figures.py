"""What FTMO's rules made of an account: figures of verdicts that were written by hand."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from tapeline.backtest.engine import BacktestResult
from tapeline.backtest.ftmo import PhaseResult
from tapeline.backtest.pass_probability import FAN, PassProbability
from tapeline.backtest.records import bar_dtype, clock_dtype, trade_dtype
from tapeline.evaluation.account_metrics import ProgramFigures, VerdictFigures
from tapeline.trading import ftmo_figures as module
from tapeline.trading.accounts import Judged, RandomSides
from tapeline.trading.ftmo_figures import (
    fan_table,
    ftmo_figures,
    pass_probability_table,
    phase_tables,
    start_tables,
    verdict_figures,
)
from tests.trading.shipped import read

QUIET = {"requests_a_day": 5, "positions_a_day": 3, "positions_at_once": 2}
PARAMS = read(ftmo={"program": "2-step"} | QUIET, signals={"initial_balance": 1_000.0})
UNWATCHED = read(ftmo={"program": "none"})
MARKET = SimpleNamespace(timestamp=pd.date_range("2024-01-01", periods=4, freq="h", tz="UTC"))


def phase(status, **changes):
    """How a phase went."""
    values = {
        "status": status, "first_bar": 0, "bar": 3, "daily_margin": 40.0, "max_margin": -5.0, "days": 6,
        "trading_days": 4, "profit": 125.0, "best_day_share": None,
    }  # fmt: skip
    return PhaseResult(**values | changes)


def judged(certain=None, **phases):
    """Of the program `2-step`: phases by status."""
    possible = {name: phase(status) for name, status in phases.items()}
    return {"2-step": Judged(certain or possible, possible)}


def account(n_trades=1, balance=1_125.0, **columns):
    """Four bars on two days."""
    bars = np.zeros(4, bar_dtype)
    bars["balance"] = balance
    for name, values in columns.items():
        bars[name] = values
    return BacktestResult(np.zeros(n_trades, trade_dtype), bars, 0)


def plan():
    """The clock of it."""
    clock = np.zeros(4, clock_dtype)
    clock["day"] = [7, 7, 8, 8]
    return SimpleNamespace(clock=clock)


def chance(passed, low=None, high=None, days=None, fan=0.0):
    """Probabilities of one phase."""
    return PassProbability(passed, 0.25, 0.125, 0.5, low, high, days, np.full((3, len(FAN)), fan))


def figures(result, verdicts, params=PARAMS, own=None, net=(0.0,)):
    """Declared metrics; the same account without an edge passes with a probability of 0.125."""
    own = own or chance(0.5, 0.25, 0.75, (3.0, 4.0, 9.0))
    by_phase = [{"2-step": {"challenge": each}} for each in (own, chance(0.125))]
    return ftmo_figures(result, plan(), params, verdicts, *by_phase, RandomSides(np.array(net), []))


def test_figures_are_of_the_first_phase_as_shares_of_the_capital():
    """Margins at the worst, not what was certain; gain is the low end less that without an edge."""
    verdicts = judged(certain={"challenge": phase("open", profit=0.0)}, challenge="passed")
    values = figures(account(), verdicts, net=(0.0, 125.0, 300.0))
    assert list(values) == list(ProgramFigures.names())
    assert {key: values[key] for key in ("days_taken", "trading_days", "best_day_share")} == {
        "days_taken": 6, "trading_days": 4, "best_day_share": None,
    }  # fmt: skip
    assert (values["daily_margin"], values["max_margin"], values["profit"]) == (0.04, -0.005, 0.125)
    assert (values["pass_probability_low"], values["pass_probability_high"]) == (0.25, 0.75)
    assert values["pass_probability_gain"] == 0.25 - 0.125
    assert values["pass_probability_random_sides"] == 0.125
    names = [
        "daily_loss_probability",
        "max_loss_probability",
        "unfinished_probability",
        "median_days_to_pass",
    ]
    assert [values[name] for name in names] == [0.25, 0.125, 0.5, 4.0]
    assert values["zero_edge_p_value"] == 0.75  # two of three did as well, this one counted


def test_what_was_not_asked_for_or_never_came_is_undefined():
    """No interval, so no gain; nothing passed, so no days."""
    values = figures(account(), judged(challenge="open"), own=chance(0.0))
    for name in ("pass_probability_low", "pass_probability_gain", "median_days_to_pass"):
        assert values[name] is None


def test_an_account_that_never_traded_has_verdicts_and_requests_alone():
    """Zeros: nothing passed, nothing broke."""
    values = figures(account(n_trades=0), judged(challenge="open"))
    defined = {name: value for name, value in values.items() if value is not None}
    assert defined == {
        "program_passed": 0, "first_phase_passed": 0, "breached": 0, "requests_a_day": 0,
        "is_within_limits": 1,
    }  # fmt: skip


def test_an_account_that_no_program_watches_has_no_figures():
    """All of them are there, undefined."""
    assert figures(account(), {}, UNWATCHED) == dict.fromkeys(ProgramFigures.names())
    assert verdict_figures(account(), UNWATCHED, {}) == dict.fromkeys(VerdictFigures.names())


@pytest.mark.parametrize(
    ("phases", "values"),
    [
        ({"challenge": "open"}, (0, 0, 0)),
        ({"challenge": "passed", "verification": "open"}, (0, 1, 0)),
        ({"challenge": "passed"}, (0, 1, 0)),  # the candles ended before the next began
        ({"challenge": "passed", "verification": "passed"}, (1, 1, 0)),
        ({"challenge": "passed", "verification": "passed", "funded": "open"}, (1, 1, 0)),
        ({"challenge": "passed", "verification": "passed", "funded": "max_loss"}, (1, 1, 1)),
        ({"challenge": "daily_loss"}, (0, 0, 1)),
    ],
)
def test_a_program_is_passed_by_every_phase_with_a_target(phases, values):
    """Program, first phase, and whether any floor was broken."""
    verdict = verdict_figures(account(), PARAMS, judged(**phases))
    assert tuple(verdict.values()) == values


@pytest.mark.parametrize(
    ("columns", "is_within", "requests"),
    [
        ({"n_requests": [3, 2, 5, 0]}, 1, 5),  # days of five requests each: as many as are allowed
        ({"n_requests": [3, 2, 5, 1]}, 0, 6),
        ({"n_opened": [2, 1, 3, 0]}, 1, 0),
        ({"n_opened": [2, 2, 0, 0]}, 0, 0),
        ({"n_open": [2, 2, 2, 2]}, 1, 0),
        ({"n_open": [0, 3, 0, 0]}, 0, 0),
    ],
)
def test_limits_are_of_a_day_and_of_a_moment(columns, is_within, requests):
    """Requests and positions opened on a day, positions open at once."""
    values = figures(account(**columns), judged(challenge="open"))
    assert (values["is_within_limits"], values["requests_a_day"]) == (is_within, requests)


def test_phases_are_told_with_when_they_were():
    """What was certain beside what was possible."""
    verdicts = judged(certain={"challenge": phase("open")}, challenge="passed")
    verdicts["2-step"].possible["challenge"] = phase("passed", first_bar=1, bar=2)
    table = phase_tables(verdicts, MARKET)["2-step"]
    assert table["certain"]["challenge"]["status"] == "open"
    told = table["possible"]["challenge"]
    assert (told["status"], told["from"], told["until"]) == (
        "passed", "2024-01-01 01:00:00+00:00", "2024-01-01 02:00:00+00:00",
    )  # fmt: skip
    assert phase_tables({}, MARKET) == {}


def test_starts_are_counted_by_what_became_of_the_first_phase(monkeypatch):
    """Of every program; a status that none came to has no count."""
    monkeypatch.setattr(module, "starts", lambda bars, day: np.array([0, 2, 3]))
    outcome = {0: "passed", 2: "open", 3: "passed"}

    def judge(result, plan, params, bar):
        return {name: Judged({}, {"challenge": phase(outcome[bar])}) for name in params.ftmo.judged}

    monkeypatch.setattr(module, "judge", judge)
    table = start_tables(account(), plan(), PARAMS)
    assert table == {name: {"starts": 3, "passed": 2, "open": 1} for name in ("2-step", "1-step")}


def test_probabilities_are_told_without_the_fan():
    """It has a plot of its own."""
    table = pass_probability_table({"2-step": {"challenge": chance(0.5, 0.25, 0.75, (1.0, 2.0, 3.0))}})
    assert table["2-step"]["challenge"] == {
        "passed": 0.5, "daily_loss": 0.25, "max_loss": 0.125, "unfinished": 0.5, "low": 0.25, "high": 0.75,
        "days": (1.0, 2.0, 3.0),
    }  # fmt: skip


def test_a_fan_has_a_row_for_each_day_of_the_model_and_of_none():
    """Days from one; the first phase's."""
    own = {"2-step": {"challenge": chance(0.5, fan=9.0), "verification": chance(0.5, fan=7.0)}}
    table = fan_table(own, {"2-step": {"challenge": chance(0.5, fan=1.0)}}, PARAMS)
    assert list(table.columns) == ["q05", "q25", "q50", "q75", "q95", "day", "kind"]
    assert table["day"].tolist() == [1, 2, 3, 1, 2, 3]
    assert table["kind"].tolist() == ["model"] * 3 + ["random sides"] * 3
    assert table["q50"].tolist() == [9.0] * 3 + [1.0] * 3
    empty = fan_table({}, {}, UNWATCHED)
    assert list(empty.columns) == list(table.columns)
    assert empty.empty
