"""The engine's rules once more, in plain Python with one object a position; nothing is shared with it.

Equity is never carried: on every bar it is added up anew from all closed trades and open positions.
"""

import math
from dataclasses import dataclass, field


@dataclass
class Trade:
    """A position from its order on."""

    symbol: int
    side: int
    tier: int
    decision_bar: int
    quantity: float
    stop_distance: float
    target_distance: float
    entry_bar: int | None = None
    entry_mid: float = 0.0
    entry_price: float = 0.0
    exit_bar: int | None = None
    exit_price: float = 0.0
    exit_mid: float = 0.0
    reason: str = ""
    due: int = 0
    costs: dict = field(
        default_factory=lambda: {"spread": 0.0, "slippage": 0.0, "commission": 0.0, "swap": 0.0}
    )
    worst: float = 0.0
    best: float = 0.0

    @property
    def stop(self):
        """Price of the stop, as quoted to whoever leaves."""
        return self.entry_price - self.side * self.stop_distance

    @property
    def target(self):
        """Price of the target, likewise."""
        return self.entry_price + self.side * self.target_distance

    def pnl_at(self, price):
        """Between the filled entry and `price`, with swap, before the commission of leaving."""
        return self.side * (price - self.entry_price) * self.quantity + self.costs["swap"]

    def pay(self, mid, half_spread, slippage, commission):
        """Note the costs of one fill."""
        self.costs["spread"] += self.quantity * mid * half_spread
        self.costs["slippage"] += self.quantity * mid * slippage
        self.costs["commission"] += commission

    @property
    def gross(self):
        """Between middles."""
        return self.side * (self.exit_mid - self.entry_mid) * self.quantity

    @property
    def net(self):
        """After everything."""
        c = self.costs
        return self.gross - c["spread"] - c["slippage"] - c["commission"] + c["swap"]


class Account:
    """Run bar by bar."""

    def __init__(self, candles, clock, symbols, rules):
        self.candles, self.clock, self.symbols, self.rules = candles, clock, symbols, rules
        self.done, self.open, self.orders = [], {}, {}
        self.marks = {}
        self.unfilled = 0

    def balance(self):
        """Everything closed, and the commission already paid for what is open."""
        paid = sum(t.costs["commission"] for t in self.open.values())
        return self.rules.initial_balance + sum(t.net for t in self.done) - paid

    def equity(self, prices=None, with_commission=False):
        """Balance and what open positions are worth at `prices` (symbol -> price), or at their marks."""
        total = self.balance()
        for s, t in self.open.items():
            mid, half = self.marks[s]
            price = mid * (1 - t.side * half) if prices is None or s not in prices else prices[s]
            total += t.pnl_at(price)
            if with_commission:
                total -= self.rules.exit_commission * self.symbols[s]["commission"] * t.quantity * price
        return total

    def margin(self):
        """Of all open positions."""
        return sum(t.quantity * t.entry_price / self.symbols[s]["leverage"] for s, t in self.open.items())

    def buy(self, s, i):
        """Fill the order at the open; 1 if there was margin for it."""
        t, c = self.orders.pop(s), self.candles[i, s]
        price = c["open"] + t.side * c["open"] * (c["half_spread"] + c["slippage"])
        if self.margin() + price * t.quantity / self.symbols[s]["leverage"] > self.equity():
            self.unfilled += 1
            return 0
        t.entry_bar, t.entry_mid, t.entry_price = i, float(c["open"]), price
        t.due = i + self.rules.horizon
        t.pay(c["open"], c["half_spread"], c["slippage"], self.symbols[s]["commission"] * t.quantity * price)
        self.open[s], self.marks[s] = t, (c["open"], c["half_spread"])
        return 1

    def sell(self, s, i, mid, slippage, reason):
        """Close a position around `mid`."""
        t, half = self.open.pop(s), self.candles[i, s]["half_spread"]
        if not self.candles[i, s]["has_price"]:
            half = self.marks[s][1]
        price = mid - t.side * mid * (half + slippage)
        t.exit_bar, t.exit_mid, t.exit_price, t.reason = i, mid, price, reason
        made = t.pnl_at(price)
        t.worst, t.best = max(t.worst, -made), max(t.best, made)
        t.pay(mid, half, slippage, self.symbols[s]["commission"] * t.quantity * price)
        self.done.append(t)

    def run(self):
        """Return (trades by entry, bars as dicts, unfilled orders)."""
        rules, bars = self.rules, []
        midnight, guarded, ruined = rules.initial_balance, False, False
        n_bars, n_symbols = self.candles.shape
        for i in range(n_bars):
            row = self.candles[i]
            requests = opened = 0
            if i and self.clock["day"][i] != self.clock["day"][i - 1]:
                midnight, guarded = self.balance(), False
            for s, t in self.open.items():
                if row[s]["has_price"]:
                    self.marks[s] = row[s]["open"], row[s]["half_spread"]
                rate = self.symbols[s]["swap_long" if t.side == 1 else "swap_short"]
                t.costs["swap"] += self.clock["nights"][i] * rate * t.quantity * self.marks[s][0]
            at_open, low = self.equity(), self.equity(with_commission=True)
            called = low <= rules.stop_out * self.margin()
            for s in sorted(self.open):
                t, c = self.open[s], row[s]
                quote = c["open"] - t.side * c["open"] * c["half_spread"]
                if not c["can_fill"]:
                    continue
                if called:
                    self.sell(s, i, c["open"], c["slippage"], "stop_out")
                elif i >= t.due:
                    requests += 1
                    self.sell(s, i, c["open"], c["slippage"], t.reason or "time")
                elif (quote - t.stop) * t.side <= 0:
                    self.sell(s, i, c["open"], c["slippage"], "stop")
            flat_open = math.nan if self.open else self.balance()
            for s in sorted(self.orders):
                age = i - self.orders[s].decision_bar - rules.delay
                if age >= rules.horizon:
                    del self.orders[s]
                    self.unfilled += 1
                elif age >= 0 and row[s]["may_enter"] and s not in self.open:
                    opened += self.buy(s, i)
            low = self.inside(i, row, low)
            for s in range(n_symbols):
                if row[s]["has_price"]:
                    self.marks[s] = row[s]["close"], row[s]["half_spread"]
            if i == n_bars - 1:
                for s in sorted(self.open):
                    self.sell(s, i, self.marks[s][0], row[s]["slippage"], "end")
            exposure = sum(t.quantity * self.marks[s][0] for s, t in self.open.items())
            n_open = len(self.open)
            equity = self.equity()
            low = min(low, equity)
            ruined = ruined or equity <= 0
            guarded = guarded or ruined or midnight - low >= rules.guard_loss
            if guarded:
                self.unfilled += len(self.orders)
                self.orders.clear()
                for t in self.open.values():
                    if t.due > i + 1:
                        t.due, t.reason = i + 1, "guard"
            else:
                requests += sum(self.decide(s, i, row[s], equity) for s in range(n_symbols))
            if i == n_bars - 1:
                self.unfilled += len(self.orders)
                self.orders.clear()
            bars.append(
                {
                    "balance": self.balance(), "flat_open": flat_open, "equity_open": at_open,
                    "equity_low": low, "equity": equity, "exposure": exposure,
                    "n_open": n_open, "n_opened": opened, "n_requests": requests,
                    "has_price": bool(row["has_price"].any()),
                }
            )  # fmt: skip
        return sorted(self.done, key=lambda t: (t.entry_bar, t.symbol)), bars, self.unfilled

    def inside(self, i, row, low):
        """Stops, the worst that the bar can have been, the broker's own closing or targets."""
        rules, worst = self.rules, {}
        for s in sorted(self.open):
            t, c = self.open[s], row[s]
            if not c["can_fill"]:
                continue
            far = 1 - t.side * (c["half_spread"] + rules.basis)
            price = (c["low"] if t.side == 1 else c["high"]) * far
            if (price - t.stop) * t.side <= 0:
                self.sell(s, i, t.stop / (1 - t.side * c["half_spread"]), c["slippage"], "stop")
                continue
            good = (c["high"] if t.side == 1 else c["low"]) * (1 - t.side * c["half_spread"])
            t.worst, t.best = max(t.worst, -t.pnl_at(price)), max(t.best, t.pnl_at(good))
            worst[s] = price
        lowest = self.equity(worst, with_commission=True)
        called = self.margin() > 0 and lowest <= rules.stop_out * self.margin()
        for s in sorted(self.open):
            t, c = self.open[s], row[s]
            if not c["can_fill"]:
                continue
            if called:
                mid = c["low"] if t.side == 1 else c["high"]
                self.sell(s, i, mid, c["slippage"] + rules.basis, "stop_out")
            elif t.target_distance > 0:
                good = (c["high"] if t.side == 1 else c["low"]) * (1 - t.side * c["half_spread"])
                if (good - t.target) * t.side > 0:
                    self.sell(s, i, t.target / (1 - t.side * c["half_spread"]), 0.0, "target")
        return min(low, lowest)

    def decide(self, s, i, c, equity):
        """Place an order if one is wanted and there is room; whether it was placed."""
        rules, symbol = self.rules, self.symbols[s]
        if c["side"] == 0 or s in self.orders or (s in self.open and i + rules.delay < self.open[s].due):
            return False
        others = {o for o in (*self.open, *self.orders) if o != s}
        used = sum(
            t.quantity * t.entry_price / self.symbols[o]["leverage"] for o, t in self.open.items() if o != s
        )
        used += sum(
            t.quantity * self.marks[o][0] / self.symbols[o]["leverage"] for o, t in self.orders.items()
        )
        room = max(0.0, rules.max_margin * equity - used) * symbol["leverage"] / c["close"]
        steps = math.floor(min(c["quantity"], room, symbol["maximum"]) / symbol["step"] * (1 + 1e-12))
        quantity = steps * symbol["step"]
        if len(others) >= rules.max_positions or steps == 0 or quantity < symbol["minimum"] * (1 - 1e-12):
            return False
        wish = float(c["stop"]), float(c["target"])
        self.orders[s] = Trade(s, int(c["side"]), int(c["tier"]), i, quantity, *wish)
        return True
