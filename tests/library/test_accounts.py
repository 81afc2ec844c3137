"""FTMO's judgement of own trades and own equity, on accounts that were reckoned by hand."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapeline import api

PROGRAM = {
    "daily_loss": 0.05, "max_loss": 0.10, "is_trailing": False, "best_day": None,
    "phases": {
        "challenge": {"target": 0.10, "minimum_days": 2},
        "funded": {"target": None, "minimum_days": 0},
    },
}  # fmt: skip
START = pd.Timestamp("2025-03-03 09:00", tz="UTC")


def trades(*rows, first=START):
    """Trades of `(day, hours, net_pnl, mae)`: opened at nine, UTC, on the day after the first."""
    entry = [first + pd.Timedelta(days=day) for day, *_ in rows]
    return pd.DataFrame(
        {
            "entry_time": pd.DatetimeIndex(entry),
            "exit_time": pd.DatetimeIndex(
                [time + pd.Timedelta(hours=hours) for time, (_, hours, *_) in zip(entry, rows, strict=True)]
            ),
            "net_pnl": [float(pnl) for *_, pnl, _ in rows],
            "mae": [float(mae) for *_, mae in rows],
        }
    )


def verdict(*rows, **changed):
    """Status of the first phase."""
    account = api.account_from_trades(trades(*rows), initial_balance=100_000)
    return api.judge_account(account, PROGRAM | changed).loc["challenge", "status"]


@pytest.mark.parametrize(
    ("rows", "status"),
    [
        ([(0, 1, 6_000, 0), (1, 1, 4_001, 0)], "passed"),
        ([(0, 1, 6_000, 0), (1, 1, 4_000, 0)], "open"),  # the target must be exceeded
        ([(0, 1, 10_001, 0)], "open"),  # on one day only
        ([(0, 1, 6_000, 0), (1, 1, 4_500, 0), (1, 2, -600, 0)], "open"),  # reached with another still open
        ([(0, 1, -4_999, 0)], "open"),
        ([(0, 1, -5_000, 0)], "daily_loss"),  # a floor that is touched is broken
        ([(0, 1, 100, 5_000)], "daily_loss"),  # it was open, and deep enough
        ([(0, 1, -3_000, 0), (0, 2, -2_000, 0)], "daily_loss"),
        ([(0, 1, -3_000, 0), (1, 1, -3_000, 0)], "open"),  # on two days
        ([(0, 1, -4_000, 0), (1, 1, -4_000, 0), (2, 1, -2_000, 0)], "max_loss"),
        ([(0, 1, 100, 3_000), (0, 2, 100, 2_000)], "daily_loss"),  # both may have been at their worst at once
        ([(0, 30, 100, 4_000), (1, 1, -1_000, 0)], "daily_loss"),  # the first is still open then
        ([(0, 1, 4_000, 0), (1, 1, -5_000, 0)], "daily_loss"),  # of the initial capital, not of the balance
    ],
)
def test_a_list_of_trades_is_judged_by_the_rules(rows, status):
    """By the target, by the floors at closed and at open losses, day by day."""
    assert verdict(*rows) == status


def test_the_days_are_those_of_prague():
    """23:30 in Prague is 22:30 UTC in winter, 21:30 in summer; a loss after midnight is another day's."""
    for date, utc in (("2025-01-13", "22:30"), ("2025-07-14", "21:30")):
        first = pd.Timestamp(f"{date} {utc}", tz="UTC")
        for hours, status in ((0.25, "daily_loss"), (1, "open")):
            lost = trades((0, hours, -2_500, 0), (0, hours, -2_500, 0), first=first)
            before = trades((0, 0.1, -2_500, 0), first=first)
            account = api.account_from_trades(pd.concat([before, lost[:1]]), initial_balance=100_000)
            assert api.judge_account(account, PROGRAM).loc["challenge", "status"] == status


def test_a_day_without_a_trade_is_a_day():
    """From the first entry to the last exit: a week with two trades has eight days, two of trading."""
    account = api.account_from_trades(trades((0, 1, 10, 0), (7, 1, 10, 0)), initial_balance=100_000)
    found = api.judge_account(account, PROGRAM).loc["challenge"]
    assert (found["days"], found["trading_days"], found["profit"]) == (8, 2, 20)
    assert (found["daily_margin"], found["max_margin"]) == (5_000, 10_000)
    assert found["end"] == START + pd.Timedelta(days=7, hours=1)


def test_the_next_phase_begins_on_a_fresh_account_the_day_after():
    """Losses that would break the first account's floor do not matter, and its profit is gone."""
    rows = [
        (0, 1, 6_000, 0),
        (1, 1, 4_500, 0),
        (1.2, 2, -900, 0),
        (2, 1, -4_900, 0),
        (3, 1, -4_900, 0),
        (4, 1, -300, 0),
    ]
    account = api.account_from_trades(trades(*rows), initial_balance=100_000)
    found = api.judge_account(account, PROGRAM)
    assert list(found["status"]) == ["passed", "max_loss"]
    assert list(found["profit"]) == [10_500, -10_100]
    assert found.loc["funded", "start"] > found.loc["challenge", "end"]


def equity(**columns):
    """A series of an hour each, on one day, a position open in the middle unless it is said otherwise."""
    n = len(next(iter(columns.values())))
    given = {"timestamp": pd.date_range(START, periods=n, freq="h"), "n_open": [0, *[1] * (n - 2), 0]}
    return pd.DataFrame(given | columns)


def test_open_profit_reaches_no_target_and_open_loss_breaks_a_floor():
    """Equity of 111,000 with a position is not passed; of 95,000 it is over, in between as well."""
    free = PROGRAM | {"phases": {"challenge": {"target": 0.10, "minimum_days": 1}}}
    for at, low, balance, status in (
        (111_000, 111_000, 109_000, "open"),
        (111_000, 111_000, 110_001, "passed"),
        (95_000, 95_000, 110_001, "daily_loss"),
        (99_000, 95_000, 110_001, "daily_loss"),
    ):
        series = equity(
            balance=[100_000, 100_000, balance],
            equity=[100_000, at, balance],
            equity_low=[100_000, low, balance],
        )
        assert api.judge_account(api.account_from_equity(series), free).loc["challenge", "status"] == status


def test_closed_profit_reaches_no_target_while_another_position_is_open():
    """111,000 are closed in between, and a position is lost on before the account is flat again."""
    free = PROGRAM | {"phases": {"challenge": {"target": 0.10, "minimum_days": 1}}}
    path = [100_000, 111_000, 109_000]
    account = api.account_from_equity(equity(balance=path, equity=path))
    assert api.judge_account(account, free).loc["challenge", "status"] == "open"


@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.integers(1, 40), st.integers(-4000, 5000), st.integers(0, 3000)),
        min_size=1, max_size=8,
    )
)  # fmt: skip
def test_trades_and_the_equity_they_make_are_judged_alike(rows):
    """The account's own table, handed back as a series, gives the same verdict and margins."""
    account = api.account_from_trades(trades(*rows), initial_balance=100_000)
    table = account.table
    first = table.iloc[[0]].assign(
        timestamp=table["timestamp"].iloc[0] - pd.Timedelta(minutes=1), equity_low=100_000.0, n_open=0
    )
    again = api.account_from_equity(
        pd.concat([first, table], ignore_index=True).assign(n_opened=[0, *account.bars["n_opened"]])
    )
    one, other = (
        api.judge_account(each, PROGRAM)[["status", "daily_margin", "max_margin"]]
        for each in (account, again)
    )
    assert one["status"].iloc[0] in ("open", "passed", "daily_loss", "max_loss")
    if one["status"].iloc[0] != "passed":  # between an exit and an entry of one time a series is not flat
        pd.testing.assert_frame_equal(one, other)


def chances(*pnl, mae=0, **given):
    """Of days with one trade each."""
    rows = [(day, 1, each, mae) for day, each in enumerate(pnl)]
    account = api.account_from_trades(trades(*rows), initial_balance=100_000)
    arguments = {"days": 30, "paths": 2_000, "block": 1.0, "seed": 5} | given
    return api.pass_probability(account, PROGRAM, **arguments).loc["challenge"]


def test_certain_days_give_certain_answers():
    """3 % a day passes on the fourth; 5 % lost breaks the day's floor, 2 % a day the account's."""
    found = chances(*[3_000] * 6)
    assert (found["pass_probability"], found["median_days"]) == (1, 4)
    assert chances(*[-5_000] * 6)["daily_loss_probability"] == 1
    assert chances(*[-2_000] * 6)["max_loss_probability"] == 1
    assert chances(*[-2_000] * 6, days=4)["unfinished_probability"] == 1
    assert chances(*[3_000] * 6, mae=5_000)["daily_loss_probability"] == 1


def test_it_is_the_chance_of_a_random_walk_between_two_floors():
    """Days of +-3,000 drawn alike: up 4 before down 4 (a floor of 10,000) within 30 days, summed by hand."""
    chance = np.zeros(9)  # of being k steps above -4
    chance[4] = 1
    passed = 0.0
    for _ in range(30):
        moved = np.zeros(9)
        moved[:-1] += chance[1:] / 2
        moved[1:] += chance[:-1] / 2
        passed += moved[8]
        moved[[0, 8]] = 0
        chance = moved
    days = [0, *[3_000, -3_000] * 20, 0]  # the first and the last are left out
    found = chances(*days, paths=20_000)
    assert found["pass_probability"] == pytest.approx(passed, abs=4 * np.sqrt(0.25 / 20_000))
    assert found["pass_probability"] == chances(*days, paths=20_000)["pass_probability"]
    assert found["low"] != found["low"]  # no level, no interval
    wide = chances(*days, level=0.9)
    assert wide["low"] < passed < wide["high"]


GOOD, SERIES = trades((0, 1, 10, 0)), equity(balance=[1e5] * 3, equity=[1e5] * 3)


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: of_trades(GOOD.drop(columns="mae")), "trades has no column mae"),
        (lambda: of_trades(GOOD[:0]), "trades has no rows"),
        (lambda: of_trades(GOOD.assign(mae=-1)), "mae is -1: .* at least 0"),
        (lambda: of_trades(GOOD.assign(net_pnl=np.nan)), "net_pnl is nan"),
        (lambda: of_trades(GOOD.assign(exit_time=START)), "is not after entry_time"),
        (lambda: api.account_from_trades(GOOD, initial_balance=0), "initial_balance is 0"),
        (lambda: api.account_from_equity(SERIES.drop(columns="balance")), "equity has no column balance"),
        (lambda: api.account_from_equity(SERIES[::-1]), "timestamp must rise"),
        (lambda: api.account_from_equity(SERIES.assign(n_open=1)), "the account as it began"),
        (lambda: api.account_from_equity(SERIES.assign(timestamp=[1, 2, 3])), "timestamp is of dtype int64"),
        (lambda: judged({"daily_los": 0.1}), "program.daily_los is 0.1: is no known key"),
        (lambda: judged({"max_loss": 2}), "program.max_loss is 2"),
        (lambda: api.judge_account(of_trades(GOOD), [1]), "program is a list: must be a mapping"),
        (lambda: resampled(days=0), "days is 0"),
        (lambda: resampled(paths=1), "paths is 1"),
        (lambda: resampled(level=2), "level is 2"),
    ],
)  # fmt: skip
def test_wrong_input_gets_a_sentence(call, told):
    """What, where, the value, what to do, as a TapelineError."""
    with pytest.raises(api.TapelineError, match=told):
        call()


def of_trades(table):
    """The account of a table of trades."""
    return api.account_from_trades(table, initial_balance=100_000)


def judged(changed):
    """One trade, under a changed program."""
    return api.judge_account(of_trades(GOOD), PROGRAM | changed)


def resampled(**changed):
    """One trade, resampled otherwise."""
    arguments = {"days": 9, "paths": 100, "block": 1.0, "seed": 1} | changed
    return api.pass_probability(of_trades(GOOD), PROGRAM, **arguments)
