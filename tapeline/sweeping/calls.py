"""All predictions of a market, sorted once by how confident they are: a tier of any thresholds is a slice."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tapeline.backtest.portfolio import Closes, Decisions, closes_at
from tapeline.backtest.pricing import PricedMarket
from tapeline.backtest.records import fee_dtype
from tapeline.backtest.signals import SHARE, SignalParams
from tapeline.tiers import Shares, confidence
from tapeline.trading.accounts import TradingInputs

FloatArray = NDArray[np.float64]
Positions = NDArray[np.int64]
BLOCK = 8192  # calls
# A call and the close that it is made at: fetched together from memory, which takes far longer than its sum.
call_dtype = np.dtype(
    [
        ("bar", np.int64),
        ("symbol", np.int64),
        *((name, np.float64) for name in Closes._fields if name != "fee"),
        ("fee", fee_dtype),
        ("side", np.int8),
        ("can_size", np.bool_),
    ],
    align=True,
)


@dataclass(frozen=True)
class FoldCalls:
    """What one fold's model said.

    fallen : (n,) confidence of its calls, negative, rising; call : (n,) which of all calls that is
    shares : of its validation, by which tiers by share are cut; None where it has no row
    """

    fallen: FloatArray
    call: Positions
    shares: Shares | None

    def ranges(self, signals: SignalParams) -> dict[str, tuple[float, float]]:
        """Range of confidence of each tier, the most confident first."""
        if signals.tier_by != SHARE:
            return signals.ranges
        if self.shares is None:
            raise ValueError("no predictions to take shares of")
        return self.shares.ranges(signals.tier_shares)


@dataclass(frozen=True)
class Calls:
    """Calls of all folds, by bar and symbol; arrays (n_calls,).

    side : 1 where up was at least as likely, else -1
    """

    bar: Positions
    symbol: Positions
    side: NDArray[np.int8]
    strength: FloatArray
    folds: tuple[FoldCalls, ...]

    def in_tiers(self, signals: SignalParams) -> tuple[Positions, NDArray[np.int8]]:
        """Which calls are of a tier that `signals` trade, rising, and of which: as `make_signals` has it."""
        marks = np.zeros(len(self.bar), dtype=np.int8)  # 1 and more: a tier; to mark and find is to sort
        for fold in self.folds:
            taken = 0
            for position, (name, (low, high)) in enumerate(fold.ranges(signals).items()):
                first = 0 if high == 1.0 else int(np.searchsorted(fold.fallen, -high, side="right"))
                end = int(np.searchsorted(fold.fallen, -low, side="right"))
                if name in signals.trade_tiers:
                    marks[fold.call[max(first, taken) : end]] = position + 1
                taken = max(taken, end)
        call = np.flatnonzero(marks)
        return call, marks[call] - np.int8(1)

    def priced(self, market: PricedMarket) -> "PricedCalls":
        """The calls with what a market asks, looked up once for all signals on them."""
        lines = np.zeros(len(self.bar), dtype=call_dtype)
        lines["bar"], lines["symbol"], lines["side"] = self.bar, self.symbol, self.side
        lines["can_size"] = market.can_size[self.bar, self.symbol]
        for name, values in closes_at(market, self.bar, self.symbol)._asdict().items():
            lines[name] = values
        return PricedCalls(self, lines)


@dataclass(frozen=True)
class PricedCalls:
    """Calls, and `lines`, (n_calls,) of `call_dtype`, in each of which all stands together that one needs."""

    calls: Calls
    lines: NDArray[np.void]

    def in_tiers(self, signals: SignalParams) -> "TierCalls":
        """Those of the tiers that `signals` trade, at closes that can be sized."""
        call, tier = self.calls.in_tiers(signals)
        can_size = self.lines["can_size"][call]
        call, tier = call[can_size], tier[can_size]
        columns = {name: np.empty(call.size, dtype=call_dtype[name]) for name in call_dtype.names or ()}
        for first in range(0, call.size, BLOCK):
            block = slice(first, first + BLOCK)
            lines = self.lines.take(call[block])
            for name, column in columns.items():
                column[block] = lines[name]
        closes = Closes(*(columns[name] for name in Closes._fields))
        decisions = Decisions(columns["bar"], columns["symbol"], columns["side"], tier, closes)
        return TierCalls(decisions, self.calls.strength[call])


class TierCalls(NamedTuple):
    """Calls of some tiers, which signals that trade the same tiers share; arrays (n,)."""

    decisions: Decisions
    strength: FloatArray

    def blocks(self, minimum_trend: float) -> Iterator[Decisions]:
        """The sides wanted, in blocks so small that the arrays of their sizes stay in cache."""
        bar, symbol, side, tier, closes = self.decisions
        for first in range(0, len(bar), BLOCK):
            taken: Any = slice(first, first + BLOCK)
            if minimum_trend > 0:
                taken = first + np.flatnonzero(self.strength[taken] >= minimum_trend)
            at = Closes(*(values[taken] for values in closes))
            yield Decisions(bar[taken], symbol[taken], side[taken], tier[taken], at)


def sort_calls(inputs: TradingInputs, fold: FloatArray, validation: dict[int, FloatArray]) -> Calls:
    """Sort the predictions of `inputs` by their models.

    fold : (n_bars, n_symbols) of each prediction, NaN where there is none
    validation : what each fold's model says of its own validation
    """
    bar, symbol = np.nonzero(~np.isnan(inputs.probability))
    probability, of = inputs.probability[bar, symbol], fold[bar, symbol]
    folds = []
    for k in np.unique(of):
        call = np.flatnonzero(of == k)
        fallen = -confidence(probability[call])
        order = np.argsort(fallen, kind="stable")
        own = validation.get(int(k), np.empty(0))
        folds.append(FoldCalls(fallen[order], call[order], Shares(own) if own.size else None))
    side = np.where(probability >= 0.5, 1, -1).astype(np.int8)
    return Calls(bar, symbol, side, inputs.trend_strength[bar, symbol], tuple(folds))
