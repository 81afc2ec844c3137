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

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tapeline.backtest.kernel import (
    Book,
    Columns,
    Given,
    Rules,
    first_bad,
    run_bars,
)
from tapeline.backtest.records import (
    account_dtype,
    bar_dtype,
    candle_dtype,
    clock_dtype,
    order_dtype,
    position_dtype,
    quote_dtype,
    refused_dtype,
    summary_dtype,
    symbol_dtype,
    trade_dtype,
)

Records = NDArray[np.void]
Series = Mapping[str, NDArray[Any]]
ALL = Columns._fields
BLOCK = 1 << 16  # bars that accounts are traded on before the next ones, so that they stay in cache
NO_COLUMNS = Columns(*(np.zeros(0, dtype=bar_dtype[name]) for name in ALL))


@dataclass(frozen=True)
class TradedMarket:
    """What all backtests of one market at one price of trading share; ValueError names what can't be traded.

    quotes : (n_bars, n_symbols) of `quote_dtype`; clock : (n_bars,) of `clock_dtype`, days never fall
    symbols : (n_symbols,) of `symbol_dtype`
    basis : how far the venue's extremes may lie beyond the candle's, fraction of the price
    """

    quotes: Records
    clock: Records
    symbols: Records
    basis: float

    def __post_init__(self) -> None:
        _require_dtypes(
            quotes=(self.quotes, quote_dtype),
            clock=(self.clock, clock_dtype),
            symbols=(self.symbols, symbol_dtype),
        )
        shape = len(self.clock), len(self.symbols)
        if self.quotes.shape != shape:
            raise ValueError(f"candles of shape {self.quotes.shape}: must be {shape}")
        bad = first_bad(self.quotes, self.basis)
        if bad >= 0:
            bar, symbol = divmod(bad, shape[1])
            raise ValueError(_cannot(bar, symbol, self.quotes[bar, symbol]))

    @cached_property
    def has_price(self) -> NDArray[np.bool_]:
        """Whether any symbol has a price, (n_bars,)."""
        return np.asarray(self.quotes["has_price"].any(axis=1))


@dataclass(frozen=True)
class BacktestResult:
    """What happened to the account.

    trades : (n_trades,) of `trade_dtype`, by entry
    series : columns of `bar_dtype` by name, (n_bars,) each: those asked for, or such records
    n_unfilled : orders that found no open market for as long as they would have been held, or no margin
    refused : (n_refused,) of `refused_dtype`: those, and sides that became no order, each with the reason
    """

    trades: Records
    series: Series | Records
    n_unfilled: int
    refused: Records = field(default_factory=lambda: np.zeros(0, dtype=refused_dtype))

    @cached_property
    def bars(self) -> Records:
        """All columns as records, (n_bars,) of `bar_dtype`."""
        if isinstance(self.series, np.ndarray):
            return self.series
        bars = np.zeros(len(self.series["has_price"]), dtype=bar_dtype)
        for name in bar_dtype.names or ():
            bars[name] = self.series[name]
        return bars


def run_backtest(candles: Records, clock: Records, symbols: Records, rules: Rules) -> BacktestResult:
    """Trade `candles`, (n_bars, n_symbols) of `candle_dtype`; ValueError names what can't be traded."""
    _require_dtypes(candles=(candles, candle_dtype))
    quotes = np.zeros(candles.shape, dtype=quote_dtype)
    for name in quote_dtype.names or ():
        quotes[name] = candles[name]
    return run_orders(TradedMarket(quotes, clock, symbols, rules.basis), orders_in(candles), rules)


def orders_in(candles: Records) -> Records:
    """Sides wanted in `candles` of `candle_dtype` as lines of `order_dtype`."""
    bar, symbol = np.nonzero(candles["side"])
    orders = np.zeros(bar.size, dtype=order_dtype)
    orders["bar"], orders["symbol"] = bar, symbol
    for name in ("side", "tier", "quantity", "stop", "target"):
        orders[name] = candles[name][bar, symbol]
    return orders


def run_orders(
    market: TradedMarket, orders: Records, rules: Rules, columns: tuple[str, ...] = ALL
) -> BacktestResult:
    """Trade `orders`, of `order_dtype` by bar and symbol; ValueError names what can't be traded.

    columns : of `kernel.Columns`, those that the result holds; the fewer, the faster
    """
    _check(market, orders, rules)
    n_bars = len(market.clock)
    trades = np.zeros(len(orders), dtype=trade_dtype)
    refused = np.zeros(len(orders), dtype=refused_dtype)  # a side comes to one of both at most
    filled = Columns(*(np.zeros(n_bars * (name in columns), dtype=bar_dtype[name]) for name in ALL))
    accounts = new_account(rules)
    positions = np.zeros(len(market.symbols), dtype=position_dtype)
    given = Given(market.quotes, market.clock, market.symbols, orders, rules, np.zeros(0, np.int64), n_bars)
    book = Book(accounts, positions, trades, refused, filled, np.zeros(0, summary_dtype), np.zeros(0))
    run_bars(given, book)
    account = accounts[0]
    _require_balance(accounts)
    series = {name: column for name, column in filled._asdict().items() if name in columns}
    if columns == ALL:
        series["has_price"] = market.has_price
    made = trades[: account["n_trades"]]
    return BacktestResult(made, series, int(account["n_unfilled"]), refused[: account["n_refused"]])


class Summary(NamedTuple):
    """What an account came to of whose bars none was kept.

    trades : (n_trades,) of `trade_dtype`, by entry, to be read before the room's next account
    equity : (n_closes,) at the closes asked for, account currency
    max_drawdown, max_drawdown_inside : deepest fall from a running peak of closes, to a close and to a bar's
    worst, fractions of the peak
    """

    trades: Records
    equity: NDArray[np.float64]
    max_drawdown: float
    max_drawdown_inside: float


class Room:
    """Memory for one account after the other: pages that are there already need not be fetched anew."""

    def __init__(self) -> None:
        self._lines: dict[str, Records] = {}

    def lines(self, name: str, dtype: np.dtype[np.void], n: int) -> Records:
        """So many lines for `name`; what was in them is still in them."""
        if name not in self._lines or n > len(self._lines[name]):
            self._lines[name] = np.zeros(n, dtype=dtype)
        return self._lines[name][:n]


def sum_orders(
    market: TradedMarket, accounts: Sequence[tuple[Records, Rules, Room]], closes: NDArray[np.int64]
) -> list[Summary]:
    """Trade accounts side by side as `run_orders` does each, and keep no bar.

    accounts : orders, which are not checked since `plan_orders` made them; rules; a room that no other has
    closes : rising bars at whose close the equity is told
    """
    begun = [_begin(market, *account, closes) for account in accounts]
    n_bars = len(market.clock)
    for until in (*range(BLOCK, n_bars, BLOCK), n_bars):
        for given, book in begun:
            run_bars(given._replace(until=until), book)
    return [_end(book) for _, book in begun]


def _begin(
    market: TradedMarket, orders: Records, rules: Rules, room: Room, closes: NDArray[np.int64]
) -> tuple[Given, Book]:
    positions, summary = np.zeros(len(market.symbols), position_dtype), np.zeros(1, summary_dtype)
    for name in ("peak", "bottom", "bottom_inside"):
        summary[name] = rules.initial_balance
    trades, refused = (
        room.lines(name, dtype, len(orders))
        for name, dtype in (("trades", trade_dtype), ("refused", refused_dtype))
    )
    given = Given(market.quotes, market.clock, market.symbols, orders, rules, closes, 0)
    equity = np.zeros(len(closes))
    return given, Book(new_account(rules), positions, trades, refused, NO_COLUMNS, summary, equity)


def _end(book: Book) -> Summary:
    _require_balance(book.accounts)
    summary, n_trades = book.summary[0], book.accounts["n_trades"][0]
    depths = float(summary["drawdown"]), float(summary["drawdown_inside"])
    return Summary(book.trades[:n_trades], book.equity, *depths)


def new_account(rules: Rules) -> Records:
    """A new account, (1,) of `account_dtype`."""
    accounts = np.zeros(1, account_dtype)
    accounts["balance"] = accounts["midnight"] = rules.initial_balance
    return accounts


def _require_balance(accounts: Records) -> None:
    balance = accounts["balance"][0]
    if not np.isfinite(balance):
        raise ValueError(f"the account ends with a balance of {balance}")


def _check(market: TradedMarket, orders: Records, rules: Rules) -> None:
    _require_dtypes(orders=(orders, order_dtype))
    if rules.hold < 1 or rules.delay < 1 or not 0 < rules.initial_balance < np.inf:
        raise ValueError(f"hold, delay and initial balance must be positive: {rules}")
    if rules.basis != market.basis:
        raise ValueError(f"the rules' basis is {rules.basis}, the market's {market.basis}: must be the same")
    (n_bars, n_symbols), bar, symbol = market.quotes.shape, orders["bar"], orders["symbol"]
    is_there = (bar >= 0) & (bar < n_bars) & (symbol >= 0) & (symbol < n_symbols)
    if not is_there.all() or not (np.diff(bar * n_symbols + symbol) > 0).all():
        raise ValueError("orders must be of bars and symbols of the market, in their order")
    quantity, stop, side = orders["quantity"], orders["stop"], orders["side"]
    is_good = (quantity >= 0) & (quantity < np.inf) & (stop > 0) & (stop < np.inf) & (orders["target"] >= 0)
    is_good &= (side == 1) | ((side == -1) & ~market.symbols["is_spot"][symbol])
    is_good &= market.quotes["has_price"][bar, symbol]
    if not is_good.all():
        line = orders[np.argmin(is_good)]
        raise ValueError(_cannot(line["bar"], line["symbol"], line))


def _require_dtypes(**records: tuple[Records, np.dtype[np.void]]) -> None:
    for name, (found, expected) in records.items():
        if found.dtype != expected:
            raise ValueError(f"{name} are of dtype {found.dtype}, not {expected}")


def _cannot(bar: int, symbol: int, record: object) -> str:
    return f"bar {bar} of symbol {symbol} can't be traded: {record}"
