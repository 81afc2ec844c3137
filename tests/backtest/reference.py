"""The account once more, in plain Python and in quotes; nothing is shared with the engine.

What a trader sees are two prices, bid and ask. A position is worth what its closing side is quoted at: the
bid of a long, the ask of a short. Orders are of three kinds: a market order gets the quote less slippage, a
stop order becomes a market order once its price is quoted, a limit order gets its price or a better one and
only if the market went through it. Whatever the market does first, it does at the open. Equity is never
carried: on every bar it is added up anew from all closed trades and open positions.
"""

import math
from dataclasses import dataclass, field


def plain(record):
    """A record of numbers, and of records of numbers, as dicts."""
    return {
        name: plain(record[name]) if record.dtype[name].names else record[name].item()
        for name in record.dtype.names
    }


class Quotes:
    """One candle as whoever closes a position of `side` sees it."""

    def __init__(self, candle, side, basis=0.0):
        half = float(candle["half_spread"])
        self.per_mid = 1 - side * half  # bid or ask of one unit of the middle
        self.open = float(candle["open"]) * self.per_mid
        low, high = float(candle["low"]), float(candle["high"])
        bad, good = (low, high) if side == 1 else (high, low)
        self.bad, self.good = bad * self.per_mid, good * self.per_mid
        self.venue_bad = bad * (self.per_mid - side * basis)  # the venue's own extreme may lie further out


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
    slippage: float = 0.0  # last known
    costs: dict = field(
        default_factory=lambda: {"spread": 0.0, "slippage": 0.0, "commission": 0.0, "swap": 0.0}
    )
    worst: float = 0.0
    best: float = 0.0

    @property
    def stop(self):
        """Quote that sets the stop order off."""
        return self.entry_price - self.side * self.stop_distance

    @property
    def target(self):
        """Price of the limit order; None without one."""
        return self.entry_price + self.side * self.target_distance if self.target_distance else None

    def is_stopped_by(self, quote):
        """Whether a quote sets the stop order off; touching it does."""
        return quote <= self.stop if self.side == 1 else quote >= self.stop

    def is_won_at(self, quote):
        """Whether a quote lies through the limit order; touching it does not fill it."""
        if self.target is None:
            return False
        return quote > self.target if self.side == 1 else quote < self.target

    def stop_quote(self, quotes):
        """Quote that the stop order is filled at: the first one of the bar that was at it or beyond."""
        return quotes.open if self.is_stopped_by(quotes.open) else self.stop

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
        # As plain numbers: a field of a structured scalar takes longer to read than what follows from it.
        names = candles.dtype.names
        self.candles = [[dict(zip(names, c, strict=True)) for c in row] for row in candles.tolist()]
        self.clock = {name: clock[name].tolist() for name in clock.dtype.names}
        self.symbols, self.rules = [plain(symbol) for symbol in symbols], rules
        self.done, self.open, self.orders = [], {}, {}
        self.marks = {}  # symbol: middle and half spread last seen
        self.unfilled = 0
        self.refused = []  # (decision bar, symbol, side, reason, last bar, quantity ordered)

    def balance(self):
        """Everything closed, and the commission already paid for what is open."""
        paid = sum(t.costs["commission"] for t in self.open.values())
        return self.rules.initial_balance + sum(t.net for t in self.done) - paid

    def equity(self, quotes=None, with_commission=False):
        """Balance and what open positions are worth at `quotes` (symbol -> price), or at their marks."""
        total = self.balance()
        for s, t in self.open.items():
            mid, half = self.marks[s]
            price = quotes[s] if quotes and s in quotes else mid * (1 - t.side * half)
            total += t.pnl_at(price)
            if with_commission:
                total -= self.rules.exit_commission * self.symbols[s]["fee"]["rate"] * t.quantity * price
        return total

    def margin(self, positions=None):
        """Of open positions, or of those given."""
        positions = self.open if positions is None else positions
        return sum(t.quantity * t.entry_price / self.symbols[s]["leverage"] for s, t in positions.items())

    def is_called(self, equity):
        """Whether the broker closes what it lent for; coins bought in cash are nobody's margin."""
        lent = {s: t for s, t in self.open.items() if not self.symbols[s]["is_spot"]}
        return equity <= self.rules.stop_out * self.margin(lent)

    def means(self, s):
        """What an order of symbol `s` is paid from: equity, or no more than the cash where it needs cash."""
        return min(self.balance(), self.equity()) if self.symbols[s]["is_spot"] else self.equity()

    def fill_entry(self, s, i):
        """Fill the order at the open; 1 if there was margin or cash for it."""
        t, c = self.orders.pop(s), self.candles[i][s]
        ask_or_bid = c["open"] + t.side * c["open"] * c["half_spread"]
        price = float(ask_or_bid + t.side * c["open"] * c["slippage"])
        symbol = self.symbols[s]
        needed = price * t.quantity / symbol["leverage"]
        if symbol["is_spot"]:
            needed += symbol["fee"]["rate"] * price * t.quantity
        if self.margin() + needed > self.means(s):
            self.unfilled += 1
            self.end(t, "margin", i)
            return 0
        t.entry_bar, t.entry_mid, t.entry_price = i, float(c["open"]), price
        t.due, t.slippage = i + self.rules.hold, float(c["slippage"])
        t.pay(c["open"], c["half_spread"], c["slippage"], symbol["fee"]["rate"] * t.quantity * price)
        self.open[s], self.marks[s] = t, (c["open"], c["half_spread"])
        return 1

    def end(self, order, reason, i):
        """Note an order that ends without a fill."""
        self.refused.append((order.decision_bar, order.symbol, order.side, reason, i, order.quantity))

    def fill_exit(self, s, i, quote, half, slippage, reason):
        """Close a position at a quote of its closing side, half a spread from the middle, less slippage."""
        t = self.open.pop(s)
        mid = float(quote) / (1 - t.side * half)
        price = quote - t.side * mid * slippage
        t.exit_bar, t.exit_mid, t.exit_price, t.reason = i, mid, price, reason
        made = t.pnl_at(price)
        t.worst, t.best = max(t.worst, -made), max(t.best, made)
        t.pay(mid, half, slippage, self.symbols[s]["fee"]["rate"] * t.quantity * price)
        self.done.append(t)

    def run(self):
        """Return (trades by entry, bars as dicts, unfilled orders)."""
        rules, bars = self.rules, []
        midnight, guarded, ruined = rules.initial_balance, False, False
        n_bars, n_symbols = len(self.candles), len(self.symbols)
        for i in range(n_bars):
            row, is_last = self.candles[i], i == n_bars - 1
            opened = 0
            if i and self.clock["day"][i] != self.clock["day"][i - 1]:
                midnight, guarded = self.balance(), False
            for s, t in self.open.items():
                if row[s]["has_price"]:
                    self.marks[s] = row[s]["open"], row[s]["half_spread"]
                rate = self.symbols[s]["swap_long" if t.side == 1 else "swap_short"]
                t.costs["swap"] += self.clock["nights"][i] * rate * t.quantity * self.marks[s][0]
            at_open, low = self.equity(), self.equity(with_commission=True)
            requests = self.exits_at_open(i, row, self.is_called(low))
            flat_open = math.nan if self.open else self.balance()
            for s in sorted(self.orders):
                age = i - self.orders[s].decision_bar - rules.delay
                if age >= rules.hold:
                    self.end(self.orders.pop(s), "unfilled", i)
                    self.unfilled += 1
                elif age >= 0 and row[s]["may_open"] and s not in self.open:
                    opened += self.fill_entry(s, i)
            low = min(low, self.exits_inside(i, row))
            for s in range(n_symbols):
                if row[s]["has_price"]:
                    self.marks[s] = row[s]["close"], row[s]["half_spread"]
                if s in self.open and row[s]["can_fill"]:
                    self.open[s].slippage = float(row[s]["slippage"])
            for s in sorted(self.open) if is_last else ():
                (mid, half), t = self.marks[s], self.open[s]
                self.fill_exit(s, i, mid * (1 - t.side * half), half, t.slippage, "end")
            exposure = sum(t.quantity * self.marks[s][0] for s, t in self.open.items())
            n_open = len(self.open)
            equity = self.equity()
            low = min(low, equity)
            ruined = ruined or equity <= 0
            guarded = guarded or ruined or midnight - low >= rules.guard_loss
            if guarded:
                self.unfilled += len(self.orders)
                for s in range(n_symbols):
                    is_free = s not in self.open or i + rules.delay >= self.open[s].due
                    if s in self.orders:
                        self.end(self.orders[s], "guard", i)
                    elif row[s]["side"] and is_free:
                        self.refused.append((i, s, row[s]["side"], "guard", i, 0.0))
                self.orders.clear()
                for t in self.open.values():
                    if t.due > i + 1:
                        t.due, t.reason = i + 1, "guard"
            else:
                requests += sum(self.decide(s, i, row[s]) for s in range(n_symbols))
            if is_last:
                self.unfilled += len(self.orders)
                for order in self.orders.values():
                    self.end(order, "end", i)
                self.orders.clear()
            bars.append(
                {
                    "balance": self.balance(), "flat_open": flat_open, "equity_open": at_open,
                    "equity_low": low, "equity": equity, "exposure": exposure,
                    "n_open": n_open, "n_opened": opened, "n_requests": requests,
                    "has_price": any(candle["has_price"] for candle in row),
                }
            )  # fmt: skip
        return sorted(self.done, key=lambda t: (t.entry_bar, t.symbol)), bars, self.unfilled

    def exits_at_open(self, i, row, called):
        """Fill what the open fills; return how many orders to close had been sent for it."""
        requests = 0
        for s in sorted(self.open):
            t, c = self.open[s], row[s]
            if not c["can_fill"]:
                continue
            quote, half, slippage = Quotes(c, t.side).open, c["half_spread"], c["slippage"]
            if called and not self.symbols[s]["is_spot"]:  # the broker's own order
                self.fill_exit(s, i, quote, half, slippage, "stop_out")
                continue
            is_due = i >= t.due
            requests += is_due
            if t.is_won_at(quote):  # the limit order rests there; a better price is the trader's
                self.fill_exit(s, i, quote, half, 0.0, "target")
            elif is_due:
                self.fill_exit(s, i, quote, half, slippage, t.reason or "time")
            elif t.is_stopped_by(quote):
                self.fill_exit(s, i, quote, half, slippage, "stop")
        return requests

    def exits_inside(self, i, row):
        """Stops, the worst that the bar can have been (returned), the broker's own closing or targets."""
        rules, worst = self.rules, {}
        fillable = [s for s in sorted(self.open) if row[s]["can_fill"]]
        for s in fillable:
            t, c = self.open[s], row[s]
            quotes = Quotes(c, t.side, rules.basis)
            if t.is_stopped_by(quotes.venue_bad):
                self.fill_exit(s, i, t.stop_quote(quotes), c["half_spread"], c["slippage"], "stop")
                continue
            t.worst = max(t.worst, -t.pnl_at(quotes.venue_bad))
            t.best = max(t.best, t.pnl_at(quotes.good))
            worst[s] = quotes.venue_bad
        lowest = self.equity(worst, with_commission=True)
        called = self.margin() > 0 and self.is_called(lowest)
        for s in worst:
            t, c = self.open[s], row[s]
            quotes = Quotes(c, t.side)
            if called and not self.symbols[s]["is_spot"]:
                slippage = c["slippage"] + rules.basis
                self.fill_exit(s, i, quotes.bad, c["half_spread"], slippage, "stop_out")
            elif t.is_won_at(quotes.good):
                self.fill_exit(s, i, t.target, c["half_spread"], 0.0, "target")
        return lowest

    def decide(self, s, i, c):
        """Place an order if one is wanted and there is room; whether it was placed."""
        rules, symbol = self.rules, self.symbols[s]
        if c["side"] == 0 or s in self.orders or (s in self.open and i + rules.delay < self.open[s].due):
            return False
        others = {o for o in (*self.open, *self.orders) if o != s}
        used = self.margin({o: t for o, t in self.open.items() if o != s})
        used += sum(
            t.quantity * self.marks[o][0] / self.symbols[o]["leverage"] for o, t in self.orders.items()
        )
        room = max(0.0, rules.max_margin * self.means(s) - used) * symbol["leverage"] / c["close"]
        steps = math.floor(min(c["quantity"], room, symbol["maximum"]) / symbol["step"] * (1 + 1e-12))
        quantity = steps * symbol["step"]
        if len(others) >= rules.max_positions or steps == 0 or quantity < symbol["minimum"] * (1 - 1e-12):
            reason = "positions" if len(others) >= rules.max_positions else "size"
            self.refused.append((i, s, c["side"], reason, i, 0.0))
            return False
        wish = c["stop"], c["target"]
        self.orders[s] = Trade(s, c["side"], c["tier"], i, quantity, *wish)
        return True
