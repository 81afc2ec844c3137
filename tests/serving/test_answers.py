"""Answers: which number is whose, what is said beside it, and why there may be none."""

import math

import pytest

from tapeline.serving.answers import (
    Answer,
    Prediction,
    answer_long_gap,
    answer_out_of_range,
    answer_predicted,
    is_in_range,
)

KEY = {"symbol": "AAA-USD", "timestamp": "2026-01-05T12:00:00Z"}
UP, FLAT = Prediction(probability=0.75, tier="A"), Prediction(trend_strength=0.25)


def answered(**predictions):
    """An answer with these, by artifact."""
    return Answer(**KEY, status="predicted", predictions=predictions)


@pytest.mark.parametrize(
    ("prediction", "kind", "value", "record"),
    [
        (UP, "probability", 0.75, {"probability": 0.75, "tier": "A"}),
        (Prediction(probability=0.0), "probability", 0.0, {"probability": 0.0}),
        (FLAT, "trend_strength", 0.25, {"trend_strength": 0.25}),
        (Prediction(trend_strength=0.0), "trend_strength", 0.0, {"trend_strength": 0.0}),
        (Prediction(), "trend_strength", None, {}),
    ],
)
def test_a_prediction_is_one_number_of_one_kind(prediction, kind, value, record):
    """Nought is a number, too; what is not there is in no record."""
    assert (prediction.kind, prediction.value, prediction.record) == (kind, value, record)


def test_numbers_of_different_kinds_are_one_record():
    """A direction and a strength don't stand in each other's way."""
    answer = answered(direction=UP, trend=FLAT)
    assert answer.single == Prediction(probability=0.75, tier="A", trend_strength=0.25)
    assert answer.several == {}


def test_numbers_of_one_kind_are_kept_apart():
    """Two directions stay by their bundles, and the one strength beside them stands alone."""
    other = Prediction(probability=0.5)
    answer = answered(direction=UP, other=other, trend=FLAT)
    assert answer.single == FLAT
    assert answer.several == {"direction": UP, "other": other}


def test_an_answer_without_predictions_has_no_number():
    """As of a candle that is refused."""
    answer = Answer(**KEY, status="refused", reason="it was")
    assert (answer.single, answer.several, answer.missing) == (Prediction(), {}, 0)


def test_behind_a_long_gap_it_is_said_how_many_candles_are_needed_anew():
    """Two numbers: those that are not there, and those that are to come."""
    answer = answer_long_gap(KEY, missing=40, left=260)
    assert answer == Answer(**KEY, status="gap", reason="40 candles are missing: begun anew", missing=260)


@pytest.mark.parametrize(
    ("n_filled", "leader", "reason"),
    [
        (0, None, ""),
        (3, None, "3 candles before it were missing and are filled"),
        (0, "BTC-USD", "predicted as if the leader BTC-USD did not move: its last candle is too old, or "
                       "there is none"),
        (1, "BTC-USD", "1 candles before it were missing and are filled; predicted as if the leader BTC-USD "
                       "did not move: its last candle is too old, or there is none"),
    ],
)  # fmt: skip
def test_a_prediction_says_what_it_had_to_assume(n_filled, leader, reason):
    """Filled candles, an unknown leader, both or nothing."""
    answer = answer_predicted(KEY, {"direction": UP}, n_filled, leader)
    assert (answer.status, answer.reason, answer.predictions) == ("predicted", reason, {"direction": UP})
    assert (answer.symbol, answer.timestamp, answer.missing) == (*KEY.values(), 0)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, None])
def test_one_number_that_is_none_spoils_them_all(value):
    """Whichever bundle it is of."""
    assert is_in_range({"direction": UP, "trend": FLAT})
    assert not is_in_range({"direction": UP, "trend": Prediction(trend_strength=value)})
    assert not is_in_range({"direction": Prediction(probability=value), "trend": FLAT})


def test_a_number_out_of_range_is_refused_and_not_shown():
    """It says where to look."""
    answer = answer_out_of_range(KEY)
    assert (answer.status, answer.predictions) == ("refused", {})
    assert "look at prices and volumes of the last candles" in answer.reason
