"""Figures read as people say them: percent, currency, bounds, words."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapeline.reports.wording import Wording, equated, name_of, p_value, percent

WORDING = Wording("USD", control_runs=100)


@pytest.mark.parametrize(
    ("key", "value", "text"),
    [
        ("accuracy_all", 0.6900288877, "69.0 %"),
        ("coverage_tier_a", 1.0, "100 %"),
        ("max_drawdown", 0.0, "0 %"),
        ("lead_over_controls_low", -0.000527, "−0.05 %"),
        ("pass_probability_random_sides", 0.0096, "0.96 %"),
        ("net_pnl_low", -9339.3008, "−9,339 USD"),
        ("swap", -696.794962, "−696.79 USD"),
        ("average_win", 88.0, "88 USD"),
        ("zero_edge_p_value", 1 / 101, "≤ 0.01"),
        ("zero_edge_p_value", 2 / 101, "0.02"),
        ("p_value", 5.78e-06, "< 0.001"),
        ("p_adjusted", 0.5478, "0.55"),
        ("breached", 0, "no"),
        ("is_within_limits", 1.0, "yes"),
        ("tiers_are_in_order", False, "no"),
        ("net_pnl_of_best_day", 7771.2, "7,771 USD"),
        ("winning_days", 9, "9"),
        ("daily_margin", 0.01996, "2.0 %"),
        ("phase.daily_margin", 2066.37, "2,066 USD"),
        ("trade.mae", [41.3285, None], "41.33 USD, –"),
        ("exposure", 0.8544, "85.4 %"),
        ("mae", 0.1916563177, "0.1917"),
        ("rank_correlation", 0.16037, "0.1604"),
        ("trades", 2399, "2,399"),
        ("days", 18.0, "18"),
        ("lstm_onnx_difference", 1.490116e-07, "1.49e-07"),
        ("best_day_share", 0.2942, "29.4 %"),
        ("turnover_a_day", 90.2699, "90.27"),
        ("from", "2024-04-24 00:00:00+00:00", "2024-04-24 00:00"),
        ("last", "2024-04-29T23:59:00Z", "2024-04-29 23:59"),
        ("ended_by", {"stop_out": 2, "time": 3}, "stop out 2, time 3"),
        ("minutes", [15.0, None], "15, –"),
        ("accuracy_all", None, "–"),
        ("net_pnl", math.nan, "–"),
    ],
)
def test_a_figure_is_said_as_its_key_asks(key, value, text):
    """Shares, money, p-values, yes and no, times; a dash where there is none."""
    assert WORDING.said(value, key) == text


def test_a_limit_is_said_in_the_words_of_its_metric():
    """With the sign of print; what is no limit stays as it is."""
    assert WORDING.gate(">= 0.68", "accuracy_all") == "≥ 68 %"
    assert WORDING.gate("<= 0", "breached") == "no"
    assert WORDING.gate(">= 100", "trades") == "≥ 100"
    assert WORDING.gate("as recorded", "trades") == "as recorded"


def test_names_are_those_that_people_say():
    """Of metrics and gates; the candidate's own are told apart."""
    assert name_of("backtest.net_pnl_low") == "net PnL, low end"
    assert name_of("lstm.candidate_accuracy_all") == "accuracy, of the candidate alone"
    assert name_of("stop_out") == "stop out"
    assert (name_of("mae"), name_of("trade.mae")) == ("mean absolute error", "worst excursion")


@given(st.integers(1, 5000), st.integers(0, 5000))
def test_a_p_value_is_never_said_to_be_less_than_it_can_be(runs, as_good):
    """At the floor of its runs it is a bound at or above the floor."""
    value = (1 + min(as_good, runs)) / (1 + runs)
    said = p_value(value, 1 / (1 + runs))
    if said.startswith("≤"):
        assert value <= float(said[2:]) + 1e-12
        assert value == 1 / (1 + runs)
    elif said.startswith("<"):
        assert value < float(said[2:])


@given(st.floats(-2, 2))
def test_percent_is_the_share_to_its_last_digit(share):
    """Read back it is within half of the last digit."""
    text = percent(share).removesuffix(" %").replace("−", "-")
    assert abs(float(text) / 100 - share) <= 0.00051


def test_a_bound_needs_no_equals_sign():
    """As in p ≤ 0.01, p < 0.001 and p = 1.00."""
    assert [equated(said) for said in ("≤ 0.01", "< 0.001", "1.00")] == ["≤ 0.01", "< 0.001", "= 1.00"]
