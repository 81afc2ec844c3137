"""Resampled challenges: certain cases, known chances, the same draw again."""

import numpy as np
import pytest
from scipy import stats

from tapeline.backtest.ftmo import FtmoParams, limits_of
from tapeline.backtest.pass_probability import (
    challenge_pass_probability,
    day_dtype,
    program_pass_probability,
    whole_days,
)
from tapeline.backtest.records import bar_dtype
from tests.backtest.test_ftmo import read

INITIAL = 100_000.0


def days(made, low=None, opened=True):
    """Day records that end where they were highest."""
    made = np.array(made, dtype=float)
    found = np.zeros(len(made), day_dtype)
    found["made"], found["low"] = made, np.minimum(made, 0) if low is None else low
    found["flat_high"], found["has_opened"] = np.maximum(made, 0), opened
    return found


def params(**changes):
    """The shipped section, fewer paths."""
    return read(odds_paths=2000, odds_days=60, **changes)


def odds(records, found=None, phase="challenge", program="2-step", seed=1, level=None):
    """Odds of one phase."""
    found = found or params()
    chosen = found.programs[program]
    return challenge_pass_probability(
        [records], limits_of(chosen, chosen.phases[phase], found, INITIAL), found, seed, level
    )


def test_certain_days():
    """2,000 a day pass on day six, above 10 %; a low below the floor never does; nothing never ends."""
    up = odds(days([2000.0] * 5))
    assert (up.passed, up.days) == (1.0, (6.0, 6.0, 6.0))
    assert odds(days([5000.0] * 5)).days == (4.0, 4.0, 4.0)  # four trading days are the least
    assert odds(days([9000.0] * 5, low=-5000.0)).daily_loss == 1.0
    assert odds(days([-3000.0] * 5)).max_loss == 1.0
    assert odds(days([0.0] * 5)).unfinished == 1.0
    assert odds(days([0.0] * 5)).days is None


def test_days_without_an_opening_do_not_count():
    """Profit without trading days passes nothing."""
    assert odds(days([2000.0] * 5, opened=False)).passed == 0.0


def test_the_best_day_and_the_trailing_floor_of_one_step():
    """A single good day in a block never makes half; floors follow the midnight balances."""
    once = read(odds_paths=2000, odds_days=10, odds_block=3650.0)  # hardly a path sees a day twice
    lonely = days([11_000.0] + [0.0] * 9)
    assert odds(lonely, once, program="1-step").passed < 0.005
    assert odds(lonely, once).passed > 0.5
    assert odds(lonely, params(), program="1-step").passed > 0.5  # a second good day makes it
    falling, once = days([9000.0] + [-2500.0] * 4), read(odds_paths=4000, odds_days=5, odds_block=3650.0)
    assert odds(falling, once).max_loss == pytest.approx(1 / 5, abs=0.03)  # begun on the second day
    assert odds(falling, once, program="1-step").max_loss == pytest.approx(2 / 5, abs=0.03)  # or on the first


def test_independent_days_pass_as_the_gamblers_ruin_says():
    """2,000 up with probability 0.6, to above 10,000 or down to -10,000: six up, five down."""
    p, seen = (
        0.6,
        odds(days([2000.0] * 6 + [-2000.0] * 4), read(odds_paths=20_000, odds_days=2000, odds_block=1.0)),
    )
    ratio = (1 - p) / p
    expected = (1 - ratio**5) / (1 - ratio**11)
    error = np.sqrt(expected * (1 - expected) / 20_000)
    assert seen.passed == pytest.approx(expected, abs=4 * error)
    assert seen.unfinished == 0


def test_blocks_are_as_long_as_asked():
    """Ten up days, ten down: in blocks of one day sums vary like coins, in long ones like whole runs."""
    records = days([1000.0] * 10 + [-1000.0] * 10)
    short, long = (odds(records, params(odds_block=block)).fan for block in (1.0, 10.0))
    assert np.ptp(long[9]) > 1.5 * np.ptp(short[9])
    coins = stats.binom(10, 0.5)
    assert short[9][2] == INITIAL + 1000 * (2 * coins.median() - 10)


def test_the_same_seed_draws_the_same_paths():
    """And another one others."""
    records = days(np.random.default_rng(0).normal(100, 2500, 20))
    first, again, other = (odds(records, seed=seed, level=0.95) for seed in (1, 1, 2))
    assert (first.passed, first.low, first.high) == (again.passed, again.low, again.high)
    assert np.array_equal(first.fan, again.fan)
    assert not np.array_equal(first.fan, other.fan)
    assert 0 <= first.low <= first.passed <= first.high <= 1


def test_odds_add_up_and_only_targets_have_them():
    """Funded has no end to reach."""
    records = days(np.random.default_rng(0).normal(100, 2500, 20))
    section: FtmoParams = params()
    found = program_pass_probability([records, records], section.programs["2-step"], section, INITIAL, 1)
    assert list(found) == ["challenge", "verification"]
    for phase in found.values():
        assert phase.passed + phase.daily_loss + phase.max_loss + phase.unfinished == pytest.approx(1)
    assert found["verification"].passed > found["challenge"].passed


def test_days_are_whole_with_their_lows():
    """First and last day are cut off; a low counts from the midnight balance, a high only while flat."""
    bars = np.zeros(8, bar_dtype)
    bars["balance"] = 100, 100, 110, 120, 115, 90, 90, 95
    bars["n_open"] = 0, 1, 1, 0, 0, 1, 0, 0
    bars["n_opened"] = 0, 1, 0, 0, 0, 1, 0, 0
    bars["flat_open"] = 100, 100, np.nan, 125, 120, 115, np.nan, 90
    low = np.array([100, 90, 95, 110, 114, 80, 85, 95.0])
    found = whole_days(bars, low, np.array([0, 1, 1, 1, 2, 2, 2, 3], np.int32))
    assert found["made"].tolist() == [20, -30]
    assert found["low"].tolist() == [-10, -40]
    assert found["flat_high"].tolist() == [25, 0]  # between an exit and an entry; before the first entry
    assert found["has_opened"].tolist() == [True, True]
    two = whole_days(bars[:4], low[:4], np.array([0, 1, 1, 1], np.int32))
    assert two["made"].tolist() == [0, 20]


@pytest.mark.parametrize("name", ["made", "low", "flat_high"])
def test_days_that_are_no_numbers_are_refused(name):
    """They would break no floor, and pass."""
    found = days([2000.0] * 5)
    found[name][2] = np.nan
    with pytest.raises(ValueError, match="not a number"):
        odds(found)
