"""The backtest of own signals, held against an account that is reckoned by hand."""

import numpy as np
import pandas as pd
import pytest

from tapeline import api
from tapeline.schema import OHLCV
from tests.candles import random_candles

CANDLES = {
    "X": random_candles(600)[["timestamp", *OHLCV]],
    "Y": random_candles(600, seed=2)[["timestamp", *OHLCV]],
}
ORDERS = {
    "sides": "both", "atr_candles": 20, "stop": 900.0, "target": 0.0, "risk": 0.01,
    "initial_balance": 100_000.0, "max_positions": 2, "max_margin": 0.9,
}  # fmt: skip
INSTRUMENT = {
    "contract_size": 1.0, "lot_step": 0.01, "maximum_lots": 1000.0, "leverage": 2.0, "spread_bps": 2.0,
    "commission_bps": 1.0, "swap_long": 0.0, "swap_short": 0.0,
}  # fmt: skip
COSTS = {
    "multiple": 1.0, "basis_bps": 0.0, "widening": 1.0, "rollover": ["23:55", "00:10"],
    "swap_nights": [1, 1, 1, 1, 3, 0, 0], "maintenance": [],
    "instruments": {"X": INSTRUMENT, "Y": INSTRUMENT},
}  # fmt: skip
EXECUTION = {
    "latency_s": 0.0, "slippage": 0.0, "volatility_candles": 20, "stop_out": 0.0, "exit_commission": True,
}  # fmt: skip
GIVEN = {
    "interval": "1m", "max_fill": 15, "hold": 30, "orders": ORDERS, "costs": COSTS, "execution": EXECUTION,
}  # fmt: skip


def signals(*rows):
    """Of `(symbol, position of its candle, side)`."""
    return pd.DataFrame(
        [(symbol, CANDLES[symbol]["timestamp"][at], side) for symbol, at, side in rows],
        columns=["symbol", "timestamp", "side"],
    )


SIGNALS = signals(("X", 100, 1), ("Y", 140, -1), ("X", 200, 0), ("X", 300, -1))


def test_a_trade_is_the_next_open_to_the_open_after_it_was_held():
    """Half the spread against it at both ends, commission on both notionals."""
    result = api.backtest(CANDLES, SIGNALS, **GIVEN)
    assert list(result.trades["symbol"]) == ["X", "Y", "X"]
    for trade, (at, side) in zip(result.trades.itertuples(), ((100, 1), (140, -1), (300, -1)), strict=True):
        candles = CANDLES[trade.symbol]
        entry, exit_ = (
            candles["open"][at + 1] * (1 + side * 1e-4),
            candles["open"][at + 31] * (1 - side * 1e-4),
        )
        assert trade.side == side
        assert [trade.decision_time, trade.entry_time, trade.exit_time] == list(
            candles["timestamp"][[at, at + 1, at + 31]]
        )
        assert [trade.entry_price, trade.exit_price] == pytest.approx([entry, exit_])
        commission = 1e-4 * trade.quantity * (entry + exit_)
        assert trade.net_pnl == pytest.approx(trade.quantity * side * (exit_ - entry) - commission)
        assert trade.reason == "time"
    balance = result.account.table["balance"].iloc[-1]
    assert balance == pytest.approx(100_000 + result.trades["net_pnl"].sum())


def test_what_comes_later_changes_nothing_before_it():
    """Other candles from the 250th on: the trades that had ended are the same to the last bit."""
    changed = {name: table.copy() for name, table in CANDLES.items()}
    for table in changed.values():
        table.loc[250:, ["open", "high", "low", "close"]] *= 1.04
    one, other = (api.backtest(each, SIGNALS, **GIVEN) for each in (CANDLES, changed))
    pd.testing.assert_frame_equal(one.trades[:2], other.trades[:2])
    pd.testing.assert_frame_equal(one.account.table[:149], other.account.table[:149])
    assert not one.trades[2:].equals(other.trades[2:])


def test_signals_that_may_not_trade_are_counted():
    """Shorts of an account that only buys; stops inside the round trip's costs."""
    bought = api.backtest(CANDLES, SIGNALS, **GIVEN | {"orders": ORDERS | {"sides": "long"}})
    assert (list(bought.trades["side"]), bought.n_shorts) == ([1], 2)
    tight = api.backtest(CANDLES, SIGNALS, **GIVEN | {"orders": ORDERS | {"stop": 0.01}})
    assert (len(tight.trades), tight.n_inside_costs) == (0, 3)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"signals": SIGNALS.assign(side=2)}, "row 0: side is 2"),
        ({"signals": SIGNALS.assign(side=0.5)}, "row 0, X .*: side must be 1, -1 or 0"),
        ({"signals": SIGNALS.assign(symbol="Z")}, "row 0, Z .*: symbol must be one of candles: X, Y"),
        (
            {"signals": SIGNALS.assign(timestamp=SIGNALS["timestamp"] + pd.Timedelta("1s"))},
            "there is no such candle",
        ),
        ({"signals": pd.concat([SIGNALS, SIGNALS[:1]])}, "row 4, X .*: is there more than once"),
        ({"signals": SIGNALS.drop(columns="side")}, "signals has no column side"),
        ({"candles": CANDLES["X"]}, "candles is a DataFrame: must be a mapping"),
        ({"candles": {}}, "candles is empty"),
        ({"candles": CANDLES | {"Z": CANDLES["X"]}}, "costs.instruments has no Z"),
        (
            {"candles": CANDLES | {"Y": CANDLES["Y"].assign(low=0.0)}},
            "candles of Y, row 1: non-positive price",
        ),
        ({"orders": ORDERS | {"stop": 0}}, "orders.stop is 0"),
        ({"orders": {"stop": 1.0}}, "orders.sides is missing"),
        ({"costs": COSTS | {"spread": 1}}, "costs.spread is 1: is no known key"),
        ({"execution": None}, "execution is a NoneType: must be a mapping"),
        ({"hold": 0}, "hold is 0"),
        ({"guard_loss": -1.0}, "guard_loss is -1.0"),
    ],
)
def test_wrong_input_gets_a_sentence(changed, told):
    """What, where, the value, what to do, as a TapelineError."""
    with pytest.raises(api.TapelineError, match=told):
        api.backtest(**{"candles": CANDLES, "signals": SIGNALS} | GIVEN | changed)


def test_the_guard_ends_a_day():
    """With any loss too much, nothing is opened after the first one."""
    losing = [
        ("X", at, 1 if CANDLES["X"]["open"][at + 31] < CANDLES["X"]["open"][at + 1] else -1)
        for at in (50, 130)
    ]
    free, guarded = (
        api.backtest(CANDLES, signals(*losing), **GIVEN, guard_loss=loss) for loss in (None, 1e-6)
    )
    assert [len(free.trades), len(guarded.trades)] == [2, 1]
    assert guarded.trades["reason"].iloc[0] == "guard"
    assert np.isfinite(guarded.account.worst).all()
