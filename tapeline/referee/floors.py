"""FTMO's phases on an account's path: floors by the balance at midnight in Prague, and what passes them.

The day's floor is that balance less a share of the initial capital; the account's is the initial capital, or
the highest midnight balance where it trails, less another share. The worst equity of every candle is held
against both, and what breaks the higher one ends the phase. A target counts at every moment without a
position: at an open between exits and entries, and at a close. The next phase is a fresh account from the
next day on.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from tapeline.referee.candles import SymbolCandles
from tapeline.referee.equity import Path
from tapeline.referee.figures import compare
from tapeline.referee.findings import Findings, Place
from tapeline.referee.moments import Days, days_of
from tapeline.referee.rules import AccountRules, PhaseRules, ProgramRules

FTMO = "ftmo"
ROUNDING = 1e-9  # of the initial capital, by which a floor may be missed
BREACHES = "daily_loss", "max_loss"


@dataclass(frozen=True)
class Phase:
    """How a phase went, as the run tells it: candles on the account's clock, money in account currency."""

    status: str
    first_bar: int
    bar: int
    daily_margin: float
    max_margin: float
    days: int
    trading_days: int
    profit: float
    best_day_share: float | None


def check_phases(
    path: Path,
    trades: pd.DataFrame,
    told: Mapping[str, Any],
    figures: Mapping[str, Any],
    market: list[SymbolCandles],
    rules: AccountRules,
    title: str,
    findings: Findings,
) -> None:
    """Every program's phases as they possibly went, and the declared figures of the chosen one's.

    told : by program `possible`, by phase what `Phase` names; figures : of the chosen program
    """
    if (path.lowest[0] < path.lowest[1] - ROUNDING * path.initial).any():
        return  # a worst that is known within bounds decides no phase
    days = days_of(path, trades, market)
    for name, program in rules.programs.items():
        own = dict(_walk(days, program, rules))
        claimed = told[name]["possible"]
        what = f"{title}: phases of {name}"
        findings.hold(FTMO, what, list(claimed) == list(own), ", ".join(claimed), ", ".join(own), Place())
        for phase in own.keys() & claimed.keys():
            for key, value in asdict(own[phase]).items():
                what, claim = f"{title}: {key} of {name}'s {phase}", claimed[phase][key]
                if key == "status":
                    findings.hold(FTMO, what, claim == value, claim, value, Place())
                else:
                    compare(what, claim, value, findings, FTMO)
        if name == rules.program:
            _check_figures(own, program, bool(len(trades)), figures, path.initial, title, findings)


def _check_figures(
    own: Mapping[str, Phase],
    program: ProgramRules,
    has_traded: bool,
    figures: Mapping[str, Any],
    initial: float,
    title: str,
    findings: Findings,
) -> None:
    """Declared figures of the chosen program: verdicts, and its first phase as shares of the capital."""
    first = next(iter(own.values()))
    passes = [name in own and own[name].status == "passed" for name in program.passable]
    expected: dict[str, float | None] = {
        "program_passed": int(has_traded and all(passes)),
        "first_phase_passed": int(has_traded and first.status == "passed"),
        "breached": int(has_traded and any(phase.status in BREACHES for phase in own.values())),
    }
    shares = {name: getattr(first, name) / initial for name in ("daily_margin", "max_margin", "profit")}
    counts = {"days_taken": first.days, "trading_days": first.trading_days}
    expected |= {
        name: value if has_traded else None
        for name, value in (shares | counts | {"best_day_share": first.best_day_share}).items()
    }
    for name, value in expected.items():
        if name in figures:
            compare(f"{title}: ftmo.{name}", figures[name], value, findings, FTMO)


def _walk(days: Days, program: ProgramRules, rules: AccountRules) -> Iterator[tuple[str, Phase]]:
    """Phases in order, each from the first open without a position of a day after the one before."""
    first = 0
    for name, phase in program.phases.items():
        result = judge(days, first, program, phase, rules)
        yield name, result
        later = np.flatnonzero((days.day > days.day[result.bar]) & ~np.isnan(days.flat_open))
        if result.status != "passed" or not later.size:
            return
        first = int(later[0])


def judge(days: Days, first: int, program: ProgramRules, phase: PhaseRules, rules: AccountRules) -> Phase:
    """One phase on a fresh account from candle `first` on, candle by candle."""
    initial = rules.initial_balance
    offset = float(days.flat_open[first]) - initial
    target = np.inf if phase.target is None else initial * (1 + phase.target)
    slack = ROUNDING * initial * (1 if rules.is_touch_breach else -1)
    columns = (
        days.day,
        days.lowest - offset,
        days.balance - offset,
        days.flat_open - offset,
        days.flat_close - offset,
        days.opened,
    )
    midnight = highest = balance = initial
    daily_margin = max_margin = np.inf
    n_days, today, positive, best = 0, None, 0.0, 0.0
    traded: set[int] = set()

    def share() -> float | None:
        """Of all that rising days made, today counted, what the best of them did."""
        made = max(balance - midnight, 0.0)
        return max(best, made) / (positive + made) if positive + made > 0 else None

    def passes(flat: float) -> bool:
        """Whether a balance without a position passes the phase."""
        is_even = program.best_day is None or (share() or 0.0) <= program.best_day
        return flat > target and is_even and len(traded) >= phase.minimum_days

    def ended(status: str, bar: int) -> Phase:
        """The phase as it stands."""
        return Phase(
            status, first, bar, daily_margin, max_margin, n_days, len(traded), balance - initial, share()
        )

    rows = zip(*(column[first:].tolist() for column in columns), strict=True)
    for bar, (day, low, closed, at_open, at_close, has_opened) in enumerate(rows, first):
        if day != today:
            positive, best = positive + max(balance - midnight, 0.0), max(best, balance - midnight)
            midnight, highest, today, n_days = balance, max(highest, balance), day, n_days + 1
        floor = midnight - program.daily_loss * initial
        last = (highest if program.is_trailing else initial) - program.max_loss * initial
        daily_margin, max_margin = min(daily_margin, low - floor), min(max_margin, low - last)
        if low <= max(floor, last) + slack:
            balance = closed
            traded |= {day} if has_opened else set()
            return ended(BREACHES[0] if floor >= last else BREACHES[1], bar)
        balance = at_open if at_open == at_open else balance  # NaN with a position
        if passes(at_open):
            return ended("passed", bar)
        balance = closed
        traded |= {day} if has_opened else set()
        if passes(at_close):
            return ended("passed", bar)
    return ended("open", len(days.day) - 1)
