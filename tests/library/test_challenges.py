"""FTMO's verdict and the pass probability of accounts whose days are all alike, reckoned by hand."""

import numpy as np
import pandas as pd
import pytest

from tapeline.errors import ArgumentError
from tapeline.library.accounts import account_from_trades
from tapeline.library.challenges import judge_account, pass_probability

PROGRAM = {
    "daily_loss": 0.05, "max_loss": 0.10, "is_trailing": False, "best_day": None,
    "phases": {
        "challenge": {"target": 0.10, "minimum_days": 2},
        "verification": {"target": 0.05, "minimum_days": 1},
        "funded": {"target": None, "minimum_days": 0},
    },
}  # fmt: skip
DRAWN = {"days": 10, "paths": 100, "block": 2.0, "seed": 1}


def account(*pnls):
    """A trade a day from nine to ten, UTC, with these results and no open loss; 100,000 at first."""
    entry = pd.Timestamp("2025-03-03 09:00", tz="UTC") + pd.to_timedelta(range(len(pnls)), unit="D")
    table = {"entry_time": entry, "exit_time": entry + pd.Timedelta(hours=1), "net_pnl": pnls, "mae": 0.0}
    return account_from_trades(pd.DataFrame(table), initial_balance=100_000)


def test_each_phase_begins_afresh_on_the_day_after_the_one_before_passed():
    """Three days of 4 % pass the first, two more the second; the third is open with what is left."""
    phases = judge_account(account(*[4_000] * 6), PROGRAM)
    assert phases["status"].to_dict() == {"challenge": "passed", "verification": "passed", "funded": "open"}
    assert phases["profit"].tolist() == [12_000, 8_000, 4_000]
    assert phases["trading_days"].tolist() == [3, 2, 1]
    days = phases["end"].dt.tz_convert("Europe/Prague").dt.day.tolist()
    assert days == [5, 7, 8]
    assert (phases["start"].iloc[1:].to_numpy() > phases["end"].iloc[:-1].to_numpy()).all()


def test_a_broken_floor_ends_the_challenge():
    """No later phase has a row; the margin below the floor is what it was broken by."""
    phases = judge_account(account(-6_000, 50_000), PROGRAM)
    assert list(phases.index) == ["challenge"]
    assert phases.loc["challenge", "status"] == "daily_loss"
    assert phases.loc["challenge", "daily_margin"] == -1_000


def test_whether_a_touched_floor_is_broken_is_asked_for():
    """A loss of just 5 %."""
    assert judge_account(account(-5_000), PROGRAM)["status"].iloc[0] == "daily_loss"
    assert judge_account(account(-5_000), PROGRAM, is_touch_breach=False)["status"].iloc[0] == "open"


def test_days_that_all_win_pass_and_days_that_all_lose_never():
    """4 % a day passes on the third; 2 % a day lost breaks the account's floor of 10 % and no day's."""
    won = pass_probability(account(*[4_000] * 8), PROGRAM, **DRAWN).loc["challenge"]
    assert won["pass_probability"] == 1
    assert won["median_days"] == 3
    lost = pass_probability(account(*[-2_000] * 8), PROGRAM, **DRAWN).loc["challenge"]
    names = ["pass_probability", "max_loss_probability", "daily_loss_probability", "unfinished_probability"]
    assert lost[names].tolist() == [0, 1, 0, 0]
    assert np.isnan(lost["median_days"])


def test_a_challenge_that_ends_too_early_is_not_finished():
    """Two days of 4 % are not enough."""
    phase = pass_probability(account(*[4_000] * 8), PROGRAM, **DRAWN | {"days": 2}).loc["challenge"]
    assert (phase["pass_probability"], phase["unfinished_probability"]) == (0, 1)


def test_only_phases_with_a_target_can_be_passed():
    """The funded account has none."""
    assert list(pass_probability(account(*[1_000] * 6), PROGRAM, **DRAWN).index) == [
        "challenge",
        "verification",
    ]


def test_an_interval_is_there_where_it_is_asked_for():
    """Around the probability; the same seed gives the same again."""
    mixed = account(4_000, -3_000, 4_000, 4_000, -3_000, 4_000, 4_000, -3_000)
    plain = pass_probability(mixed, PROGRAM, **DRAWN)
    assert plain[["low", "high"]].isna().all(axis=None)
    phase = pass_probability(mixed, PROGRAM, **DRAWN, level=0.9)
    assert (phase["low"] <= phase["pass_probability"]).all()
    assert (phase["pass_probability"] <= phase["high"]).all()
    pd.testing.assert_frame_equal(phase, pass_probability(mixed, PROGRAM, **DRAWN, level=0.9))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"days": 0}, "^days is 0: "),
        ({"paths": 99}, "^paths is 99: "),
        ({"block": 0.5}, "^block is 0.5: "),
        ({"level": 1.0}, "^level is 1.0: "),
        ({"seed": -1}, "^seed is -1: "),
    ],
)
def test_a_draw_that_there_is_none_of_is_refused(changes, message):
    """By the argument's own name."""
    with pytest.raises(ArgumentError, match=message):
        pass_probability(account(1_000, 1_000), PROGRAM, **DRAWN | changes)


def test_a_program_that_lacks_a_rule_is_refused_by_both():
    """As `program.KEY`."""
    program = {key: value for key, value in PROGRAM.items() if key != "max_loss"}
    for ask in (judge_account, lambda *a: pass_probability(*a, **DRAWN)):
        with pytest.raises(ArgumentError, match=r"^program.max_loss is missing$"):
            ask(account(1_000, 1_000), program)
