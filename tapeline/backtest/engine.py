"""One account over many symbols on one clock, bar by bar.

On each bar, in this order. Swap is booked and equity taken at the open. What is due, or has gapped through
its stop, is sold at the open less slippage; what has gapped through its target is sold at the open without,
as the limit order that it is, even if it was due. Then waiting orders are filled there. Inside the bar a
stop comes before a target. A stop is filled at its own price only if the market stood beyond it: one that
the spread has passed at the entry is filled at the open's bid (ask of a short), less slippage as every stop.
The account's worst equity adds up every position's worst, whatever the order they came in. At the close
positions are marked, the day's guard looks, and sides wanted become orders for a later open: never a fill on
the bar that decided. A symbol has one position or order at a time. Marks stand still while a symbol has no
candle, and nothing fills while its market is closed, or its slippage is not known yet; a position is held
through a gap, for nobody knew of it. On the last bar of all what is open leaves at its last mark, with the
slippage of the last candle that could fill.

What is bought on a spot market is paid in cash: no broker closes it, no open profit pays for more.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tapeline.backtest.kernel import Rules, first_bad, run_bars
from tapeline.backtest.records import (
    bar_dtype,
    candle_dtype,
    clock_dtype,
    refused_dtype,
    symbol_dtype,
    trade_dtype,
)

Records = NDArray[np.void]


@dataclass(frozen=True)
class BacktestResult:
    """What happened to the account.

    trades : (n_trades,) of `trade_dtype`, by entry
    bars : (n_bars,) of `bar_dtype`
    n_unfilled : orders that found no open market for as long as they would have been held, or no margin
    refused : (n_refused,) of `refused_dtype`: those, and sides that became no order, each with the reason
    """

    trades: Records
    bars: Records
    n_unfilled: int
    refused: Records = field(default_factory=lambda: np.zeros(0, dtype=refused_dtype))


def run_backtest(candles: Records, clock: Records, symbols: Records, rules: Rules) -> BacktestResult:
    """Trade `candles`, (n_bars, n_symbols) of `candle_dtype`; ValueError names what can't be traded."""
    _check(candles, clock, symbols, rules)
    trades = np.zeros(np.count_nonzero(candles["side"]), dtype=trade_dtype)
    bars = np.zeros(len(candles), dtype=bar_dtype)
    refused = np.zeros(len(trades), dtype=refused_dtype)  # a side comes to one of both at most
    account = run_bars(candles, clock, symbols, rules, trades, bars, refused)[0]
    if not np.isfinite(account["balance"]):
        raise ValueError(f"the account ends with a balance of {account['balance']}")
    kept = trades[: account["n_trades"]].copy()
    return BacktestResult(kept, bars, int(account["n_unfilled"]), refused[: account["n_refused"]].copy())


def _check(candles: Records, clock: Records, symbols: Records, rules: Rules) -> None:
    for name, found, expected in (
        ("candles", candles.dtype, candle_dtype),
        ("clock", clock.dtype, clock_dtype),
        ("symbols", symbols.dtype, symbol_dtype),
    ):
        if found != expected:
            raise ValueError(f"{name} are of dtype {found}, not {expected}")
    if candles.shape != (len(clock), len(symbols)):
        raise ValueError(f"candles of shape {candles.shape}: must be {(len(clock), len(symbols))}")
    if rules.hold < 1 or rules.delay < 1 or not 0 < rules.initial_balance < np.inf:
        raise ValueError(f"hold, delay and initial balance must be positive: {rules}")
    bad = first_bad(candles, symbols, rules.basis)
    if bad >= 0:
        bar, symbol = divmod(bad, len(symbols))
        raise ValueError(f"bar {bar} of symbol {symbol} can't be traded: {candles[bar, symbol]}")
