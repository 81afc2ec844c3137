"""The accounts of a sweep: what configurations share is worked out once, the rest side by side in threads."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from itertools import groupby, islice
from threading import local
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tapeline.backtest.engine import Room, Summary, sum_orders
from tapeline.backtest.portfolio import may_short, order_lines, rules_of
from tapeline.backtest.pricing import PricedMarket
from tapeline.backtest.records import order_dtype
from tapeline.backtest.signals import SignalParams
from tapeline.evaluation.performance import interval_of_total, sharpe_of_closes
from tapeline.sweeping.calls import Calls, PricedCalls, TierCalls
from tapeline.sweeping.plan import SweepPlan
from tapeline.trading.accounts import TradingInputs
from tapeline.trading.params import TradingParams

Records = NDArray[np.void]
AT_ONCE = 16  # accounts a thread is handed
TOGETHER = 4  # of them traded side by side: each needs memory for its orders and trades

# What an account came to; NaN where undefined. Money is account currency, drawdowns are fractions.
figures_dtype = np.dtype(
    [
        ("trades", np.int64),
        ("net_pnl", np.float64),
        ("net_pnl_low", np.float64),  # ends of its interval over UTC days
        ("net_pnl_high", np.float64),
        ("max_drawdown", np.float64),
        ("max_drawdown_inside", np.float64),
        ("sharpe_ratio", np.float64),
    ]
)


@dataclass(frozen=True)
class SweptMarket:
    """One market whose accounts are traded: what it asks, by candles' volatility and by costs, and its calls.

    read : gives candles and predictions, the volatility in them as params say
    """

    calls: Calls
    read: Callable[[TradingParams], TradingInputs]
    _last: dict[str, tuple[Any, TradingInputs]] = field(default_factory=dict, init=False, repr=False)

    def inputs(self, params: TradingParams) -> TradingInputs:
        """Candles and predictions; kept until other windows of volatility are asked for."""
        windows = params.execution.volatility_candles, params.signals.atr_candles
        if "last" not in self._last or self._last["last"][0] != windows:
            self.keep(self.read(params), params)
        return self._last["last"][1]

    def keep(self, inputs: TradingInputs, params: TradingParams) -> None:
        """Take what was read for `params` already."""
        self._last["last"] = (params.execution.volatility_candles, params.signals.atr_candles), inputs


def last_bars(timestamp: pd.DatetimeIndex) -> NDArray[np.int64]:
    """The last bar of each UTC day, rising."""
    day = timestamp.floor("D").to_numpy()
    return np.append(np.flatnonzero(day[1:] != day[:-1]), len(day) - 1)


def trade_all(
    plan: SweepPlan, market: SweptMarket, on_done: Callable[[int], None] = lambda n: None
) -> Records:
    """Figures of every choice under every condition, (n_choices, n_conditions) of `figures_dtype`.

    `on_done` hears how many accounts have been traded since it last heard. Any number of threads gives the
    same figures.
    """
    figures = np.zeros((len(plan.choices), len(plan.conditions)), dtype=figures_dtype)
    rooms = local()
    with ThreadPoolExecutor(plan.sweep.workers) as pool:
        running: set[Future[int]] = set()
        try:
            for job in _jobs(plan, market, figures, rooms):
                running.add(pool.submit(job))
                if len(running) > 2 * plan.sweep.workers:
                    running = _collect(running, on_done)
            while running:
                running = _collect(running, on_done)
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    return figures


def _collect(running: set[Future[int]], on_done: Callable[[int], None]) -> set[Future[int]]:
    done, left = wait(running, return_when=FIRST_COMPLETED)
    on_done(sum(each.result() for each in done))
    return left


def _jobs(plan: SweepPlan, market: SweptMarket, figures: Records, rooms: local) -> Iterator["Job"]:
    """Jobs in an order in which each market is priced once."""
    ordered = sorted(range(len(plan.choices)), key=lambda k: (_windows(plan, k), _tiers(plan, k)))
    for c, condition in enumerate(plan.conditions):
        given = plan.given(condition)
        for _, of_windows in groupby(ordered, key=lambda k: _windows(plan, k)):
            numbers = iter(list(of_windows))
            first = None
            while chunk := list(islice(numbers, AT_ONCE)):
                if first is None:
                    params = plan.signals(given, plan.choices[chunk[0]])
                    inputs = market.inputs(params)
                    priced = inputs.priced(params)
                    first = market.calls.priced(priced), priced, last_bars(inputs.market.timestamp)
                yield Job(plan, given, *first, tuple(chunk), c, figures, rooms)


def _windows(plan: SweepPlan, number: int) -> str:
    return _some(plan, number, ("signals.atr_candles",))


def _tiers(plan: SweepPlan, number: int) -> str:
    return _some(plan, number, ("signals.tier", "signals.trade_tiers"))


def _some(plan: SweepPlan, number: int, prefixes: tuple[str, ...]) -> str:
    """A choice's values of the keys that begin so, as text that equal ones share."""
    pairs = zip(plan.keys, plan.choices[number], strict=True)
    return json.dumps([value for key, value in pairs if key.startswith(prefixes)])


@dataclass(frozen=True)
class Job:
    """Some choices under one condition, those that trade the same tiers one after the other."""

    plan: SweepPlan
    given: TradingParams
    calls: PricedCalls
    priced: PricedMarket
    closes: NDArray[np.int64]
    numbers: tuple[int, ...]
    condition: int
    figures: Records
    rooms: local

    def __call__(self) -> int:
        """Trade them into `figures`; return how many."""
        for _, numbers in groupby(self.numbers, key=lambda k: _tiers(self.plan, k)):
            params = {number: self.plan.signals(self.given, self.plan.choices[number]) for number in numbers}
            calls = self.calls.in_tiers(next(iter(params.values())).signals)
            left = iter(params.items())
            while some := dict(islice(left, TOGETHER)):
                self._trade(calls, some)
        return len(self.numbers)

    def _trade(self, calls: TierCalls, params: dict[int, TradingParams]) -> None:
        """Trade a few choices of one selection of calls side by side."""
        rooms = self.rooms.rooms = getattr(self.rooms, "rooms", None) or [Room() for _ in range(TOGETHER)]
        accounts = [
            (
                self._orders(calls, each.signals, room),
                rules_of(self.priced, each.signals, each.execution, each.hold, each.guard_loss),
                room,
            )
            for each, room in zip(params.values(), rooms, strict=False)
        ]
        summaries = sum_orders(self.priced.traded, accounts, self.closes)
        for (number, each), summary in zip(params.items(), summaries, strict=True):
            self.figures[number, self.condition] = figures_of(summary, each)

    def _orders(self, calls: TierCalls, signals: SignalParams, room: Room) -> Records:
        """All orders of one account, in the room's memory."""
        lines = room.lines("orders", order_dtype, len(calls.strength))
        shorts, n_orders = may_short(self.priced, signals), 0
        for decisions in calls.blocks(signals.minimum_trend):
            n_orders += len(order_lines(decisions, signals, shorts, lines[n_orders:])[0])
        return lines[:n_orders]


def figures_of(summary: Summary, params: TradingParams) -> tuple[float, ...]:
    """What an account came to, in the order of `figures_dtype`; as `account_figures` has it."""
    n_trades, initial = len(summary.trades), params.signals.initial_balance
    if not n_trades:
        return 0, *[np.nan] * (len(figures_dtype.names or ()) - 1)
    daily = np.diff(summary.equity, prepend=initial)
    low, high = interval_of_total(daily, params.evaluation.level)
    sharpe = sharpe_of_closes(summary.equity, initial) if summary.max_drawdown < 1 else None
    net = float(summary.trades["net_pnl"].sum())
    values = net, low, high, summary.max_drawdown, summary.max_drawdown_inside, sharpe
    return n_trades, *(np.nan if value is None else value for value in values)
