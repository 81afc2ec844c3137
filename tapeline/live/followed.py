"""What follows from records alone: the account on paper, the watch, counts; the same live and read again."""

import json
import math
from collections import Counter, deque
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from tapeline.backtest.running import Stretch
from tapeline.evaluation.live import LiveParams
from tapeline.live.production import Production
from tapeline.live.watch import Watch
from tapeline.schema import INTERVAL_MINUTES, PRICES
from tapeline.serving.answers import PREDICTED, REFUSED
from tapeline.trading.paper import PaperAccount, paper_candle_dtype, reach_of, told_dtype
from tapeline.trading.params import TradingParams

DAY_US = 86_400_000_000
LATENCIES = 100_000  # of the last answers, of which percentiles are told
POINTS = 50_000  # of the equity that is kept to be drawn


class Followed:
    """An account and a watch over records, which come in the order in which they were answered.

    A bar is traded once a record of a later one has come, so that none is missed that was merely slow; a
    candle that comes after that is known to what follows, and not traded. So the account follows from the
    records in their order, whenever one looks; it lags by a bar and decides nothing that is answered. Whole
    days are told to the watch.
    """

    def __init__(self, production: Production, params: LiveParams, block: int = 240) -> None:
        """Trade `block` bars at once at most; it decides nothing but speed."""
        self._production, self._block = production, block
        self.watch = Watch(production.contracts, production.promises, params)
        self.account: PaperAccount | None = None
        self.counts: Counter[str] = Counter()  # by status, and `late`, `filled`
        self.latency_us: deque[int] = deque(maxlen=LATENCIES)
        self.equity: deque[tuple[int, float, float]] = deque(maxlen=POINTS)  # time, equity, lowest
        trading = production.trading
        self._reach = reach_of(trading) if trading else 1
        self._step = INTERVAL_MINUTES[production.stream.interval] * 60_000_000
        symbols = production.contracts[production.direction].input.symbols if trading else ()
        self._numbers = {name: k for k, name in enumerate(symbols)}
        self._tiers = {name: k for k, name in enumerate(trading.signals.tier_names)} if trading else {}
        # Rows of the account's dtypes: those from before it began, and those not traded yet.
        self._learnt: dict[str, dict[int, tuple[Any, ...]]] = {}
        self._candles: dict[str, list[tuple[Any, ...]]] = {}
        self._sides: list[tuple[Any, ...]] = []
        self._first = self._newest = self._oldest = -1
        self._day = self._told_day = -1
        self._day_equity = self._closing = 0.0
        self._stopped_at: int | None = None

    @property
    def span(self) -> tuple[pd.Timestamp, pd.Timestamp] | None:
        """Open times of the first bar and of the newest; None before there is one."""
        return None if self._newest < 0 else (_time(self._first), _time(self._newest))

    @property
    def equity_now(self) -> float | None:
        """Equity at the last close that was traded, account currency; None without one."""
        return self._closing if self._day >= 0 else None

    def is_stopped(self, time: int) -> bool:
        """Whether a candle that opens then is answered without a signal: from the bar after the stop on.

        So it is for any order in which the candles of one bar come.
        """
        return self.watch.is_held or (self._stopped_at is not None and time > self._stopped_at)

    def learn(self, candles: Mapping[str, Iterable[Mapping[str, Any]]]) -> None:
        """Take candles from before the first record, or such as are not traded; by symbol, rising."""
        for symbol, rows in candles.items():
            known = self._learnt.setdefault(symbol, {})
            known.update({int(row["timestamp"]): _candle(row, False) for row in rows})
            for old in sorted(known)[: -self._reach]:
                del known[old]

    def add(self, record: Mapping[str, Any]) -> None:
        """Take a record."""
        time, symbol, status = int(record["timestamp"]), str(record["symbol"]), record["status"]
        self.counts[status] += 1
        self.counts["late"] += bool(record["is_late"])
        self.counts["filled"] += "are filled" in str(record["reason"])
        if status == REFUSED:
            return
        if time > self._newest:
            self._turn_to(time)
        if status == PREDICTED:
            self.latency_us.append(record["answered"] - time - self._step)
        predictions = json.loads(record["predictions"]) if status == PREDICTED else {}
        self.watch.add(symbol, time, float(record["close"]), predictions)
        if self._stopped_at is None and self.watch.is_stopped:
            self._stopped_at = self._newest
        if symbol not in self._numbers:
            return
        is_behind = time < self._newest
        self._candles.setdefault(symbol, []).append(_candle(record, is_behind))
        if status == PREDICTED and not is_behind and not record["is_late"] and not record["is_stopped"]:
            tier = self._tiers.get(record["tier"] or "")
            numbers = (_number(each) for each in (record["probability"], record["trend_strength"], tier))
            self._sides.append((self._numbers[symbol], time, *numbers))

    def settle(self) -> None:
        """Trade all bars that are whole: those before the newest."""
        if self._oldest >= 0 and self._newest > self._oldest:
            self._trade(self._newest - self._step)

    def finish(self) -> tuple[np.ndarray, Stretch | None] | None:
        """Trade the newest bar as well, and end the account; no record may follow."""
        if self._production.trading is None or self._oldest < 0:
            return None
        self._trade(self._newest)
        return self.account.ended() if self.account else None

    def _turn_to(self, time: int) -> None:
        """A bar begins: trade what is whole, if that is a block of it or a day."""
        if self._oldest < 0:
            self._first = self._oldest = time
        is_day = self._newest >= 0 and time // DAY_US != self._newest // DAY_US
        if is_day or time - self._oldest >= self._block * self._step:
            self._trade(time - self._step)
        if is_day:  # whoever looks, and when: the watch is told now
            self._end_day()
        self._newest = time

    def _trade(self, until: int) -> None:
        trading = self._production.trading
        if trading is None:
            return
        if self.account is None:
            self.account = self._begin(trading)
        account = self.account
        if _time(until) < account.next:
            return
        candles = {
            symbol: np.array(rows, paper_candle_dtype) for symbol, rows in self._candles.items() if rows
        }
        sides = np.array(self._sides, told_dtype)
        self._candles = {
            symbol: [row for row in rows if row[0] > until] for symbol, rows in self._candles.items()
        }
        self._sides = [row for row in self._sides if row[1] > until]
        whole = {symbol: rows[rows["timestamp"] <= until] for symbol, rows in candles.items()}
        traded = account.trade(_time(until), whole, sides[sides["timestamp"] <= until])
        self._take_days(traded.timestamp, traded.stretch)
        self._oldest = until + self._step

    def new_account(self, trading: TradingParams, first: pd.Timestamp) -> PaperAccount:
        """An account that begins flat at the bar of `first`, and knows nothing from before it."""
        max_fill = self._production.contracts[self._production.direction].input.max_fill
        return PaperAccount(tuple(self._numbers), first, trading, max_fill)

    def _begin(self, trading: TradingParams) -> PaperAccount:
        """The account, begun flat at the oldest bar; what was learnt lies before it."""
        account = self.new_account(trading, _time(self._oldest))
        before = {
            name: [row for at, row in sorted(rows.items()) if at < self._oldest]
            for name, rows in self._learnt.items()
            if name in self._numbers
        }
        account.learn({name: np.array(rows, paper_candle_dtype) for name, rows in before.items() if rows})
        self._day_equity = self._closing = trading.signals.initial_balance
        return account

    def _take_days(self, clock: pd.DatetimeIndex, stretch: Stretch) -> None:
        """Keep the equity, and tell the watch of days that are over."""
        times = clock.astype("int64").to_numpy()
        for time, equity, low in zip(
            times.tolist(), stretch.bars["equity"], stretch.bars["equity_low"], strict=True
        ):
            day = time // DAY_US
            if day != self._day:
                self._end_day()
                self._day = day
            self._closing = float(equity)
            if time // self._step % 15 == 0:
                self.equity.append((time, float(equity), float(low)))

    def _end_day(self) -> None:
        """Tell the watch what the day that was traded last came to, once."""
        if self._day > self._told_day:
            pnl = self._closing - self._day_equity
            self.watch.add_day(self._production.direction, self._day * DAY_US, pnl)
            self._told_day, self._day_equity = self._day, self._closing


def _candle(row: Mapping[str, Any], is_filled: bool) -> tuple[Any, ...]:
    """A row of `paper_candle_dtype`."""
    return int(row["timestamp"]), *(float(row[name]) for name in PRICES), is_filled


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def _time(microseconds: int) -> pd.Timestamp:
    return pd.Timestamp(microseconds, unit="us", tz="UTC").as_unit("us")
