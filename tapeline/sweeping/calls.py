"""All predictions of a market, sorted once by how confident they are: a tier of any thresholds is a slice."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tapeline.backtest.portfolio import Decisions, closes_at
from tapeline.backtest.pricing import PricedMarket
from tapeline.backtest.signals import SHARE, SignalParams
from tapeline.tiers import Shares, confidence
from tapeline.trading.accounts import TradingInputs

FloatArray = NDArray[np.float64]
Positions = NDArray[np.int64]


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

    def traded(self, signals: SignalParams) -> tuple[Positions, NDArray[np.int8]]:
        """Which calls `signals` trade, rising, and the tier of each: as `make_signals` says of every candle."""
        chosen, tiers = [], []
        for fold in self.folds:
            taken = 0
            for position, (name, (low, high)) in enumerate(fold.ranges(signals).items()):
                first = 0 if high == 1.0 else int(np.searchsorted(fold.fallen, -high, side="right"))
                end = int(np.searchsorted(fold.fallen, -low, side="right"))
                if name in signals.trade_tiers and end > max(first, taken):
                    part = fold.call[max(first, taken) : end]
                    chosen.append(part)
                    tiers.append(np.full(part.size, position, dtype=np.int8))
                taken = max(taken, end)
        if not chosen:
            return np.empty(0, np.int64), np.empty(0, np.int8)
        call, tier = np.concatenate(chosen), np.concatenate(tiers)
        if signals.minimum_trend > 0:
            is_strong = self.strength[call] >= signals.minimum_trend
            call, tier = call[is_strong], tier[is_strong]
        if len(set(signals.trade_tiers)) == 1:
            return np.sort(call), tier
        order = np.argsort(call)
        return call[order], tier[order]

    def decisions(self, signals: SignalParams, priced: PricedMarket) -> Decisions:
        """The sides that `signals` want at closes that can be sized, and what the market says of these."""
        call, tier = self.traded(signals)
        can_size = priced.can_size[self.bar[call], self.symbol[call]]
        call, tier = call[can_size], tier[can_size]
        bar, symbol = self.bar[call], self.symbol[call]
        return Decisions(bar, symbol, self.side[call], tier, closes_at(priced, bar, symbol))


def sort_calls(inputs: TradingInputs, fold: FloatArray, validation: dict[int, FloatArray]) -> Calls:
    """Sort the predictions of `inputs` by their models.

    fold : (n_bars, n_symbols) of each prediction, NaN where there is none; validation : what each fold's model
    says of its own validation
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
