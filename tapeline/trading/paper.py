"""The paper account: a candidate's own account, kept up as candles and predictions come."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tapeline.backtest.portfolio import align_candles, align_predictions, plan_orders, rules_of
from tapeline.backtest.pricing import Market, price_market
from tapeline.backtest.records import quote_dtype
from tapeline.backtest.running import RunningAccount, Stretch
from tapeline.backtest.signals import make_signals
from tapeline.candles import count_missing, flat_candles, is_too_long
from tapeline.schema import PRICES
from tapeline.tiers import NO_TIER
from tapeline.trading.params import TradingParams

Records = NDArray[np.void]


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
        self._kept = {name: empty_candles() for name in symbols}
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

    def learn(self, candles: Mapping[str, pd.DataFrame]) -> None:
        """Take real candles from before the next bar, by symbol, which are not traded any more."""
        for symbol, table in candles.items():
            self._add(symbol, table)
            self._kept[symbol] = self._kept[symbol][-self._reach :]

    def trade(
        self,
        until: pd.Timestamp,
        candles: Mapping[str, pd.DataFrame],
        predictions: pd.DataFrame,
        behind: Mapping[str, pd.DataFrame] | None = None,
    ) -> Traded:
        """Trade the bars from the next one to that of `until`, which is traded as well.

        candles : by symbol, the real ones among them: `timestamp` and prices, at most one a bar
        predictions : `symbol`, `timestamp`, `probability`, `trend_strength`, NaN where there is none, and
            `tier`, a position in the params' names of tiers; only what was told in time
        behind : like `candles`, those that came when a later bar had begun: known to what follows, not traded
        """
        n_bars = (until - self.next) // self._step + 1
        if n_bars < 1:
            raise ValueError(f"{until} has been traded: the next bar is {self.next}")
        lead = min(1, self._account.next_bar)  # nights are counted from the bar before
        first = self.next - lead * self._step
        for symbol in self.symbols:
            now, late = candles.get(symbol, empty_candles()), (behind or {}).get(symbol, empty_candles())
            if len(now) or len(late):
                self._add(symbol, now, late)
        market = self._market(first, lead + n_bars + 1)
        rows = predictions[predictions["timestamp"] >= self.next]
        sides = {name: align_predictions(market, rows, name) for name in ("probability", "trend_strength")}
        tier = align_predictions(market, rows, "tier")
        tiers = np.where(np.isnan(tier), NO_TIER, tier).astype(np.int8)
        params = self.params
        signals = make_signals(sides["probability"], sides["trend_strength"], params.signals, tiers)
        priced = price_market(market, params.names, params.costs, params.execution)
        plan = plan_orders(priced, signals, params.signals, params.execution, params.hold, params.guard_loss)
        stretch = self._account.trade(priced.traded, plan.orders, lead)
        for symbol in self.symbols:
            self._kept[symbol] = self._kept[symbol][-self._reach :]
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
            table = self._kept[symbol]
            if table.empty or table["timestamp"].iloc[-1] < first:
                continue
            own = align_candles({symbol: table}, first, self.params.minutes, *windows)
            n = len(own.timestamp)
            quotes[:n, s], sigma[:n, s], atr[:n, s] = own.candles[:, 0], own.sigma[:, 0], own.atr[:, 0]
        return Market(clock, self.params.minutes, self.symbols, quotes, sigma, atr)

    def _add(self, symbol: str, candles: pd.DataFrame, behind: pd.DataFrame | None = None) -> None:
        """Keep real candles of a symbol, the gaps before them filled where they are short."""
        kept, columns = self._kept[symbol], ["timestamp", *PRICES]
        rows = candles[columns].assign(is_filled=False)
        if behind is not None and len(behind):
            # Marked as filled ones are: their bar is over, and nobody can have traded on them.
            both = [part for part in (rows, behind[columns].assign(is_filled=True)) if len(part)]
            rows = pd.concat(both, ignore_index=True).sort_values("timestamp", ignore_index=True)
        known = pd.concat([kept[-1:], rows], ignore_index=True) if len(kept) else rows
        missing = count_missing(known["timestamp"].diff().to_numpy()[1:], self._step.to_timedelta64())
        is_filled = (missing > 0) & ~is_too_long(missing, self._max_fill)
        parts = [kept, rows]
        for k in np.flatnonzero(is_filled):
            before, n = known.iloc[k], int(missing[k])
            times = before["timestamp"] + self._step * np.arange(1, n + 1)
            flat = {name: flat_candles(np.full(n, before["close"]))[name] for name in PRICES}
            parts.append(pd.DataFrame({"timestamp": times, **flat, "is_filled": True}))
        table = pd.concat([part for part in parts if len(part)], ignore_index=True)
        self._kept[symbol] = table.sort_values("timestamp", ignore_index=True)


def reach_of(params: TradingParams) -> int:
    """Candles that an order's size and slippage reckon by.

    A deviation of n returns up to the candle before takes n + 2 of them, an average of n ranges n + 1.
    """
    return max(params.execution.volatility_candles + 2, params.signals.atr_candles + 1)


def empty_candles() -> pd.DataFrame:
    """No candles, with the columns of canonical ones that trading takes."""
    prices = dict.fromkeys(PRICES, np.zeros(0))
    times = pd.DatetimeIndex([], tz="UTC", dtype="datetime64[us, UTC]")
    return pd.DataFrame({"timestamp": times, **prices, "is_filled": np.zeros(0, dtype=bool)})
