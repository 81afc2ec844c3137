"""Whether every prediction that asks for a trade led to one, or to a refusal whose reason holds."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from tapeline.referee.candles import Mask, SymbolCandles
from tapeline.referee.figures import Scored, compare
from tapeline.referee.findings import Findings, Place
from tapeline.referee.orders import Account, Bars, SymbolOrders
from tapeline.referee.prices import slippage, true_range
from tapeline.referee.refusals import DECISIONS, ROUNDING, check_refused
from tapeline.referee.rules import SHARE, AccountRules, TierRules


def called(scored: Scored, trend: Mapping[tuple[str, int], float], tiers: TierRules) -> Mask:
    """Whether each prediction is of a tier that trades, and of enough `trend`, by symbol and time."""
    names = list(tiers.shares if tiers.by == SHARE else tiers.ranges)
    is_called: Mask = np.isin(scored.tier, [names.index(name) for name in tiers.traded])
    if tiers.minimum_trend > 0:
        keys = zip(scored.symbol.tolist(), scored.time.tolist(), strict=True)
        is_called &= np.array([trend.get(key, np.nan) for key in keys]) >= tiers.minimum_trend
    return is_called


def check_due(
    account: Account,
    figures: Mapping[str, Any],
    scored: Scored,
    is_called: Mask,
    market: list[SymbolCandles],
    rules: AccountRules,
    title: str,
    findings: Findings,
) -> None:
    """Every call leads to a trade or to a refusal while its symbol is free, and every refusal has its reason.

    is_called : whether each of `scored`, the account's own rows, is of a tier that trades and of trend enough
    """
    if not scored.time.size:
        return
    start = int(scored.time.min())
    known = [candles for candles in market if (scored.symbol == candles.symbol).any()]
    end = max(int(candles.time[-1]) for candles in known)
    n_bars = (end - start) // known[0].rules.step + 1
    made = []
    for candles in known:
        trades, refused = (t[t["symbol"] == candles.symbol] for t in (account.trades, account.refused))
        instrument = rules.instruments[candles.symbol]
        made.append(SymbolOrders(candles, instrument, trades, refused, start, n_bars))
    is_whole = len(account.path) == n_bars and all(own.is_on_clock for own in made)
    what = f"{title}: bars of trades, refusals and equity"
    findings.hold(DECISIONS, what, is_whole, "others", f"of {n_bars} since the first prediction", Place())
    if not is_whole:
        return
    inside = np.zeros(2, np.int64)
    for own in made:
        candles = own.candles
        of_symbol = is_called & (scored.symbol == candles.symbol)
        calls = np.where(scored.prediction >= 0.5, 1, -1)[of_symbol]
        bars = (scored.time[of_symbol] - start) // candles.rules.step
        inside += _check_symbol(own, bars, calls, rules, title, findings)
    _check_counts(account, figures, inside, title, findings)
    check_refused(account, made, rules, title, findings)


def _check_symbol(
    own: SymbolOrders, bars: Bars, calls: Bars, rules: AccountRules, title: str, findings: Findings
) -> Bars:
    """Hold one symbol's calls against its trades and refusals.

    Returns how many closes had their stop inside the costs for certain, and how many may have had.
    """
    place, time = Place(symbol=own.candles.symbol), own.candles.time
    is_known, may, must = orderable(own, bars, calls, rules)
    follow = np.concatenate([own.decided, own.wanted])
    counts = np.bincount(follow, minlength=own.n_bars)
    is_free = free_at(own, rules)[bars] & must
    at = time[own.row[bars]]
    is_followed = ~is_free | (counts[bars] == 1)
    what = f"{title}: what a call that was free to trade came to"
    findings.hold(DECISIONS, what, is_followed, "nothing, or two of it", "a trade, or refused", place, at)
    side = np.zeros(own.n_bars, np.int64)
    side[bars[may]] = calls[may]
    for name, table, decided in (("trade", own.trades, own.decided), ("refusal", own.refused, own.wanted)):
        findings.equal(
            DECISIONS, f"{title}: call that a {name} follows", table["side"], side[decided], place,
            time[own.row[decided]],
        )  # fmt: skip
    return np.array([np.count_nonzero(is_known & ~each) for each in (may, must)])


def orderable(own: SymbolOrders, bars: Bars, calls: Bars, rules: AccountRules) -> tuple[Mask, Mask, Mask]:
    """Whether each call at the close of `bars` decides, whether an order may follow it and whether one must.

    A real candle decides, once true range and slippage are known. The stop must be further away than what
    opening and closing costs; nothing is sold short that may not be.
    """
    row = own.row[bars]
    stop = rules.stop * true_range(own.candles, rules.atr_candles, row)
    slip = slippage(own.candles, rules, row)
    is_known = own.is_real[bars] & np.isfinite(slip) & (stop > 0)
    is_known &= (calls > 0) | own.instrument.is_short_allowed
    one_way = slip + own.instrument.commission
    costs = 2 * own.candles.close[row] * (one_way + own.half_spread_at_fill(bars, rules))
    may, must = (is_known & (stop > costs * (1 + slack)) for slack in (-ROUNDING, ROUNDING))
    return is_known, may, must


def free_at(own: SymbolOrders, rules: AccountRules) -> Mask:
    """Whether a side at each close may become an order: none waits, and a position's time ends with the wait.

    An order takes `waited` candles to be filled, and a position that is due by then is gone.
    """
    waited = rules.candles_waited(own.candles.rules.step)
    waits = own.covered(own.decided + 1, own.entered) | own.covered(own.wanted + 1, own.waited_until)
    is_held = own.covered(own.entered, np.minimum(own.left, own.entered + rules.hold - waited))
    free: Mask = ~waits & ~is_held
    return free


def _check_counts(
    account: Account, figures: Mapping[str, Any], inside: Bars, title: str, findings: Findings
) -> None:
    """The orders that were never filled, and the entries refused for their costs, as they are told."""
    n_unfilled = int((account.refused["quantity"] > 0).sum())
    compare(f"{title}.unfilled_orders", figures["unfilled_orders"], n_unfilled, findings, DECISIONS)
    if "refused_entries" in figures:
        told, (least, most) = figures["refused_entries"], inside
        what, rule = f"{title}.refused_entries", f"{least} to {most}"
        findings.hold(DECISIONS, what, least <= told <= most, told, rule, Place())
