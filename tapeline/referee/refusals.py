"""Whether the reasons hold for which sides became no trade, by the account's own trades and equity.

What is uncertain of a price, when spreads are widened or where inside a candle, is taken in favour of the
refusal.
"""

from collections.abc import Callable
from functools import cached_property

import numpy as np

from tapeline.referee.candles import FloatArray, Mask, microseconds
from tapeline.referee.clock import account_day
from tapeline.referee.findings import Findings, Place
from tapeline.referee.orders import Account, Bars, SymbolOrders
from tapeline.referee.prices import slippage, true_range
from tapeline.referee.rules import AccountRules

DECISIONS = "decisions"
ROUNDING = 1e-6  # of a lot step, of a sum of money


def check_refused(
    account: Account, made: list[SymbolOrders], rules: AccountRules, title: str, findings: Findings
) -> None:
    """Every reason that is stated holds by the account's own trades, orders, candles and equity."""
    judge = _Reasons(account, made, rules)
    judges: dict[str, Callable[[SymbolOrders, int, int], bool]] = {
        "guard": judge.is_day_over,
        "positions": judge.is_full,
        "size": judge.is_too_small,
        "margin": judge.lacks_margin,
        "unfilled": judge.found_no_market,
        "end": judge.found_no_market,
    }
    for own in made:
        place, times = Place(symbol=own.candles.symbol), microseconds(own.refused["decision_time"])
        reasons = own.refused["reason"].tolist()
        holds = [
            reason in judges and bool(judges[reason](own, k, bar))
            for k, (reason, bar) in enumerate(zip(reasons, own.wanted.tolist(), strict=True))
        ]
        what = f"{title}: reason of a refusal"
        findings.hold(DECISIONS, what, np.array(holds, bool), np.array(reasons, str), "so", place, times)


class _Reasons:
    """Reasons of refusals, judged; what is uncertain is taken in favour of the refusal."""

    def __init__(self, account: Account, made: list[SymbolOrders], rules: AccountRules) -> None:
        self.made, self.rules = made, rules
        self.times = microseconds(account.path.index.to_series())
        self.equity, self.lowest = (account.path[name].to_numpy() for name in ("equity", "equity_low"))

    def is_full(self, own: SymbolOrders, k: int, bar: int) -> bool:
        """As many others are open or ordered at that close as may be."""
        n_taken = sum(int(other.is_taken[bar]) for other in self.made if other is not own)
        return bool(own.refused["quantity"].iloc[k] == 0 and n_taken >= self.rules.max_positions)

    def is_too_small(self, own: SymbolOrders, k: int, bar: int) -> bool:
        """The risk, or the margin that is left, does not pay for a lot step."""
        rules, instrument = self.rules, own.instrument
        row = np.array([own.row[bar]])
        price, side = float(own.candles.close[row[0]]), int(own.refused["side"].iloc[k])
        stop = rules.stop * float(true_range(own.candles, rules.atr_candles, row)[0])
        slip = float(slippage(own.candles, rules, row)[0])
        half = float(own.half_spread_at_fill(np.array([bar]), rules)[0])
        entry = price * (1 + side * (half + slip))
        trigger = max(entry - side * stop, 0.0)
        out = trigger * (1 - side * slip / (1 - side * half))
        loss = side * (entry - out) + instrument.commission * (entry + out)
        by_risk = rules.risk * rules.initial_balance / loss
        worth = float(self.equity[bar])
        if instrument.is_cash:
            worth = min(worth, self.balance(bar))
        free = rules.max_margin * worth - self.margin(own, bar)
        by_margin = free * instrument.leverage / price
        return own.refused["quantity"].iloc[k] == 0 and (
            min(by_risk, by_margin, instrument.maximum) < instrument.step * (1 + ROUNDING)
        )

    def lacks_margin(self, own: SymbolOrders, k: int, bar: int) -> bool:
        """At the open that the order found, it needed more than was left."""
        at, order = int(own.ended[k]), own.refused.iloc[k]
        row = np.array([own.row[at]])
        half = own.instrument.spread / 2 * self.rules.widening
        slip = float(slippage(own.candles, self.rules, row)[0])
        entry = float(own.candles.open[row[0]]) * (1 + order["side"] * (half + slip))
        needed = entry * order["quantity"] / own.instrument.leverage
        needed += own.instrument.is_cash * own.instrument.commission * entry * order["quantity"]
        worth = balance = self.balance(at - 1) + sum(
            float(np.minimum(each.net, 0)[each.left == at].sum() - each.paid[each.entered == at].sum())
            for each in self.made
        )
        margin = 0.0
        for other in self.made:
            if other is own:
                continue  # its own position is gone before its order is filled
            held = (other.entered <= at) & (at <= other.left)
            margin += float(other.margin[held].sum())
            worth += float(self._open_value(other, held, at, other.candles.open).sum())
        worth = min(worth, balance) if own.instrument.is_cash else worth
        return (
            order["quantity"] > 0
            and bool(own.is_real[at])
            and margin + needed > worth - ROUNDING * abs(worth)
        )

    def found_no_market(self, own: SymbolOrders, k: int, bar: int) -> bool:
        """While the order waited no candle could fill it: none was real, open and without a position."""
        first = bar + self.rules.candles_waited(own.candles.rules.step)
        last = first + self.rules.hold
        is_end = own.refused["reason"].iloc[k] == "end"
        is_over = own.ended[k] == (own.n_bars - 1 if is_end else last) and (not is_end or last >= own.n_bars)
        # A position that ends at an open is gone before orders are filled there, one that a stop ends is not.
        can_fill = own.is_real & ~own.covered(own.entered, own.left + 1)
        window = slice(first, min(last, own.n_bars))
        is_shut = not self.rules.is_always_open or not can_fill[window].any()
        return own.refused["quantity"].iloc[k] > 0 and bool(is_over) and is_shut

    def is_day_over(self, own: SymbolOrders, k: int, bar: int) -> bool:
        """The day's loss, at the worst of every candle so far, may have come to the guard; or all is lost."""
        at = int(own.ended[k])
        if (self.equity[: at + 1] <= 0).any():
            return True
        if not np.isfinite(self.rules.guard_loss):
            return False
        first = int(self._first_of_day[at])
        lost = self.balance(first - 1) - self.lowest[first : at + 1].min()
        return bool(lost >= self.rules.guard_loss * (1 - ROUNDING))

    def balance(self, bar: int) -> float:
        """At a close; -1 is before the first."""
        return float(self._balances[bar]) if bar >= 0 else self.rules.initial_balance

    def margin(self, own: SymbolOrders, bar: int) -> float:
        """Of other symbols' positions and orders at a close."""
        total = 0.0
        for other in self.made:
            if other is own:
                continue
            total += float(other.margin[(other.entered <= bar) & (bar < other.left)].sum())
            mark = float(other.candles.close[other.row[bar]])
            for table, first, last in (
                (other.trades, other.decided, other.entered),
                (other.refused, other.wanted, other.waited_until),
            ):
                ordered = table["quantity"].to_numpy(np.float64)[(first <= bar) & (bar < last)]
                total += float(ordered.sum()) * mark / other.instrument.leverage
        return total

    @cached_property
    def _first_of_day(self) -> Bars:
        """First bar of the day in Prague that each bar is of; (n_bars,)."""
        day = account_day(self.times)
        bars = np.arange(len(day))
        is_first = np.r_[True, day[1:] != day[:-1]]
        return np.maximum.accumulate(np.where(is_first, bars, 0))

    @cached_property
    def _balances(self) -> FloatArray:
        """Balance at each close: closed PnL, less commissions paid for what is open; (n_bars,)."""
        change = np.zeros(self.times.size)
        change[0] = self.rules.initial_balance
        for own in self.made:
            np.add.at(change, own.entered, -own.paid)
            np.add.at(change, own.left, own.net + own.paid)
        return np.cumsum(change)

    def _open_value(self, own: SymbolOrders, held: Mask, bar: int, prices: FloatArray) -> FloatArray:
        price = np.full(int(held.sum()), prices[own.row[bar]])
        return self._value(own, held, price, 0.0)

    def _value(self, own: SymbolOrders, held: Mask | Bars, price: FloatArray, basis: float) -> FloatArray:
        """Open PnL of the trades `held` at a mid price each, closed on the dear side, swap included."""
        trades = own.trades.iloc[held]
        side, quantity = (trades[name].to_numpy(np.float64) for name in ("side", "quantity"))
        quote = price * (1 - side * (own.instrument.spread / 2 * self.rules.widening + basis))
        made = side * quantity * (quote - trades["entry_price"].to_numpy(np.float64))
        fee = own.instrument.commission * quantity * quote
        value: FloatArray = made - fee + np.minimum(trades["swap"].to_numpy(np.float64), 0.0)
        return value
