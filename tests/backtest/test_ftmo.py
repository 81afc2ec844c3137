"""FTMO's objectives: every worked example of its pages, by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from tapeline.backtest.ftmo import (
    FtmoParams,
    count_by_day,
    judge_phase,
    judge_program,
    limits_of,
    starts,
)
from tapeline.backtest.records import bar_dtype
from tapeline.closure import ROOT
from tapeline.errors import ParamsError
from tapeline.params import Params

SHIPPED = YAML(typ="safe").load((ROOT / "params.yaml").read_text())["ftmo"]
K = 1000.0


def read(**changes):
    """The shipped section with changes."""
    return Params({"ftmo": SHIPPED | changes}).section("ftmo", FtmoParams)


def path(*bars, initial=100 * K):
    """Bars from (day, balance, worst equity, open positions at the close, opened)."""
    found = np.zeros(len(bars), bar_dtype)
    for k, name in enumerate(("balance", "equity_low", "n_open", "n_opened"), start=1):
        found[name] = [bar[k] for bar in bars]
    was_flat = np.array([True, *(bar[3] == 0 for bar in bars[:-1])])
    found["flat_open"] = np.where(was_flat, [initial, *(bar[1] for bar in bars[:-1])], np.nan)
    return found, np.array([bar[0] for bar in bars], np.int32)


def judge(*bars, program="2-step", phase="challenge", initial=100 * K, **changes):
    """Result of one phase on a path."""
    found, day = path(*bars, initial=initial)
    params = read(**changes)
    chosen = params.programs[program]
    limits = limits_of(chosen, chosen.phases[phase], params, initial)
    return judge_phase(found, found["equity_low"], day, 0, limits)


@pytest.mark.parametrize(
    ("midnight", "low", "status"),
    [
        (102 * K, 97_000.01, "open"),  # 5 % of the initial capital below midnight's balance, not 96,900
        (102 * K, 96_999.0, "daily_loss"),
        (102 * K, 97_000.0, "daily_loss"),  # touched
        (97 * K, 92_000.01, "open"),  # the floor falls with the balance too
        (97 * K, 91_999.0, "daily_loss"),
    ],
)
def test_the_daily_floor_is_midnights_balance_less_five_percent_of_the_capital(midnight, low, status):
    """Day one ends at `midnight`; on day two equity sinks to `low`."""
    found = judge((0, midnight, min(midnight, 100 * K), 0, 1), (1, midnight, low, 1, 0))
    assert found.status == status
    assert found.daily_margin == pytest.approx(min(low - midnight + 5 * K, min(midnight, 100 * K) - 95 * K))


def test_the_first_days_floor():
    """95,000 on a capital of 100,000."""
    assert judge((0, 100 * K, 95_001, 1, 1)).status == "open"
    assert judge((0, 100 * K, 94_999, 1, 1)).status == "daily_loss"


def test_touching_a_floor_may_be_allowed():
    """A param: then only equity below it breaks it."""
    assert judge((0, 100 * K, 95_000.0, 1, 1)).status == "daily_loss"
    assert judge((0, 100 * K, 95_000.0, 1, 1), is_touch_breach=False).status == "open"


def test_a_floating_loss_over_midnight_breaks_the_new_floor_without_a_move():
    """200,000: Monday closes 4,000 up and carries 13,000 of open loss; 191,000 is below 194,000."""
    bars = (0, 204 * K, 191 * K, 1, 1), (1, 204 * K, 191 * K, 1, 0)
    found = judge(*bars, initial=200 * K)
    assert (found.status, found.bar) == ("daily_loss", 1)
    assert found.daily_margin == -3 * K


def test_a_floating_profit_at_midnight_raises_no_floor():
    """5,000 open at midnight and 9,999 given back: balance counts, not equity."""
    assert judge((0, 100 * K, 100 * K, 1, 1), (1, 100 * K, 95_001, 1, 0)).status == "open"


def test_the_maximum_loss_is_static_in_two_steps():
    """Balance 92,000 with 2,001 of open loss: 89,999, however high the account has been."""
    down = [(d, 100 * K - 4 * K * d, 100 * K - 4 * K * d, 0, 1) for d in (1, 2)]
    assert judge(*down, (3, 92 * K, 90_001, 1, 1)).status == "open"
    found = judge(*down, (3, 92 * K, 89_999, 1, 1))
    assert (found.status, found.max_margin) == ("max_loss", -1)
    high = judge((0, 109 * K, 100 * K, 0, 1), (1, 105 * K, 105 * K, 0, 1), (2, 100_100, 100_100, 0, 0))
    assert high.max_margin == 10 * K


@pytest.mark.parametrize(("low", "status"), [(94_001, "open"), (93_999, "max_loss")])
def test_the_maximum_loss_follows_midnight_balances_in_one_step(low, status):
    """Day 2 begins at 104,000: floor 94,000; day 3 at 103,000: it stays there, and so on day 4 at 96,500."""
    bars = [
        (0, 104 * K, 100 * K, 0, 1),
        (1, 103 * K, 102 * K, 0, 1),
        (2, 96_500, 101_000, 0, 1),
        (3, 96_500, low, 1, 0),
    ]
    assert judge(*bars, program="1-step").status == status


def test_one_step_allows_three_percent_a_day():
    """97,000 on the first day."""
    assert judge((0, 100 * K, 97_001, 1, 1), program="1-step").status == "open"
    assert judge((0, 100 * K, 96_999, 1, 1), program="1-step").status == "daily_loss"


def test_intraday_profit_does_not_move_the_trailing_floor():
    """Only midnight balances do: 109,000 at noon, back at 101,000 by midnight."""
    bars = [(0, 109 * K, 100 * K, 0, 1), (0, 101 * K, 101 * K, 0, 1), (1, 101 * K, 101 * K, 0, 0)]
    assert judge(*bars, program="1-step").max_margin == 10 * K


def trading_days(n, balance=100 * K):
    """Days on each of which a position is opened and closed."""
    return [(d, balance, balance, 0, 1) for d in range(n)]


@pytest.mark.parametrize(
    ("balance", "n_open", "status"),
    [(110_000.01, 0, "passed"), (110 * K, 0, "open"), (120 * K, 1, "open")],
)
def test_the_target_is_passed_flat_and_above(balance, n_open, status):
    """The balance exceeds it with every position closed."""
    assert judge(*trading_days(4), (4, balance, 100 * K, n_open, 0)).status == status


def test_the_target_is_met_between_an_exit_and_the_next_entry_at_one_open():
    """An account that is never flat at a close; what it opens then is not counted, nor today's opening."""
    bars = [(d, 100 * K, 100 * K, 1, 1) for d in range(4)] + [(4, 109 * K, 100 * K, 1, 1)]
    found, day = path(*bars)
    params = read()
    program = params.programs["2-step"]
    limits = limits_of(program, program.phases["challenge"], params, 100 * K)
    assert judge_phase(found, found["equity_low"], day, 0, limits).status == "open"
    found["flat_open"][4] = 110_001
    passed = judge_phase(found, found["equity_low"], day, 0, limits)
    assert (passed.status, passed.profit, passed.trading_days) == ("passed", 10_001, 4)
    limits = limits._replace(minimum_days=5)
    assert judge_phase(found, found["equity_low"], day, 0, limits).status == "open"
    assert starts(found, day).tolist() == [0, 4]


def test_four_days_must_have_an_opening():
    """Bought on Monday and held till Thursday, three more on Friday: two trading days."""
    week = [
        (0, 100 * K, 100 * K, 1, 1),
        *[(d, 100 * K, 100 * K, 1, 0) for d in (1, 2, 3)],
        (4, 111 * K, 100 * K, 0, 3),
    ]
    found = judge(*week)
    assert (found.trading_days, found.status) == (2, "open")
    assert judge(*trading_days(3), (3, 111 * K, 100 * K, 0, 1)).status == "passed"
    assert judge(*trading_days(2), (2, 111 * K, 100 * K, 0, 1)).status == "open"


@pytest.mark.parametrize(
    ("profits", "share", "status"),
    [
        ([11], 1.0, "open"),
        ([5.5, 5.5], 0.5, "passed"),
        ([8, 3], 8 / 11, "open"),
        ([8, 3, 5], 0.5, "passed"),
        ([8, -2, 8], 0.5, "passed"),  # of positive days' profit
    ],
)
def test_the_best_day_makes_half_of_the_positive_days_profit_at_most(profits, share, status):
    """1-Step only; a best day that is too good defers passing and breaks nothing."""
    balances = 100 * K + np.cumsum(profits) * K
    bars = [
        (d, b, min(b, a), 0, 1) for d, (a, b) in enumerate(zip([100 * K, *balances], balances, strict=False))
    ]
    found = judge(*bars, program="1-step")
    assert (found.status, found.best_day_share) == (status, pytest.approx(share))


def test_a_breach_in_the_bar_of_the_target_wins():
    """Order inside a bar is not known."""
    assert judge(*trading_days(4), (4, 111 * K, 94 * K, 0, 1)).status == "daily_loss"


def test_the_higher_floor_is_broken_first():
    """At 94,000 of balance the account's floor, 90,000, lies above the day's, 89,000."""
    bars = (0, 96 * K, 96 * K, 0, 1), (1, 94 * K, 94 * K, 0, 1), (2, 94 * K, 80 * K, 1, 1)
    assert judge(*bars).status == "max_loss"


def test_phases_follow_on_fresh_accounts_from_the_next_day():
    """Challenge passed on day 3 at 111,000; verification counts from there, and its floors too."""
    bars = [*trading_days(3), (3, 111 * K, 100 * K, 0, 1), (3, 111 * K, 111 * K, 0, 0)]
    bars += [(d, 111 * K, 111 * K, 0, 1) for d in (4, 5, 6)] + [(7, 116_001, 107 * K, 0, 1)]
    bars += [(8, 116_001, 115 * K, 1, 1), (9, 116_001, 111 * K, 1, 0)]
    found, day = path(*bars)
    params = read()
    phases = judge_program(found, found["equity_low"], day, params.programs["2-step"], params, 100 * K)
    assert {name: phase.status for name, phase in phases.items()} == {
        "challenge": "passed", "verification": "passed", "funded": "daily_loss",
    }  # fmt: skip
    assert phases["verification"].first_bar == 5
    assert phases["verification"].profit == pytest.approx(5001)
    assert phases["verification"].max_margin == pytest.approx(6 * K)


def test_an_account_may_begin_on_the_first_flat_bar_of_each_day():
    """What was open before is not the new account's."""
    found, day = path(
        (0, 1, 1, 1, 1), (1, 1, 1, 1, 0), (1, 1, 1, 0, 0), (1, 1, 1, 0, 0), (2, 1, 1, 1, 1), (3, 1, 1, 1, 0)
    )
    assert starts(found, day).tolist() == [0, 3, 4]


def test_an_account_begun_later_counts_from_there():
    """The same path, half of the losses before the start."""
    found, day = path((0, 96 * K, 96 * K, 0, 1), (1, 92 * K, 92 * K, 0, 1), (2, 88 * K, 88 * K, 0, 1))
    params = read()
    program = params.programs["2-step"]
    limits = limits_of(program, program.phases["challenge"], params, 100 * K)
    assert judge_phase(found, found["equity_low"], day, 0, limits).status == "max_loss"
    later = judge_phase(found, found["equity_low"], day, 1, limits)
    assert (later.status, later.profit) == ("open", -8 * K)


@given(
    st.lists(st.tuples(st.booleans(), st.floats(-3000, 3000), st.floats(0, 3000)), min_size=1, max_size=40)
)
def test_margins_and_verdict_agree(moves):
    """Breached exactly where a margin has reached zero, against a plain recount of both floors."""
    day, balance, bars = 0, 100 * K, []
    for is_new, made, depth in moves:
        day += is_new
        low = min(balance, balance + made) - depth
        balance += made
        bars.append((day, balance, low, 0, 1))
    found = judge(*bars)
    expected, floor_base = "open", 100 * K
    for k, (d, b, low, *_) in enumerate(bars):
        if k and d != bars[k - 1][0]:
            floor_base = bars[k - 1][1]
        if low <= max(floor_base - 5 * K, 90 * K) + 1e-4:
            expected = "daily_loss" if floor_base - 5 * K >= 90 * K else "max_loss"
            break
        if b > 110 * K and len({x[0] for x in bars[: k + 1]}) >= 4:
            expected = "passed"
            break
    assert found.status == expected
    assert (found.status in ("daily_loss", "max_loss")) == (min(found.daily_margin, found.max_margin) <= 1e-4)


def test_counts_are_by_account_day():
    """Requests of two days."""
    assert count_by_day(np.array([1, 2, 3], np.int16), np.array([5, 5, 6], np.int32)) == 3


def test_a_program_that_is_not_there_is_refused():
    """One line with what there is."""
    with pytest.raises(ParamsError, match=r"must hold ftmo.program 3-step; it holds 2-step, 1-step"):
        read(program="3-step")


def test_a_program_may_be_none_and_no_program_may_be_called_so():
    """Then nothing is judged; the name stands for nothing else."""
    found = read(program="none")
    assert (found.chosen, found.judged) == (None, {})
    with pytest.raises(ParamsError, match="must not call a program none"):
        read(programs=SHIPPED["programs"] | {"none": SHIPPED["programs"]["2-step"]})


def test_equity_that_is_no_number_is_never_judged():
    """It would lie below no floor, and pass."""
    bars, day = path((0, 100 * K, 100 * K, 1, 1), (0, 100 * K, np.nan, 1, 0))
    params = read()
    program = params.programs["2-step"]
    limits = limits_of(program, program.phases["challenge"], params, 100 * K)
    with pytest.raises(ValueError, match="not a number on bar 1"):
        judge_phase(bars, bars["equity_low"], day, 0, limits)
