"""What an account claims: decisions that predictions ask for, fills within bounds, money that adds up."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from tapeline.referee.candles import FloatArray, SymbolCandles, microseconds
from tapeline.referee.drawdown import check_path
from tapeline.referee.earnings import check_earnings
from tapeline.referee.figures import Scored, compare
from tapeline.referee.fills import Fills, check_times, on_candles
from tapeline.referee.findings import Findings, Place
from tapeline.referee.floors import check_phases
from tapeline.referee.prices import check_prices
from tapeline.referee.rules import SHARE, AccountRules, InstrumentRules, TierRules
from tapeline.referee.sizes import check_sizes

ROUNDING = 1e-9  # of the money that a trade moves
DECISIONS, MONEY = "decisions", "money"


def check_account(
    trades: pd.DataFrame,
    told: pd.DataFrame,
    figures: Mapping[str, Any],
    market: list[SymbolCandles],
    rules: AccountRules,
    title: str,
    findings: Findings,
) -> None:
    """Bound every fill of an account, and add its money up; `figures` are what is told of it.

    trades : `symbol` and the columns of `Fills`, a line a trade; told : equity as `check_path` takes it
    """
    filled = []
    for candles in market:
        own = trades[trades["symbol"] == candles.symbol].reset_index(drop=True)
        if len(own) and (fills := on_candles(candles, own, title, findings)):
            instrument = rules.instruments[candles.symbol]
            check_times(fills, rules, title, findings)
            check_prices(fills, rules, instrument, title, findings)
            check_money(fills, instrument, title, findings)
            filled.append(fills)
    known = trades["symbol"].isin([candles.symbol for candles in market]).to_numpy()
    findings.hold(
        DECISIONS, f"{title}: symbol of a trade", known, trades["symbol"], "one of the candles", Place()
    )
    _check_open_at_once(trades, rules, title, findings)
    if path := check_path(told, trades, figures, market, rules, title, findings):
        for fills in filled:
            check_sizes(fills, trades, market, path, rules, figures["unfilled_orders"], title, findings)
        check_earnings(path, bool(len(trades)), figures, rules, title, findings)
        check_phases(path, trades, figures["phases"], figures["ftmo"], market, rules, title, findings)
    total = float(trades["net_pnl"].sum()) if len(trades) else None
    compare(f"{title}.trades", figures["trades"], len(trades), findings, MONEY)
    compare(f"{title}.net_pnl", figures["net_pnl"], total, findings, MONEY)


def check_decisions(
    trades: pd.DataFrame, scored: Scored, trend: Mapping[tuple[str, int], float], tiers: TierRules,
    title: str, findings: Findings,
) -> None:  # fmt: skip
    """Every trade follows a stored prediction of its decision's candle: its side, tier and trend."""
    keys = list(zip(scored.symbol.tolist(), scored.time.tolist(), strict=True))
    sides, in_tier = np.where(scored.prediction >= 0.5, 1, -1), scored.tier
    names = list(tiers.shares if tiers.by == SHARE else tiers.ranges)
    said = dict(zip(keys, zip(sides.tolist(), in_tier.tolist(), strict=True), strict=True))
    traded = {names.index(name) for name in tiers.traded}
    decided = microseconds(trades["decision_time"])
    own = list(zip(trades["symbol"], decided.tolist(), strict=True))
    found = [said.get(key, (0, -1)) for key in own]
    side, tier = (np.array([pair[at] for pair in found], np.int64) for at in (0, 1))
    findings.equal(DECISIONS, f"{title}: side of a trade", trades["side"], side, Place(), decided)
    is_traded = np.isin(tier, list(traded))
    findings.hold(
        DECISIONS, f"{title}: tier of a trade", is_traded, tier, "one that trades", Place(), decided
    )
    if tiers.minimum_trend > 0:
        strength = np.array([trend.get(key, np.nan) for key in own])
        findings.hold(
            DECISIONS, f"{title}: trend strength of a trade", strength >= tiers.minimum_trend, strength,
            tiers.minimum_trend, Place(), decided,
        )  # fmt: skip


def check_money(fills: Fills, instrument: InstrumentRules, title: str, findings: Findings) -> None:
    """Each trade's money from its fills, and from its parts; quantities as the broker takes them."""
    place, time = Place(symbol=fills.candles.symbol), microseconds(fills.table["entry_time"])
    quantity, side = fills.column("quantity"), fills.side
    entry, exit_ = fills.column("entry_price"), fills.column("exit_price")
    notional = quantity * (entry + exit_)
    allowed = ROUNDING * notional

    def add_up(what: str, claimed: FloatArray, expected: FloatArray) -> None:
        is_close = np.abs(claimed - expected) <= allowed
        findings.hold(MONEY, f"{title}: {what}", is_close, claimed, expected, place, time)

    add_up("commission of a trade", fills.column("commission_cost"), instrument.commission * notional)
    made = side * quantity * (exit_ - entry) + fills.column("swap") - instrument.commission * notional
    add_up("net PnL of a trade", fills.column("net_pnl"), made)
    costs = sum(fills.column(f"{name}_cost") for name in ("spread", "slippage", "commission"))
    add_up("sum of a trade's parts", fills.column("gross_pnl") - costs + fills.column("swap"), made)
    steps = quantity / instrument.step
    is_whole = (np.abs(steps - np.round(steps)) <= 1e-6) & (steps > 0.5)
    is_sized = is_whole & (quantity <= instrument.maximum * (1 + ROUNDING))
    findings.hold(
        MONEY, f"{title}: quantity", is_sized, quantity, "whole steps up to the largest", place, time
    )
    may_sell = (side > 0) | instrument.is_short_allowed
    findings.hold(MONEY, f"{title}: side", may_sell, side, "bought", place, time)


def _check_open_at_once(trades: pd.DataFrame, rules: AccountRules, title: str, findings: Findings) -> None:
    """No more positions than are allowed at any entry, those that ended at that open not counted."""
    if not len(trades):
        return
    entered, left = (microseconds(trades[f"{when}_time"]) for when in ("entry", "exit"))
    n_begun = np.searchsorted(np.sort(entered), entered, side="right")
    n_ended = np.searchsorted(np.sort(left), entered, side="right")
    n_open = n_begun - n_ended
    findings.hold(
        DECISIONS,
        f"{title}: positions open",
        n_open <= rules.max_positions,
        n_open,
        rules.max_positions,
        Place(),
        entered,
    )
