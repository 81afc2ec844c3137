"""What an account made by UTC days, and what these days say of chance: they are few and lopsided."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.special import ndtr

from tapeline.referee.candles import FloatArray
from tapeline.referee.equity import Path
from tapeline.referee.figures import compare
from tapeline.referee.findings import Findings, Place
from tapeline.referee.intervals import Times
from tapeline.referee.rules import AccountRules

MONEY = "money"
DAY = 86_400_000_000  # microseconds
NOTHING = 1e-9  # of the initial capital: a day's change below it is rounding
LEAST_DAYS = 10  # with a change of equity, that a ratio needs


def check_earnings(
    path: Path,
    has_traded: bool,
    figures: Mapping[str, Any],
    rules: AccountRules,
    title: str,
    findings: Findings,
) -> None:
    """Each day's PnL, the interval of their sum, and how sure a Sharpe ratio above 0 is; None untraded."""
    day = path.clock // DAY
    last = np.flatnonzero(np.r_[np.diff(day) > 0, True])
    closes = np.r_[path.initial, path.equity[last]]
    made = np.diff(closes)
    dates = [str(np.datetime64(int(number), "D")) for number in day[last]]
    told = figures["daily_net_pnl"]
    findings.hold(MONEY, f"{title}: days", list(told) == dates, len(told), len(dates), Place())
    for date, value in zip(dates, made.tolist(), strict=True):
        compare(f"{title}: net PnL of {date}", told.get(date), value, findings, MONEY)
    low, high = Times(day[last], rules.level).skewed_interval(made)
    expected = {
        "net_pnl_low": None if low is None else low * made.size,
        "net_pnl_high": None if high is None else high * made.size,
        "probabilistic_sharpe": probabilistic_sharpe(path, closes),
    }
    for key, value in expected.items():
        compare(f"{title}.{key}", figures[key], value if has_traded else None, findings, MONEY)


def probabilistic_sharpe(path: Path, closes: FloatArray) -> float | None:
    """How sure it is that daily returns have a mean above 0, from their first four moments.

    closes : of each day, the capital before them. None where too few days changed, all returns are equal or
    the account was ruined. Bailey, Lopez de Prado 2012: a Sharpe ratio s of n returns of skewness a and
    kurtosis b has the variance (1 - a s + (b - 1) / 4 s^2) / (n - 1).
    """
    n_changed = int((np.abs(np.diff(closes)) > NOTHING * path.initial).sum())
    if n_changed < LEAST_DAYS or path.equity.min() <= 0:
        return None
    returns = closes[1:] / closes[:-1] - 1
    off, n = returns - returns.mean(), returns.size
    second, third, fourth = (float((off**power).mean()) for power in (2, 3, 4))
    if math.sqrt(second) <= NOTHING * float(np.abs(returns).max()):
        return None
    sharpe = float(returns.mean()) / math.sqrt(second * n / (n - 1))
    variance = 1 - third / second**1.5 * sharpe + (fourth / second**2 - 1) / 4 * sharpe**2
    return float(ndtr(sharpe * math.sqrt((n - 1) / variance))) if variance > 0 else None
