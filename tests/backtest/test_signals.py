"""Sides from predictions: by tier of confidence, filtered by trend, none where nothing is known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapeline.backtest.signals import SignalParams, make_signals
from tapeline.errors import ParamsError
from tapeline.params import Params

SECTION = {
    "tier_by": "auto",
    "tiers": {"A": [0.7, 1.0], "B": [0.6, 0.7], "C": [0.55, 0.6]},
    "tier_shares": {"C": 0.2, "A": 0.01, "B": 0.05},
    "trade_tiers": ["A"],
    "minimum_trend": 0.0,
    "sides": "both",
    "hold": None,
    "ablation_trends": [],
    "atr_candles": 60,
    "stop": 5.0,
    "target": 0.0,
    "risk": 0.0025,
    "initial_balance": 100000.0,
    "max_positions": 4,
    "max_margin": 0.9,
}


def read(**changes):
    """The section as a stage reads it."""
    return Params({"signals": SECTION | changes}).section("signals", SignalParams)


def test_sides_by_hand():
    """Tiers hold their lower edge and not their upper, but for 1; both sides alike; NaN is no side."""
    p = np.array([1.0, 0.75, 0.7, 0.6999, 0.5, 0.25, 0.0, np.nan])
    trend = np.full(8, np.nan)
    assert make_signals(p, trend, read()).side.tolist() == [1, 1, 1, 0, 0, -1, -1, 0]
    assert make_signals(p, trend, read(trade_tiers=["B"])).side.tolist() == [0, 0, 0, 1, 0, 0, 0, 0]
    assert make_signals(p, trend, read(trade_tiers=[])).side.tolist() == [0] * 8
    from_half = read(tiers={"A": [0.5, 0.7]}, tier_by="confidence")
    assert make_signals(p, trend, from_half).side.tolist() == [0, 0, 0, 1, 1, 0, 0, 0]
    assert make_signals(p, trend, read()).side.dtype == np.int8


def test_a_weak_or_unknown_trend_keeps_out():
    """Strength must reach the minimum; without a minimum it is not looked at."""
    p, trend = np.full(4, 0.9), np.array([0.2, 0.3, 0.8, np.nan])
    assert make_signals(p, trend, read(minimum_trend=0.3)).side.tolist() == [0, 1, 1, 0]
    assert make_signals(p, trend, read(minimum_trend=0.0)).side.tolist() == [1, 1, 1, 1]


@given(st.floats(0, 1), st.sets(st.sampled_from("ABC")))
def test_a_side_is_the_likelier_direction_of_a_traded_tier(p, names):
    """Against a plain reading of the tiers."""
    confidence = max(p, 1 - p)
    tier = "A" if confidence >= 0.7 else "B" if confidence >= 0.6 else "C" if confidence >= 0.55 else None
    expected = (1 if p >= 0.5 else -1) if tier in names else 0
    params = read(trade_tiers=sorted(names))
    assert make_signals(np.array([p]), np.array([0.5]), params).side.tolist() == [expected]


@pytest.mark.parametrize("p", [-0.1, 1.1])
def test_what_is_no_probability_is_refused(p):
    """A logit is never traded by mistake."""
    with pytest.raises(ValueError, match="within 0..1"):
        make_signals(np.array([p]), np.zeros(1), read())


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        (
            {"tiers": {"A": [0.6, 1.0], "B": [0.55, 0.65]}},
            ["signals.tiers", "must not overlap", "A begins at 0.6"],
        ),
        ({"tiers": {"A": [0.4, 1.0]}}, ["signals.tiers", "0.5 <= from < to <= 1"]),
        ({"tiers": {"A": [0.6, 1.1]}}, ["signals.tiers", "0.5 <= from < to <= 1"]),
        ({"tiers": {"A": [0.7, 0.7]}}, ["signals.tiers", "tier A"]),
        ({"tiers": {"A": [float("nan"), 0.7]}}, ["signals.tiers.A", "finite"]),
        ({"tiers": {"A": [0.7, 1.0, 1.0]}}, ["signals.tiers.A", "2 items"]),
        ({"tiers": {}}, ["signals.tiers", "at least 1"]),
        (
            {"trade_tiers": ["A", "D"]},
            ["signals.trade_tiers", "D is no tier of signals.tiers; there are A, B, C"],
        ),
        (
            {"tiers": {"A": [0.6, 1.0], "D": [0.5, 0.6]}, "trade_tiers": ["D"]},
            ["signals.trade_tiers", "D is no tier of signals.tier_shares; there are C, A, B"],
        ),
        ({"tier_by": "rank"}, ["signals.tier_by", "rank"]),
        ({"tier_shares": {"A": 0.0}}, ["signals.tier_shares.A", "greater than 0"]),
        ({"tier_shares": {"A": 1.5}}, ["signals.tier_shares.A", "less than or equal to 1"]),
        ({"tier_shares": {"A": float("nan")}}, ["signals.tier_shares.A"]),
        ({"tier_shares": {}}, ["signals.tier_shares", "at least 1"]),
        ({"tier_shares": {"A": 0.1, "B": 0.1}}, ["signals.tier_shares", "A and B are both 0.1"]),
        ({"minimum_trend": 1.5}, ["signals.minimum_trend", "1.5", "less than or equal to 1"]),
        ({"risk": 0.0}, ["signals.risk", "greater than 0"]),
        ({"initial_balance": float("inf")}, ["signals.initial_balance", "finite"]),
        ({"leverage": 2}, ["signals.leverage", "no known key"]),
    ],
)
def test_signals_against_a_rule_are_one_line(changes, parts):
    """Key, value and rule."""
    with pytest.raises(ParamsError) as caught:
        read(**changes)
    assert "\n" not in str(caught.value)
    for part in parts:
        assert part in str(caught.value)


def test_tiers_are_on_record_whether_they_trade_or_not():
    """Position in the params, -1 outside all of them."""
    p = np.array([0.9, 0.35, 0.57, 0.52, np.nan])
    assert make_signals(p, p, read()).tier.tolist() == [0, 1, 2, -1, -1]


def test_tiers_go_by_share_on_files_unless_params_say_otherwise():
    """Names come the most confident first, whatever the order of the params; a tier holds what is left."""
    by_share = read().resolved("files")
    assert (by_share.tier_by, by_share.tier_names) == ("share", ("A", "B", "C"))
    assert by_share.expected_coverage == pytest.approx({"A": 0.01, "B": 0.04, "C": 0.15})
    assert read().resolved("simulated").tier_by == "confidence"
    assert read(tier_by="share").resolved("simulated").tier_by == "share"
    ranges = {"C": [0.55, 0.6], "A": [0.7, 1.0], "B": [0.6, 0.7]}
    by_confidence = read(tier_by="confidence", tiers=ranges).resolved("files")
    assert by_confidence.expected_coverage == {"A": None, "B": None, "C": None}
    assert list(by_confidence.ranges) == list(by_confidence.tier_names) == ["A", "B", "C"]


def test_tiers_that_are_given_are_traded_as_they_are():
    """Membership is decided before; by share there is no other way, and it is not guessed."""
    p, given_tiers = np.array([0.51, 0.49, 0.99, np.nan]), np.array([0, 0, 1, 0], np.int8)
    by_share = read(tier_by="share")
    found = make_signals(p, p, by_share, given_tiers)
    assert found.side.tolist() == [1, -1, 0, 0]
    assert found.tier.tolist() == [0, 0, 1, 0]
    with pytest.raises(ValueError, match="say the tier of each prediction"):
        make_signals(p, p, by_share)
