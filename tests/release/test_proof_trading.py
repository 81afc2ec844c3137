"""Accounts before a moment: signals, bars and trades are the same, and those still open began the same."""

from types import SimpleNamespace

import numpy as np
import pytest

from tapeline.backtest.records import bar_dtype, candle_dtype, trade_dtype
from tapeline.errors import ProofError
from tapeline.release.proof_compare import Comparison
from tapeline.release.proof_moments import Clock
from tapeline.release.proof_trading import compare_accounts

MINUTE = 60_000_000
RUN = SimpleNamespace(interval=MINUTE, clock=Clock(0, MINUTE, 100))  # of a run, all that is asked for
FIRST_BAR = 60  # of the account, whose clock ends with the candles: 40 bars
MOMENT = 80 * MINUTE  # its bar 20


def account():
    """One trade that is over, one that is open at the moment, one that comes later."""
    trades = np.zeros(3, dtype=trade_dtype)
    trades["entry_bar"], trades["exit_bar"] = [2, 15, 25], [10, 30, 35]
    trades["entry_price"], trades["exit_price"] = 100.0, 101.0
    bars = np.zeros(40, dtype=bar_dtype)
    bars["flat_open"] = np.nan
    return {"signals": np.zeros((40, 2), dtype=candle_dtype), "trades": trades, "bars": bars}


def compare(changed):
    """Values compared of the account beside a changed one."""
    comparison = Comparison()
    compare_accounts(RUN, [account()], [changed], MOMENT, comparison)
    return comparison.compared


def test_what_comes_after_the_moment_may_differ():
    """Later signals and equity, how an open trade ends, other trades."""
    changed = account()
    changed["signals"]["side"][20:] = 1
    changed["bars"]["equity"][20:] = 5.0
    changed["trades"]["exit_price"][1] = 90.0
    changed["trades"]["exit_bar"][1] = 22
    changed["trades"] = changed["trades"][:2]
    assert compare(changed) > 20 * (2 * len(candle_dtype) + len(bar_dtype))


@pytest.mark.parametrize(
    ("part", "field", "row", "said"),
    [
        ("signals", "side", (19, 1), "account 0 signals side of 1970-01-01T01:19Z is 0, and 3"),
        ("bars", "equity", 7, "account 0 bars equity of 1970-01-01T01:07Z is 0, and 3"),
        ("trades", "exit_price", 0, "account 0 trade exit_price of 1970-01-01T01:02Z is 101, and 3"),
        ("trades", "entry_price", 1, "account 0 trade entry_price of 1970-01-01T01:15Z is 100, and 3"),
    ],
)
def test_what_comes_before_it_may_not(part, field, row, said):
    """The last bar before it, what a trade over came to, how an open one began."""
    changed = account()
    changed[part][field][row] = 3
    with pytest.raises(ProofError) as refused:
        compare(changed)
    assert said in str(refused.value)


def test_a_trade_that_vanishes_is_a_difference():
    """Also where all others are equal."""
    changed = account()
    changed["trades"] = changed["trades"][1:]
    with pytest.raises(ProofError, match="account 0 trade"):
        compare(changed)


def test_an_account_more_or_a_longer_one_is_a_difference():
    """Their number, and their bars."""
    longer = account() | {"bars": np.zeros(41, dtype=bar_dtype)}
    with pytest.raises(ProofError, match="bars of account 0 is 40, and 41"):
        compare(longer)
    with pytest.raises(ProofError, match="accounts is 1, and 2"):
        compare_accounts(RUN, [account()], [account(), account()], MOMENT, Comparison())
