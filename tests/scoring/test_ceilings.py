"""What is stored of the tests' candles: a row for each of their minutes, and what was known at it."""

import numpy as np
import pandas as pd
import pytest

from tapeline.market.known import known_at
from tapeline.market.simulation import SimulationParams, draw_hidden
from tapeline.market.strength import expect_strengths
from tapeline.scoring.ceilings import ceilings_of_tests
from tapeline.splits.folds import TimeFold
from tests.market.test_ceiling import MARKET

SYMBOLS, HORIZON, LENGTH = ("A", "B"), 15, 20
START = pd.Timestamp(MARKET["start"], tz="UTC")


def span(first, end):
    """Open times of minutes first, first + 1... end - 1 of the market, as a part of a fold has them."""
    return tuple(START + pd.Timedelta(minutes=minute) for minute in (first, end))


FOLDS = [
    TimeFold(train=span(0, 400), validation=span(420, 500), test=span(520, 560)),
    TimeFold(train=span(40, 440), validation=span(460, 540), test=span(600, 650)),
]


@pytest.mark.parametrize("market", ["trend", "memory"])
def test_every_minute_of_a_test_has_what_was_known_at_it(monkeypatch, market):
    """Of both folds, of each symbol its own; no minute of training, validation or between the tests."""
    monkeypatch.setattr("tapeline.market.strength.PATHS", 2000)
    params = SimulationParams(**MARKET | {"days": 1, "market": market})
    hidden, strengths = draw_hidden(params, 2), expect_strengths(params.regimes, HORIZON)
    tables = ceilings_of_tests(hidden, params, SYMBOLS, FOLDS, strengths, HORIZON, LENGTH)
    minutes = np.r_[520:560, 600:650]
    known = known_at(hidden, params, strengths, HORIZON, LENGTH, minutes)
    for position, symbol in enumerate(SYMBOLS):
        table = tables[symbol]
        assert table["timestamp"].tolist() == [START + pd.Timedelta(minutes=int(each)) for each in minutes]
        assert set(table) == {"timestamp", *known}
        for name, values in known.items():
            np.testing.assert_array_equal(table[name], values[:, position])
    assert not np.array_equal(tables["A"]["window"], tables["B"]["window"])
