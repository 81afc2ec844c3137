"""Random markets for the engine."""

import numpy as np
from hypothesis import strategies as st

from tapeline.backtest.kernel import Rules
from tapeline.backtest.records import candle_dtype, clock_dtype, symbol_dtype

CALM = Rules(
    initial_balance=100_000.0, hold=3, delay=1, max_positions=10, max_margin=1.0, stop_out=0.5,
    guard_loss=np.inf, basis=0.0, exit_commission=1.0,
)  # fmt: skip


def flat_market(n_bars, n_symbols=1, price=100.0):
    """Candles at one price without costs, nothing wanted; wide stops, lots of one unit; one day."""
    candles = np.zeros((n_bars, n_symbols), candle_dtype)
    for name in ("open", "high", "low", "close"):
        candles[name] = price
    candles["stop"], candles["quantity"] = 50.0, 10.0
    for name in ("has_price", "can_fill", "may_open"):
        candles[name] = True
    symbols = np.zeros(n_symbols, symbol_dtype)
    symbols["leverage"] = symbols["step"] = symbols["minimum"] = 1.0
    symbols["maximum"] = 1e9
    return candles, np.zeros(n_bars, clock_dtype), symbols


@st.composite
def markets(draw):
    """Wild candles with gaps, closed hours, costs, swap, caps, guards and every kind of exit."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n, m = draw(st.integers(1, 60)), draw(st.integers(1, 3))
    candles, clock, symbols = flat_market(n, m)
    step = draw(st.sampled_from([0.0005, 0.005, 0.1]))
    walk = 100 * np.exp(np.cumsum(rng.normal(0, step, (n * 4, m)), axis=0)).reshape(n, 4, m)
    if draw(st.booleans()):
        walk *= np.exp(rng.normal(0, step * 3, (n, 1, m)))  # gaps between candles
    candles["open"], candles["close"] = walk[:, 0], walk[:, 3]
    candles["high"], candles["low"] = walk.max(axis=1), walk.min(axis=1)
    candles["half_spread"] = rng.choice([0.0, 0.0002, 0.01], (n, m))
    candles["slippage"] = rng.choice([0.0, 0.0001, 0.005], (n, m))
    candles["stop"] = candles["close"] * step * rng.choice([0.5, 3.0, 50.0], (n, m))
    candles["target"] = candles["close"] * step * rng.choice([0.0, 0.5, 3.0], (n, m))
    candles["quantity"] = rng.choice([0.5, 3.0, 100.0, 5000.0], (n, m))
    busy = draw(st.sampled_from([0.03, 0.1, 0.5, 1.0]))
    candles["side"] = np.where(rng.random((n, m)) < busy, rng.choice([-1, 1], (n, m)), 0)
    candles["tier"] = rng.integers(0, 3, (n, m))
    present = rng.random((n, m)) < draw(st.sampled_from([1.0, 0.7]))
    candles["has_price"] = present
    candles["can_fill"] = present & (rng.random((n, m)) < draw(st.sampled_from([1.0, 0.8])))
    candles["may_open"] = candles["can_fill"] & (rng.random((n, m)) < draw(st.sampled_from([1.0, 0.8])))
    candles["side"][~present] = 0
    listed = rng.integers(0, n, m) * draw(st.sampled_from([0, 1]))  # bars before slippage is known
    unknown = np.arange(n)[:, None] < listed
    candles["can_fill"] &= ~unknown
    candles["may_open"] &= ~unknown
    candles["slippage"][unknown | ~present] = np.nan
    for name in ("open", "high", "low", "close"):
        candles[name][~present] = np.nan
    clock["day"] = np.cumsum(rng.random(n) < 0.1)
    clock["nights"] = rng.choice([0, 0, 0, 1, 3], n)
    symbols["fee"]["rate"] = rng.choice([0.0, 0.000325, 0.01], m)
    symbols["swap_long"], symbols["swap_short"] = rng.choice([0.0, -0.0007, 0.0003, -0.05], (2, m))
    symbols["leverage"] = rng.choice([1.0, 3.3, 100.0], m)
    symbols["step"] = symbols["minimum"] = rng.choice([0.01, 1.0], m)
    symbols["maximum"] = rng.choice([2.0, 1e6], m)
    symbols["is_spot"] = rng.random(m) < draw(st.sampled_from([0.0, 0.0, 0.5]))
    symbols["leverage"][symbols["is_spot"]] = 1.0
    candles["side"] = np.where(symbols["is_spot"], np.abs(candles["side"]), candles["side"])
    rules = CALM._replace(
        hold=draw(st.sampled_from([1, 2, 3, 5, 8, 25])),
        delay=draw(st.sampled_from([1, 1, 2, 4])),
        max_positions=draw(st.integers(1, 3)),
        max_margin=draw(st.sampled_from([0.2, 1.0])),
        initial_balance=draw(st.sampled_from([500.0, 100_000.0])),
        guard_loss=draw(st.sampled_from([np.inf, 5.0, 500.0])),
        basis=draw(st.sampled_from([0.0, 0.0003])),
        exit_commission=draw(st.sampled_from([0.0, 1.0])),
    )
    return candles, clock, symbols, rules
