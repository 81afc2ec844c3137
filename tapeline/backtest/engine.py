"""Bar-by-bar backtest of one symbol with a fixed notional a position.

A side wanted at the close of bar t becomes a market order, which the open of the next real candle fills,
half the spread against the trader: never bar t itself, and never a filled candle, in which nobody traded.
The position ends at the open of the first real candle at least `horizon` bars after its entry. A segment's
end leaves an order unfilled and cuts a position at the last close. One position or order at a time: the
side wanted at a close counts only if the symbol is flat by the next open, so an entry may share the bar of
the exit before it.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numba import njit
from numpy.typing import NDArray

from tapeline.backtest.costs import InstrumentCosts
from tapeline.backtest.records import bar_dtype, trade_dtype

FloatArray = NDArray[np.float64]
Rates = tuple[float, float]  # half spread and commission of one fill, fractions of price and notional


@dataclass(frozen=True)
class BacktestResult:
    """What one symbol did to the account.

    trades : (n_trades,) of `trade_dtype`, in time order
    equity_change : (n_bars,) change of equity from close to close, account currency. An open position is
        valued at what closing it would fetch before commission; commission is paid at each fill
    n_unfilled : orders that a segment's end left unfilled
    """

    trades: NDArray[np.void]
    equity_change: FloatArray
    n_unfilled: int


def run_backtest(
    candles: pd.DataFrame, side: NDArray[np.int8], horizon: int, costs: InstrumentCosts, notional: float
) -> BacktestResult:
    """Trade one symbol's canonical `candles` (columns open, close, is_filled and segment are used).

    side : (n_bars,) wanted at each close: 1 long, -1 short, 0 none
    horizon : bars a position is held
    notional : account currency, worth of a position at its entry price
    """
    bars = _bars(candles, side, horizon, notional)
    # Entries of one segment are at least `horizon` bars apart.
    trades = np.zeros(bars.size // horizon + bars["is_last"].sum(), dtype=trade_dtype)
    equity_change = np.zeros(bars.size)
    rates = (costs.half_spread, costs.commission)
    n_trades, n_unfilled = _trade_bars(bars, horizon, float(notional), rates, trades, equity_change)
    return BacktestResult(trades[:n_trades].copy(), equity_change, n_unfilled)


def _bars(candles: pd.DataFrame, side: NDArray[np.int8], horizon: int, notional: float) -> NDArray[np.void]:
    if side.shape != (len(candles),) or not np.isin(side, (-1, 0, 1)).all():
        raise ValueError(f"side of shape {side.shape}: must be -1, 0 or 1 for each of {len(candles)} candles")
    if horizon < 1 or not 0 < notional < np.inf:
        raise ValueError(f"horizon {horizon} must be >= 1 and notional {notional} positive and finite")
    bars = np.zeros(len(candles), dtype=bar_dtype)
    for name in ("open", "close"):
        bars[name] = candles[name].to_numpy()
        if not (np.isfinite(bars[name]) & (bars[name] > 0)).all():
            raise ValueError(f"{name} prices must be positive and finite")
    segment = candles["segment"].to_numpy()
    bars["is_last"] = True
    bars["is_last"][:-1] = segment[1:] != segment[:-1]
    bars["is_filled"] = candles["is_filled"].to_numpy()
    bars["side"] = side
    return bars


@njit(cache=True)
def _trade_bars(
    bars: NDArray[np.void],
    horizon: int,
    notional: float,
    rates: Rates,
    trades: NDArray[np.void],
    equity_change: FloatArray,
) -> tuple[int, int]:
    n_trades = n_unfilled = order = 0  # order: side of the one that waits for a fill
    order_bar = due = 0  # due: first bar whose open may end the position
    is_held, mark = False, 0.0  # mark: price at which the open position was last valued
    for i in range(bars.size):
        bar = bars[i]
        if not bar.is_filled:
            if is_held and i >= due:
                equity_change[i] += _exit(trades[n_trades - 1], i, bar.open, mark, rates)
                is_held = False
            if order != 0:  # was made only because the position would be gone by now
                trade = trades[n_trades]
                trade.side, trade.decision_bar = order, order_bar
                equity_change[i] += _enter(trade, i, bar.open, notional, rates)
                mark, due = trade.entry_price, i + horizon
                n_trades, order, is_held = n_trades + 1, 0, True
        if is_held:
            trade = trades[n_trades - 1]
            if bar.is_last:
                equity_change[i] += _exit(trade, i, bar.close, mark, rates)
                trade.is_cut, is_held = True, False
            else:
                value = bar.close * (1 - trade.side * rates[0])
                equity_change[i] += trade.side * trade.quantity * (value - mark)
                mark = value
        if order == 0 and (not is_held or i + 1 >= due):
            order, order_bar = bar.side, i
        if bar.is_last and order != 0:
            n_unfilled, order = n_unfilled + 1, 0
    return n_trades, n_unfilled


@njit(cache=True)
def _enter(trade: np.record, bar: int, price: float, notional: float, rates: Rates) -> float:
    half_spread, commission = rates
    trade.entry_bar, trade.entry_price = bar, price * (1 + trade.side * half_spread)
    trade.quantity = notional / trade.entry_price
    trade.spread_cost = trade.quantity * price * half_spread
    trade.commission_cost = notional * commission
    return -trade.commission_cost  # change of equity


@njit(cache=True)
def _exit(trade: np.record, bar: int, price: float, mark: float, rates: Rates) -> float:
    half_spread, commission = rates
    trade.exit_bar, trade.exit_price = bar, price * (1 - trade.side * half_spread)
    paid = trade.quantity * trade.exit_price * commission
    trade.spread_cost += trade.quantity * price * half_spread
    trade.commission_cost += paid
    moved = trade.side * trade.quantity * (trade.exit_price - trade.entry_price)
    trade.gross_pnl, trade.net_pnl = moved + trade.spread_cost, moved - trade.commission_cost
    return trade.side * trade.quantity * (trade.exit_price - mark) - paid  # change of equity
