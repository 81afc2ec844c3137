"""Orders at a close depend on nothing that follows it."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from tapeline.backtest.engine import orders_in
from tapeline.closure import ROOT
from tapeline.errors import ProofError
from tapeline.market.times import MINUTE
from tapeline.params import Params
from tapeline.release import proof_orders
from tapeline.release.proof_orders import align, prove_orders
from tapeline.trading.accounts import TradingInputs, run
from tapeline.trading.params import TradingParams

N, FIRST = 700, pd.Timestamp("2026-01-14", tz="UTC")


@pytest.fixture
def proved(monkeypatch):
    """A run whose test is a walk of candles, on which a coin predicts."""
    rng, params = np.random.default_rng(5), Params.read(ROOT / "params.yaml")
    close = 100 * np.exp(np.cumsum(rng.normal(0, 1e-3, N)))
    before = np.r_[100.0, close[:-1]]
    times = pd.date_range(FIRST - pd.Timedelta(minutes=200), periods=N, freq="min", unit="us")
    high, low = np.maximum(before, close) * 1.0002, np.minimum(before, close) * 0.9998
    values = {"open": before, "high": high, "low": low, "close": close}
    tables = {"BTC-USD": pd.DataFrame({"timestamp": times, "is_filled": False} | values)}
    trading = TradingParams.read(params).changed("signals", tier_by="confidence")
    market = align(tables, FIRST, trading)
    said = rng.choice([0.2, 0.55, 0.8], (len(market.timestamp), 1))
    inputs = TradingInputs(market, said, np.full(said.shape, 0.5))
    monkeypatch.setattr(proof_orders, "traded_inputs", lambda proved, params: (tables, inputs))
    monkeypatch.setattr(TradingParams, "read", classmethod(lambda cls, params: trading))
    monkeypatch.setattr(proof_orders, "CLOSES", 20)
    return SimpleNamespace(params=params, interval=MINUTE)


def test_an_engine_that_knows_no_future_is_proved(proved):
    """Closes that decided and closes that did not are tried, and values were compared."""
    part = prove_orders(proved, np.random.default_rng(1))
    assert part.trials == 20
    assert dict(part)["values"] > 0


@pytest.mark.parametrize("ahead", [1, 5])
def test_an_order_that_a_later_candle_confirms_is_found(proved, monkeypatch, ahead):
    """The next candle, or one at the end of a hold."""

    def confirmed(plan):
        candles = plan.candles.copy()
        later = np.roll(candles["close"], -ahead, axis=0)
        candles["side"][candles["side"] * (later - candles["close"]) < 0] = 0
        return run(replace(plan, orders=orders_in(candles)))

    monkeypatch.setattr(proof_orders, "run", confirmed)
    with pytest.raises(ProofError, match="it knows the future"):
        prove_orders(proved, np.random.default_rng(1))
