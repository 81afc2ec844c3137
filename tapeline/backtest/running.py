"""An account that is traded as its bars come: the engine's own kernel, its state kept in between."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tapeline.backtest.engine import ALL, TradedMarket, new_account
from tapeline.backtest.kernel import Book, Columns, Given, Rules, run_bars
from tapeline.backtest.records import (
    bar_dtype,
    position_dtype,
    refused_dtype,
    summary_dtype,
    trade_dtype,
)

Records = NDArray[np.void]


class Stretch(NamedTuple):
    """What happened on some bars; bars are counted from the account's first.

    bars : (n,) of `bar_dtype`; opened, closed : positions in the account's trades
    refused : of `refused_dtype`
    """

    first: int
    bars: Records
    opened: NDArray[np.int64]
    closed: NDArray[np.int64]
    refused: Records


class _State(NamedTuple):
    """Between two bars. Bars in it are counted from the account's first, as are those of what it says."""

    account: Records  # (1,) of `account_dtype`
    positions: Records
    open: NDArray[np.int64]  # positions in the account's trades of those that have not ended, rising
    lines: Records  # those trades as they stand
    n_trades: int


class _Part(NamedTuple):
    """Bars that were traded in one go, and the state before them."""

    state: _State
    market: TradedMarket
    orders: Records
    lead: int


class RunningAccount:
    """One account over `n_symbols`; any cut of the same bars into stretches comes to the same.

    trades : (n_trades,) of `trade_dtype` so far, by entry; those still open have an `exit_bar` of -1
    """

    def __init__(self, n_symbols: int, rules: Rules) -> None:
        self.rules = rules
        self._trades = np.zeros(0, trade_dtype)
        positions = np.zeros(n_symbols, position_dtype)
        self._state = _State(new_account(rules), positions, np.zeros(0, np.int64), self._trades, 0)
        self._last: _Part | None = None

    @property
    def trades(self) -> Records:
        """As the class says."""
        return self._trades[: self._state.n_trades]

    @property
    def next_bar(self) -> int:
        """The first bar that is not traded yet."""
        return int(self._state.account["next_bar"][0])

    @property
    def account(self) -> Records:
        """A copy of the account's record, (1,) of `account_dtype`."""
        return self._state.account.copy()

    @property
    def positions(self) -> Records:
        """A copy of what is kept of each symbol, (n_symbols,) of `position_dtype`."""
        return self._state.positions.copy()

    def trade(self, market: TradedMarket, orders: Records, lead: int = 0) -> Stretch:
        """Trade the bars of `market` but its last, which stands for those to come.

        lead : bars at its beginning that were traded before, for what is counted from bar to bar
        orders : of `order_dtype`, of bars from `lead` on, their bars counted in `market`
        """
        part = _Part(self._state, market, orders, lead)
        self._state, trades, stretch = self._run(part, len(market.clock) - 1)
        self._keep(trades)
        self._last = part
        return stretch

    def ended(self) -> tuple[Records, Stretch | None]:
        """All trades, and the last stretch, as if no bar came any more: what is open leaves at its mark."""
        if self._last is None:
            return self.trades.copy(), None
        market = self._last.market
        whole = TradedMarket(market.quotes[:-1], market.clock[:-1], market.symbols, market.basis)
        state, trades, stretch = self._run(self._last._replace(market=whole), len(whole.clock))
        ended = self.trades.copy()
        for number, line in trades.items():
            ended[number] = line
        return ended[: state.n_trades], stretch

    def _run(self, part: _Part, until: int) -> tuple[_State, dict[int, Records], Stretch]:
        """Trade a part; return the state after it, the trades that it changed by number, what happened."""
        before, market = part.state, part.market
        account, positions = before.account.copy(), before.positions.copy()
        first = int(account["next_bar"][0])
        shift = first - part.lead  # of bars, from those of the part to the account's
        n_carried = len(before.open)
        account["next_bar"], account["next_order"] = part.lead, 0
        account["n_trades"], account["n_refused"] = n_carried, 0
        for name in ("due", "order_bar"):
            positions[name] -= shift
        n_lines = n_carried + int(account["n_waiting"][0]) + len(part.orders)
        trades, refused = np.zeros(n_lines, trade_dtype), np.zeros(n_lines, refused_dtype)
        trades["exit_bar"] = -1 - shift
        trades[:n_carried] = before.lines
        for name in ("decision_bar", "entry_bar", "exit_bar"):
            trades[name][:n_carried] -= shift
        is_held = positions["side"] != 0
        positions["trade"][is_held] = np.searchsorted(before.open, positions["trade"][is_held])
        columns = Columns(*(np.zeros(len(market.clock), dtype=bar_dtype[name]) for name in ALL))
        given = Given(
            market.quotes, market.clock, market.symbols, part.orders, self.rules, np.zeros(0, np.int64), until
        )
        book = Book(account, positions, trades, refused, columns, np.zeros(0, summary_dtype), np.zeros(0))
        run_bars(given, book)
        n_made, n_refused = int(account["n_trades"][0]), int(account["n_refused"][0])
        numbers = np.concatenate([before.open, before.n_trades + np.arange(n_made - n_carried)])
        trades, refused = trades[:n_made], refused[:n_refused]
        is_closed = trades["exit_bar"] >= part.lead
        for name in ("decision_bar", "entry_bar", "exit_bar"):
            trades[name] += shift
        for name in ("decision_bar", "last_bar"):
            refused[name] += shift
        for name in ("due", "order_bar"):
            positions[name] += shift
        is_held = positions["side"] != 0
        positions["trade"][is_held] = numbers[positions["trade"][is_held]]
        account["next_bar"] += shift
        bars = np.zeros(until - part.lead, dtype=bar_dtype)
        for name in ALL:
            bars[name] = getattr(columns, name)[part.lead : until]
        bars["has_price"] = market.has_price[part.lead : until]
        n_trades = before.n_trades + n_made - n_carried
        state = _State(account, positions, numbers[~is_closed], trades[~is_closed], n_trades)
        stretch = Stretch(first, bars, numbers[n_carried:], numbers[is_closed], refused)
        return state, dict(zip(numbers.tolist(), trades, strict=True)), stretch

    def _keep(self, trades: dict[int, Records]) -> None:
        """Take changed trades; room for more is doubled."""
        if self._state.n_trades > len(self._trades):
            room = np.zeros(max(64, 2 * self._state.n_trades), trade_dtype)
            room[: len(self._trades)] = self._trades
            self._trades = room
        for number, line in trades.items():
            self._trades[number] = line
