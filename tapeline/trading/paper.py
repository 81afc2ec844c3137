"""The paper account: a candidate's own account, kept up as candles and predictions come."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tapeline.backtest.portfolio import measure_moves, plan_orders, rules_of
from tapeline.backtest.pricing import Market, price_market
from tapeline.backtest.records import quote_dtype
from tapeline.backtest.running import RunningAccount, Stretch
from tapeline.backtest.signals import make_signals
from tapeline.candles import count_missing, flat_candles, is_too_long
from tapeline.schema import PRICES
from tapeline.tiers import NO_TIER
from tapeline.trading.params import TradingParams

Records = NDArray[np.void]
# Tables would take longer to be made than to be traded: a minute of a hundred symbols is a row of each.
# `timestamp` is an open time, microseconds; one that is marked as filled is known and not traded.
paper_candle_dtype = np.dtype([("timestamp", "i8"), *((name, "f8") for name in PRICES), ("is_filled", "?")])
# `symbol` is a position in the account's, `tier` one in the params' names of tiers, NaN outside all.
told_dtype = np.dtype(
    [("symbol", "i8"), ("timestamp", "i8"), ("probability", "f8"), ("trend_strength", "f8"), ("tier", "f8")]
)
NONE = np.zeros(0, paper_candle_dtype)


class Traded(NamedTuple):
    """What a stretch of bars came to."""

    timestamp: pd.DatetimeIndex  # open times of its bars
    stretch: Stretch


class PaperAccount:
    """An account of `symbols` from the bar of `first` on, begun flat with the initial balance.

    Cut into stretches however one likes, the same candles and predictions come to the account that a backtest
    of all of them has; but it has not ended, so nothing leaves at the last mark.

    max_fill : candles of a gap that are filled flat, by which later ranges and deviations reckon
    """

    def __init__(
        self, symbols: tuple[str, ...], first: pd.Timestamp, params: TradingParams, max_fill: int
    ) -> None:
        self.symbols, self.first, self.params = symbols, first, params
        self._max_fill, self._step = max_fill, pd.Timedelta(minutes=params.minutes)
        self._step_us = params.minutes * 60_000_000
        self._kept = dict.fromkeys(symbols, NONE)
        self._reach = reach_of(params)
        blank = price_market(self._market(first, 1), params.names, params.costs, params.execution)
        orders = params.signals, params.execution, params.hold, params.guard_loss
        self._account = RunningAccount(len(symbols), rules_of(blank, *orders))

    @property
    def next(self) -> pd.Timestamp:
        """Open time of the first bar that is not traded yet."""
        return self.first + self._account.next_bar * self._step

    @property
    def trades(self) -> Records:
        """As of `RunningAccount.trades`; bars are counted from `first`."""
        return self._account.trades

    @property
    def n_unfilled(self) -> int:
        """Orders that became no trade so far."""
        return int(self._account.account["n_unfilled"][0])

    @property
    def n_open(self) -> int:
        """Positions that are open now."""
        return int(self._account.account["n_open"][0])

    @property
    def midnight_balance(self) -> float:
        """Balance at which the account's day began."""
        return float(self._account.account["midnight"][0])

    @property
    def is_guarded(self) -> bool:
        """Whether the guard has ended the account's day."""
        return bool(self._account.account["is_guarded"][0])

    def ended(self) -> tuple[Records, Stretch | None]:
        """All trades and the last stretch, as if no candle came any more."""
        return self._account.ended()

    def learn(self, candles: Mapping[str, Records]) -> None:
        """Take candles from before the next bar, by symbol, as `trade` does; they are not traded."""
        for symbol, rows in candles.items():
            self._add(symbol, rows)
            self._kept[symbol] = self._kept[symbol][-self._reach :].copy()

    def trade(self, until: pd.Timestamp, candles: Mapping[str, Records], predictions: Records) -> Traded:
        """Trade the bars from the next one to that of `until`, which is traded as well.

        candles : by symbol, the real ones among them, of `paper_candle_dtype`, rising, at most one a bar;
            one that came behind its bar is marked as filled: known to what follows, not traded
        predictions : of `told_dtype`, NaN where there is no number; only what was told in time
        """
        n_bars = (until - self.next) // self._step + 1
        if n_bars < 1:
            raise ValueError(f"{until} has been traded: the next bar is {self.next}")
        lead = min(1, self._account.next_bar)  # nights are counted from the bar before
        begin = self.next
        for symbol, rows in candles.items():
            if len(rows):
                self._add(symbol, rows)
        market = self._market(begin - lead * self._step, lead + n_bars + 1)
        rows = predictions[predictions["timestamp"] >= _microseconds(begin)]
        bars = (rows["timestamp"] - _microseconds(market.timestamp[0])) // self._step_us
        told = {}
        for name in ("probability", "trend_strength", "tier"):
            told[name] = np.full(market.sigma.shape, np.nan)
            told[name][bars, rows["symbol"]] = rows[name]
        tiers = np.where(np.isnan(told["tier"]), NO_TIER, told["tier"]).astype(np.int8)
        params = self.params
        signals = make_signals(told["probability"], told["trend_strength"], params.signals, tiers)
        priced = price_market(market, params.names, params.costs, params.execution)
        plan = plan_orders(priced, signals, params.signals, params.execution, params.hold, params.guard_loss)
        stretch = self._account.trade(priced.traded, plan.orders, lead)
        for symbol in candles:
            self._kept[symbol] = self._kept[symbol][-self._reach :].copy()
        return Traded(market.timestamp[lead:-1], stretch)

    def _market(self, first: pd.Timestamp, n_bars: int) -> Market:
        """The candles at hand on a clock of so many bars from `first` on; of its last, nothing is known."""
        windows = self.params.execution.volatility_candles, self.params.signals.atr_candles
        clock = pd.date_range(first, periods=n_bars, freq=self._step, unit="us")
        shape = n_bars, len(self.symbols)
        quotes = np.zeros(shape, dtype=quote_dtype)
        for name in PRICES:
            quotes[name] = np.nan
        sigma, atr = np.full(shape, np.nan), np.full(shape, np.nan)
        for s, symbol in enumerate(self.symbols):
            kept = self._kept[symbol]
            bars = (kept["timestamp"] - _microseconds(first)) // self._step_us
            begun = int(np.searchsorted(bars, 0))
            if begun == len(kept):
                continue
            at = bars[begun:]
            for name in PRICES:
                quotes[name][at, s] = kept[name][begun:]
            quotes["has_price"][at, s] = ~kept["is_filled"][begun:]
            known_at_open, reach = measure_moves(kept["high"], kept["low"], kept["close"], *windows)
            sigma[at, s], atr[at, s] = known_at_open[begun:], reach[begun:]
        return Market(clock, self.params.minutes, self.symbols, quotes, sigma, atr)

    def _add(self, symbol: str, rows: Records) -> None:
        """Keep candles of a symbol, which rise, the gaps before them filled where they are short."""
        both = np.concatenate([self._kept[symbol], rows])
        known = both[-len(rows) - 1 :]
        missing = count_missing(np.diff(known["timestamp"]), self._step_us)
        before = np.flatnonzero((missing > 0) & ~is_too_long(missing, self._max_fill))
        if len(before):
            of = np.repeat(before, missing[before])
            nth = np.arange(len(of)) - np.searchsorted(of, of) + 1
            filled = np.zeros(len(of), paper_candle_dtype)
            filled["timestamp"], filled["is_filled"] = known["timestamp"][of] + nth * self._step_us, True
            flat = flat_candles(known["close"][of])
            for name in PRICES:
                filled[name] = flat[name]
            both = np.concatenate([both, filled])
            both = both[np.argsort(both["timestamp"], kind="stable")]
        self._kept[symbol] = both


def reach_of(params: TradingParams) -> int:
    """Candles that an order's size and slippage reckon by.

    A deviation of n returns up to the candle before takes n + 2 of them, an average of n ranges n + 1.
    """
    return max(params.execution.volatility_candles + 2, params.signals.atr_candles + 1)


def _microseconds(time: pd.Timestamp) -> int:
    return time.value // 1000
