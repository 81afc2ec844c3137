"""The paper account: cut wherever one likes, it is the backtest of the same candles and predictions."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tapeline.backtest.portfolio import align_candles, align_predictions
from tapeline.schema import PRICES
from tapeline.tiers import NO_TIER
from tapeline.trading.accounts import TradingInputs
from tapeline.trading.paper import PaperAccount, paper_candle_dtype, told_dtype
from tests.candles import random_candles, with_gaps
from tests.trading.shipped import read

WARM_UP = 90
MAX_FILL = 15
SYMBOLS = "BTC-USD", "ETH-USD", "SOL-USD"


@st.composite
def markets(draw):
    """Canonical tables of up to three symbols, predictions of real candles, and params of trading."""
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    n = WARM_UP + draw(st.integers(2, 400))
    gap_at = draw(st.sampled_from([None, WARM_UP - 5, WARM_UP + 40]))
    tables = {}
    for k, symbol in enumerate(SYMBOLS[: draw(st.integers(1, 3))]):
        table = random_candles(n, seed=seed % 1000 + k, gap_at=gap_at if gap_at and gap_at < n else None)
        table[list(PRICES)] *= 500
        table = with_gaps(table, draw(st.sampled_from([0.0, 0.1, 0.4])), seed=k, max_fill=MAX_FILL)
        tables[symbol] = table
    first = max(table["timestamp"].iloc[0] for table in tables.values()) + pd.Timedelta(minutes=WARM_UP)
    rows = []
    for symbol, table in tables.items():
        told = table[~table["is_filled"] & (table["timestamp"] >= first)][["timestamp"]].assign(symbol=symbol)
        told = told[rng.random(len(told)) < 0.8]
        told["probability"], told["trend_strength"] = rng.random((2, len(told)))
        told["tier"] = rng.integers(-1, 3, len(told)) if draw(st.booleans()) else 0
        rows.append(told)
    predictions = pd.concat(rows, ignore_index=True)
    params = read(
        signals={
            "minimum_trend": draw(st.sampled_from([0.0, 0.5])),
            "trade_tiers": draw(st.sampled_from([["A"], ["A", "B", "C"]])),
            "stop": draw(st.sampled_from([1.0, 6.0])),
            "target": draw(st.sampled_from([0.0, 2.0])),
            "hold": draw(st.sampled_from([None, 3, 40])),
            "atr_candles": draw(st.sampled_from([2, 60])),
        },
        execution={
            "latency_s": draw(st.sampled_from([0.5, 150.0])),
            "volatility_candles": draw(st.sampled_from([2, 60])),
        },
        ftmo={"guard": draw(st.sampled_from([0.0, 0.05]))},
    )
    return tables, predictions, params


def as_records(table, kind, **columns):
    """Rows as an account takes them."""
    rows = np.zeros(len(table), kind)
    for name in kind.names:
        values = columns.get(name, table[name])
        rows[name] = values.astype("int64") if name == "timestamp" else values
    return rows


def backtest(tables, predictions, params, first):
    """The account of all of it at once, by the code of the stage `evaluate`."""
    market = align_candles(tables, first, 1, params.execution.volatility_candles, params.signals.atr_candles)
    aligned = {
        name: align_predictions(market, predictions, name)
        for name in ("probability", "trend_strength", "tier")
    }
    tier = np.where(np.isnan(aligned["tier"]), NO_TIER, aligned["tier"]).astype(np.int8)
    inputs = TradingInputs(market, aligned["probability"], aligned["trend_strength"], tier)
    return market, inputs.trade(params)


@given(markets(), st.data())
@settings(max_examples=settings.default.max_examples * 3 // 5, deadline=None)
def test_any_cut_comes_to_the_backtest(drawn, data):
    """Trades and every bar, to the bit, from real candles alone and in whatever stretches they come."""
    tables, predictions, params = drawn
    if predictions.empty:
        return
    first = predictions["timestamp"].min()
    market, whole = backtest(tables, predictions, params, first)
    clock = market.timestamp
    cuts = sorted({*data.draw(st.lists(st.integers(0, len(clock) - 1), max_size=12)), len(clock) - 1})
    real = {symbol: table[~table["is_filled"]] for symbol, table in tables.items()}
    account = PaperAccount(tuple(tables), first, params, MAX_FILL)
    symbols = list(tables)
    before = {symbol: table[table["timestamp"] < first] for symbol, table in real.items()}
    account.learn({symbol: as_records(table, paper_candle_dtype) for symbol, table in before.items()})
    bars = []
    for until in clock[cuts]:
        begin = account.next
        candles = {
            symbol: as_records(
                table[(table["timestamp"] >= begin) & (table["timestamp"] <= until)], paper_candle_dtype
            )
            for symbol, table in real.items()
        }
        told = predictions[(predictions["timestamp"] >= begin) & (predictions["timestamp"] <= until)]
        told = as_records(told, told_dtype, symbol=[symbols.index(name) for name in told["symbol"]])
        traded = account.trade(until, candles, told)
        assert traded.timestamp[0] == begin
        bars.append(traded.stretch.bars)
    trades, last = account.ended()
    for name in trades.dtype.names:
        np.testing.assert_array_equal(trades[name], whole.trades[name], err_msg=name)
    bars[-1] = last.bars
    found = np.concatenate(bars)
    for name in found.dtype.names:
        np.testing.assert_array_equal(found[name], whole.bars[name], err_msg=name)


def test_a_bar_is_traded_once():
    """What has been traded is not traded again."""
    tables = {"BTC-USD": random_candles(200)}
    first = tables["BTC-USD"]["timestamp"][100]
    account = PaperAccount(("BTC-USD",), first, read(), MAX_FILL)
    none = np.zeros(0, told_dtype)
    account.trade(first, {}, none)
    assert account.next == first + pd.Timedelta(minutes=1)
    with pytest.raises(ValueError, match="has been traded"):
        account.trade(first, {}, none)


def test_nothing_is_kept_of_long_ago():
    """Memory is that of the reach, whatever the number of bars."""
    table = random_candles(3000)
    first = table["timestamp"][100]
    account = PaperAccount(("BTC-USD",), first, read(), MAX_FILL)
    none = np.zeros(0, told_dtype)
    sizes = []
    for k in range(100, 3000, 100):
        account.trade(
            table["timestamp"][k + 99], {"BTC-USD": as_records(table[k : k + 100], paper_candle_dtype)}, none
        )
        sizes.append(len(account._kept["BTC-USD"]))
    assert max(sizes) <= 62
