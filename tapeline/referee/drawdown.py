"""What an account tells of its equity, swap and drawdowns, beside the path of its trades on the candles."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from tapeline.referee.candles import SymbolCandles, microseconds
from tapeline.referee.equity import Path, follow
from tapeline.referee.figures import compare
from tapeline.referee.findings import Findings, Place
from tapeline.referee.rules import AccountRules

MONEY = "money"
ROUNDING = 1e-9  # of the money that is compared


def check_path(
    told: pd.DataFrame,
    trades: pd.DataFrame,
    figures: Mapping[str, Any],
    market: list[SymbolCandles],
    rules: AccountRules,
    title: str,
    findings: Findings,
) -> Path | None:
    """Swap of every trade, equity of every candle and its worst, and how far both fell; the path itself.

    told : `equity` and `equity_low` by open time (UTC); None where trades lie outside its times
    """
    clock = microseconds(told.index.to_series())
    known = trades["symbol"].isin([candles.symbol for candles in market]).to_numpy()
    entered, left = (microseconds(trades[f"{when}_time"]) for when in ("entry", "exit"))
    is_there = known & np.isin(entered, clock) & np.isin(left, clock) & (entered <= left)
    findings.hold(
        MONEY, f"{title}: a trade on the account's candles", is_there, entered, "there", Place(), entered
    )
    if not is_there.all():
        return None
    path, swap = follow(clock, trades, market, rules)
    claimed = trades["swap"].to_numpy(np.float64)
    is_close = np.abs(claimed - swap) <= ROUNDING * rules.initial_balance
    findings.hold(MONEY, f"{title}: swap of a trade", is_close, claimed, swap, Place(), left)
    slack = ROUNDING * rules.initial_balance * 10
    equity, low = (told[name].to_numpy(np.float64) for name in ("equity", "equity_low"))
    is_close = np.abs(equity - path.equity) <= slack
    findings.hold(MONEY, f"{title}: equity", is_close, equity, path.equity, Place(), clock)
    what = f"{title}: worst equity in a candle"
    is_low, is_high = low < path.lowest[0] - slack, low > path.lowest[1] + slack
    findings.hold(MONEY, f"{what}, at least", ~is_low, low, path.lowest[0], Place(), clock)
    findings.hold(MONEY, f"{what}, at most", ~is_high, low, path.lowest[1], Place(), clock)
    _check_falls(path, bool(len(trades)), figures, title, findings)
    return path


def _check_falls(
    path: Path, has_traded: bool, figures: Mapping[str, Any], title: str, findings: Findings
) -> None:
    """Deepest falls from the highest close before: to a close, and to the worst in a candle."""
    fallen = float(np.max(1 - path.equity / path.peak, initial=0.0)) if has_traded else None
    compare(f"{title}.max_drawdown", figures["max_drawdown"], fallen, findings, MONEY)
    if has_traded:
        most, least = (float(np.max(1 - bound / path.peak, initial=0.0)) for bound in path.lowest)
        inside = figures["max_drawdown_inside"]
        is_right = inside is not None and least - ROUNDING <= inside <= most + ROUNDING
        within = f"within {least} and {most}"
        findings.hold(MONEY, f"{title}.max_drawdown_inside", is_right, str(inside), within, Place())
