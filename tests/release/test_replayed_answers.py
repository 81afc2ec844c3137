"""Two ways of serving the same candles must give the same statuses and numbers."""

import numpy as np
import pandas as pd
import pytest

from tapeline.errors import ArtifactError
from tapeline.release.replayed_answers import require_same_answers

NAMES = ("lstm-direction", "transformer-trend")


def answers(**changes):
    """Two answers of two symbols: one predicts, one warms up."""
    table = {
        "symbol": ["A", "B"], "timestamp": pd.to_datetime(["2026-01-01"] * 2, utc=True),
        "status": ["predicted", "warming_up"], "reason": ["", "3 candles more are needed"],
        NAMES[0]: [0.5, np.nan], NAMES[1]: [0.25, np.nan],
    }  # fmt: skip
    return pd.DataFrame(table | changes)


def test_the_same_answers_in_any_order_pass():
    """Also with other words, and numbers within a hundred thousandth."""
    require_same_answers(NAMES, answers(), answers()[::-1], "in a table")
    near = {NAMES[0]: [0.500009, np.nan], "reason": ["1 candle was filled", ""]}
    require_same_answers(NAMES, answers(), answers(**near), "in a table")


@pytest.mark.parametrize(
    ("other", "told"),
    [
        (
            answers(status=["gap", "predicted"]),
            "models/candidate: the bundles answer predicted at A 2026-01-01 00:00:00+00:00 fed in step, "
            "and gap in a table, as at 1 more",
        ),
        (
            answers().iloc[:1],
            "models/candidate: the bundles answer warming_up (3 candles more are needed) at B "
            "2026-01-01 00:00:00+00:00 fed in step, and nothing in a table",
        ),
        (
            answers(**{NAMES[1]: [0.25002, np.nan]}),
            "transformer-trend: the bundle answers 0.25 at A 2026-01-01 00:00:00+00:00 fed in step, "
            "and 0.25002 in a table",
        ),
        (
            answers(**{NAMES[0]: [np.nan, np.nan]}),
            "lstm-direction: the bundle answers 0.5 at A 2026-01-01 00:00:00+00:00 fed in step, "
            "and nan in a table",
        ),
    ],
)
def test_the_first_candle_answered_otherwise_is_named(other, told):
    """Another status, none at all, another number, no number."""
    with pytest.raises(ArtifactError) as caught:
        require_same_answers(NAMES, answers(), other, "in a table")
    assert str(caught.value) == told
