"""Each card says its figure, what it is held against, and what the gates said of it."""

import re

import numpy as np
import pandas as pd
import pytest

from tapeline.promotion.gates import Verdict
from tapeline.reports.card_charts import SIZES, drawdown_chart, equity_bounds, waterfall
from tapeline.reports.cards import RunTables, make_cards
from tapeline.reports.wording import Wording
from tests.reports import whole_run

pytestmark = pytest.mark.usefixtures("drawn_once")
WORDING = Wording("USD", 100)


def tables(gates=(), equity=None, **metrics):
    """A run's tables, some figures changed."""
    found = {**whole_run.metrics(), **metrics}
    verdicts = tuple(
        Verdict("lstm-direction", name, 1.0, limit, None, status, "") for name, limit, status in gates
    )
    table = whole_run.equity() if equity is None else equity
    controls = {"majority": {"accuracy": 0.5}, "gradient_boosting": whole_run.CONTROL}
    return RunTables(found, controls, "lstm", table, whole_run.plots()["reliability"], 100_000.0, verdicts)


def cards(*args, **changes):
    """Cards by name."""
    return {card.name: card for card in make_cards(tables(*args, **changes), WORDING)}


def test_six_cards_each_with_a_picture_for_a_desk_and_one_for_a_phone():
    """In the order they are read; no reference in one picture is another's."""
    made = cards()
    assert list(made) == ["accuracy", "pnl", "equity", "drawdown", "passing", "calibration"]
    for card in made.values():
        assert [name for name, _ in card.pictures] == ["wide", "narrow"]
        assert card.told
    ids = [
        each
        for card in made.values()
        for _, svg in card.pictures
        for each in re.findall(r' id="([^"]+)"', svg)
    ]
    assert len(ids) == len(set(ids)) > 0


def test_figures_stand_beside_what_they_are_held_against():
    """Interval, control, ceiling; gross, costs and balance; floors; random sides."""
    made = cards()
    assert made["accuracy"].figure == "69.0 %"
    assert made["accuracy"].lines == (
        "67.4 to 70.6 %",
        "best control 67.0 % (gradient boosting); ceiling 75.1 %",
    )
    assert made["pnl"].figure == "−118,084 USD"
    assert made["pnl"].lines[0] == "−209,339 to −29,541 USD"
    assert made["pnl"].lines[1] == "gross 157,508 USD less costs 275,592 USD, on 100,000 USD"
    assert made["equity"].lines[0] == "broke a floor: 90,000 USD (red), the day's (grey)"
    assert made["passing"].lines == (
        "8.8 to 100 %, resampled from 18 days",
        "random sides 0.96 %; as much PnL with p ≤ 0.01",
    )
    assert made["calibration"].figure == "1.4 %"


@pytest.mark.parametrize(
    ("gates", "verdict"),
    [
        ((), ""),
        (
            (("lstm.accuracy_all", ">= 0.6", "passed"), ("lstm.lead_over_controls_low", ">= 0", "failed")),
            "failed",
        ),
        (
            (("lstm.accuracy_all", ">= 0.6", "passed"), ("lstm.lead_over_rules_low", ">= 0", "not_judged")),
            "passed",
        ),
        ((("lstm.accuracy_all", ">= 0.6", "insufficient_data"),), "not judged"),
        ((("lstm.ece", "<= 0.1", "failed"),), ""),  # another card's
    ],
)
def test_a_card_is_passed_only_if_no_gate_on_it_failed(gates, verdict):
    """Better than a coin and worse than a control is no success."""
    assert cards(gates)["accuracy"].verdict == verdict


def test_what_is_undefined_is_said_and_nothing_drawn():
    """No trades, no program, no ceiling."""
    made = cards(
        backtest={"trades": 0, "days": 0},
        ftmo={"first_phase_passed": None},
        lstm={"accuracy_all": 0.5},
    )
    assert (made["pnl"].figure, made["pnl"].pictures) == ("No trades", ())
    assert made["passing"].lines == ("not watched by FTMO",)
    assert made["accuracy"].lines == ("no interval: too few days", "no control; ceiling unknown")
    assert made["drawdown"].figure == "–"


def test_bars_lead_from_gross_to_net():
    """Each begins where the one before ended; the last is net."""
    steps = pd.DataFrame(
        [("gross", 0.0, 10.0, "g"), ("costs", 10.0, 4.0, "r"), ("net", 0.0, 4.0, "b")],
        columns=["what", "start", "end", "colour"],
    )
    spec = waterfall(steps, SIZES[0]).to_dict()
    bars = spec["layer"][0]["encoding"]
    assert (bars["y"]["field"], bars["y2"]["field"]) == ("start", "end")
    assert bars["x"]["sort"] == ["gross", "costs", "net"]


@pytest.mark.parametrize("depth", [0.0, 5_000.0, 400_000.0])
def test_an_axis_of_equity_ends_where_the_account_is_closed(depth):
    """A fifth of the allowed loss below the floor at the most, and never above it."""
    table = whole_run.equity().assign(lowest=lambda t: 100_000.0 - depth, equity=100_000.0)
    low, high = equity_bounds(table)
    assert 87_000 <= low <= 90_000
    assert high >= 100_000
    unwatched = table.assign(account_floor=np.nan, daily_floor=np.nan)
    assert equity_bounds(unwatched)[0] <= 100_000 - depth


@pytest.mark.parametrize(("limit", "bottom"), [(0.08, 0.08 * 1.2 * 1.05), (5.0, 5.25), (None, 1.1 * 1.0)])
def test_an_axis_of_drawdown_reaches_its_limit_and_little_further(limit, bottom):
    """Without a limit, the deepest."""
    table = whole_run.equity().assign(drawdown=np.linspace(0, 1, whole_run.HOURS))
    spec = drawdown_chart(table, limit, SIZES[0]).to_dict()
    y = (spec["layer"][0] if "layer" in spec else spec)["encoding"]["y"]
    assert y["scale"]["domain"] == pytest.approx([0, bottom])
