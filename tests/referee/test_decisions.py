"""A prediction that asks for a trade has one, or a refusal whose reason holds."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tapeline.referee.examine import examine
from tests.referee.hand_made import ACCOUNT, INSTRUMENT, MINUTE, ROWS, TIERS

pytestmark = pytest.mark.xdist_group("referee")  # one run that all of them plant faults in

CALL = "backtest: what a call that was free to trade came to"
REASON = "backtest: reason of a refusal"
REASONS = "guard", "positions", "size", "margin", "unfilled", "end"


def told(run, keep, reason=None, rules=ACCOUNT, last=0):
    """What differs if trades that `keep` leaves out were never made, or are told as refused for `reason`."""
    account, figures = run.accounts["backtest"]
    left_out = account.trades[~keep(account.trades)]
    refused = account.refused
    if reason is not None:
        lines = left_out[["symbol", "side", "quantity", "decision_time"]].assign(reason=reason)
        is_order = reason in ("margin", "unfilled", "end")
        lines["quantity"] *= is_order
        lines["last_time"] = lines["decision_time"] + is_order * last * MINUTE
        refused = pd.concat([refused, lines], ignore_index=True)
    changed = replace(account, trades=account.trades[keep(account.trades)], refused=refused)
    accounts = run.accounts | {"backtest": (changed, figures)}
    return {d.what for d in examine(replace(run, accounts=accounts), ROWS, TIERS, rules).differences}


def all_with(**changes):
    """Every instrument with some terms changed."""
    return {"instruments": dict.fromkeys(ACCOUNT.instruments, replace(INSTRUMENT, **changes))}


def confirmed(run):
    """Keeps trades whose side the candle after the decision went."""
    closes = {(s, r.timestamp): r.close for s, t in run.candles.items() for r in t.itertuples()}

    def keep(trades):
        moved = [
            closes[r.symbol, r.decision_time + MINUTE] - closes[r.symbol, r.decision_time]
            for r in trades.itertuples()
        ]
        return trades["side"] * np.array(moved) >= 0

    return keep


def one_left_out(trades):
    """Keeps all trades but one in their midst."""
    return np.arange(len(trades)) != len(trades) // 2


@pytest.mark.parametrize("which", ["unconfirmed", "losers", "first signals", "one"])
def test_orders_that_were_never_made_are_found(run, which):
    """Those that the next candle doesn't confirm, later losers, the first of signals in a row, any one."""
    keep = {
        "unconfirmed": confirmed(run),
        "losers": lambda trades: trades["net_pnl"] > 0,
        "first signals": lambda trades: trades["decision_time"].diff() <= 6 * MINUTE,
        "one": one_left_out,
    }[which]
    assert not keep(run.accounts["backtest"][0].trades).all()
    assert CALL in told(run, keep)


@pytest.mark.parametrize("reason", [*REASONS, "no reason"])
@pytest.mark.parametrize("last", [1, pytest.param(ACCOUNT.hold + 1, marks=pytest.mark.slow)])
def test_a_reason_that_does_not_hold_is_no_refusal(run, reason, last):
    """Whatever is said of an order, and however long it is said to have waited."""
    assert REASON in told(run, one_left_out, reason, last=last)


@pytest.mark.parametrize(
    ("reason", "rules"),
    [
        ("size", all_with(step=1e6)),
        ("size", {"max_margin": 1e-9}),
        ("margin", all_with(leverage=1e-3)),
        ("guard", {"guard_loss": 1e-6}),
        ("positions", {"max_positions": 0}),
    ],
)
def test_a_reason_that_holds_is_believed(run, reason, rules):
    """No lot step fits, no margin is left, a day has lost what ends it, or all positions are taken."""
    found = told(run, one_left_out, reason, replace(ACCOUNT, **rules), last=1)
    assert not {CALL, REASON} & found


def test_a_refusal_that_no_prediction_asked_for_is_found(run):
    """Its side is not that of a call."""
    account, figures = run.accounts["backtest"]
    first = account.trades.iloc[0]
    line = {name: first[name] for name in ("symbol", "decision_time")}
    line |= {"side": -first["side"], "quantity": 0.0, "reason": "size", "last_time": first["decision_time"]}
    changed = replace(account, refused=pd.DataFrame([line]))
    accounts = run.accounts | {"backtest": (changed, figures)}
    found = {d.what for d in examine(replace(run, accounts=accounts), ROWS, TIERS, ACCOUNT).differences}
    assert {"backtest: call that a refusal follows", CALL} <= found


@pytest.mark.parametrize("name", ["unfilled_orders", "refused_entries"])
def test_counts_of_what_was_refused_are_those_of_the_calls(run, name):
    """One more or less is found."""
    account, figures = run.accounts["backtest"]
    for off in (-1, 1):
        accounts = run.accounts | {"backtest": (account, figures | {name: figures[name] + off})}
        found = {d.what for d in examine(replace(run, accounts=accounts), ROWS, TIERS, ACCOUNT).differences}
        assert f"backtest.{name}" in found
