"""FTMO's objectives, judged on the path of an account. Knows no fills and no costs.

The day's floor is the balance at midnight in Prague less a share of the initial capital, whatever equity was
then; the account's floor stands still or follows the highest midnight balance. Equity is held against both
on every bar, at the open of a new day against the new floor first. Source: FTMO's trading objectives and
academy, as of the date in params.yaml.
"""

from dataclasses import dataclass
from typing import Annotated, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray
from pydantic import Field, ValidationInfo, field_validator

from tapeline.backtest.costs import Date
from tapeline.params import Section
from tapeline.schema import NO_PROGRAM

Records = NDArray[np.void]
Share = Annotated[float, Field(gt=0, lt=1)]  # of the initial capital
Count = Annotated[int, Field(ge=1, le=1_000_000)]

STATUSES = ("open", "passed", "daily_loss", "max_loss")
OPEN, PASSED, DAILY_LOSS, MAX_LOSS = range(len(STATUSES))
NO_NUMBER = -1
ROUNDING = 1e-9  # of the initial capital: a floor that is touched is touched whatever was rounded


class PhaseParams(Section):
    """One phase of a program."""

    target: Share | None  # profit that passes it; null: it has no end
    minimum_days: Annotated[int, Field(ge=0, le=3650)]  # days on which a position was opened


class ProgramParams(Section):
    """One way to a funded account."""

    daily_loss: Share
    max_loss: Share
    is_trailing: bool  # the account's floor follows the highest midnight balance
    best_day: Share | None  # largest share of positive days' profit that one day may make; null: no rule
    phases: Annotated[dict[str, PhaseParams], Field(min_length=1)]  # in order, each on a fresh account


class ChallengeParams(Section):
    """Of section `ftmo`, what one challenge takes: how a floor breaks, how days are resampled."""

    is_touch_breach: bool  # equity that equals a floor has broken it
    odds_days: Annotated[int, Field(ge=1, le=3650)]  # that a resampled challenge may last
    odds_paths: Annotated[int, Field(ge=100, le=1_000_000)]
    odds_block: Annotated[float, Field(ge=1, le=3650)]  # days, mean length of a resampled block


class FtmoParams(ChallengeParams):
    """Section `ftmo`."""

    as_of: Date  # of the rules below
    program: str  # the one whose figures are declared metrics; NO_PROGRAM: none is judged
    programs: Annotated[dict[str, ProgramParams], Field(min_length=1)]
    guard: Annotated[
        float, Field(ge=0, lt=1)
    ]  # share of the day's loss that ends trading for the day; 0: none
    requests_a_day: Count  # more are forbidden as hyperactivity
    positions_a_day: Count
    positions_at_once: Count
    control_runs: Annotated[int, Field(ge=1, le=1000)]  # of the same trades with random sides

    @field_validator("programs")
    @classmethod
    def _known_program(
        cls, programs: dict[str, ProgramParams], info: ValidationInfo
    ) -> dict[str, ProgramParams]:
        chosen = info.data.get("program")
        if NO_PROGRAM in programs:
            raise ValueError(f"must not call a program {NO_PROGRAM}, which says that there is none")
        if chosen not in (None, NO_PROGRAM, *programs):
            raise ValueError(f"must hold ftmo.program {chosen}; it holds {', '.join(programs)}")
        return programs

    @property
    def chosen(self) -> ProgramParams | None:
        """The program that the guard and the declared metrics follow; None on an account of another kind."""
        return self.programs.get(self.program)

    @property
    def judged(self) -> dict[str, ProgramParams]:
        """Programs that the account is held against: all, or none."""
        return self.programs if self.chosen else {}


class Limits(NamedTuple):
    """The rules of one phase, as the kernels take them; money in account currency."""

    initial: float
    daily_loss: float
    max_loss: float
    is_trailing: bool
    target: float  # profit; inf: none
    minimum_days: int
    best_day: float  # 1 where there is no rule
    tolerance: float  # above a floor that already breaks it


@dataclass(frozen=True)
class PhaseResult:
    """How one phase went.

    status : one of STATUSES; bar : where it was decided, or the last; first_bar : where it began
    daily_margin, max_margin : least distance of equity to the floors, account currency; negative is below
    days : account days it took, begun ones too; trading_days : on which a position was opened
    profit : closed, account currency; best_day_share : of positive days' profit, None without one
    """

    status: str
    first_bar: int
    bar: int
    daily_margin: float
    max_margin: float
    days: int
    trading_days: int
    profit: float
    best_day_share: float | None


def limits_of(program: ProgramParams, phase: PhaseParams, params: ChallengeParams, initial: float) -> Limits:
    """Return what the kernels need of a phase of an account that began with `initial`."""
    return Limits(
        initial,
        program.daily_loss * initial,
        program.max_loss * initial,
        program.is_trailing,
        np.inf if phase.target is None else phase.target * initial,
        phase.minimum_days,
        1.0 if program.best_day is None else program.best_day,
        (ROUNDING if params.is_touch_breach else -ROUNDING) * initial,
    )


def judge_phase(
    bars: Records, worst: NDArray[np.float64], day: NDArray[np.int32], first_bar: int, limits: Limits
) -> PhaseResult:
    """Judge an account that begins with its initial capital at `first_bar`, one of `starts(bars, day)`.

    The target counts at every moment without a position: at an open between exits and entries, at a close.

    worst : (n_bars,) equity that is held against the floors; day : (n_bars,) account day of each bar
    """
    offset = float(bars["flat_open"][first_bar]) - limits.initial
    status, bar, daily, maximum, days, traded, profit, best = _judge(
        bars, worst, day, first_bar, offset, limits
    )
    if status == NO_NUMBER:
        raise ValueError(f"equity is not a number on bar {bar}")
    best_day = None if np.isnan(best) else best
    return PhaseResult(STATUSES[status], first_bar, bar, daily, maximum, days, traded, profit, best_day)


def judge_program(
    bars: Records,
    worst: NDArray[np.float64],
    day: NDArray[np.int32],
    program: ProgramParams,
    params: ChallengeParams,
    initial: float,
    first_bar: int = 0,
) -> dict[str, PhaseResult]:
    """Judge the phases one after the other, each on a fresh account from the day after the one before.

    Phases that are not reached are missing.
    """
    phases: dict[str, PhaseResult] = {}
    for name, phase in program.phases.items():
        result = judge_phase(bars, worst, day, first_bar, limits_of(program, phase, params, initial))
        phases[name] = result
        later = starts(bars, day)
        later = later[day[later] > day[result.bar]]
        if result.status != "passed" or not later.size:
            break
        first_bar = int(later[0])
    return phases


def starts(bars: Records, day: NDArray[np.int32]) -> NDArray[np.int64]:
    """First bar of each account day at whose open the account is without a position, exits filled."""
    flat = np.flatnonzero(~np.isnan(bars["flat_open"]))
    return flat[np.unique(day[flat], return_index=True)[1]]


@njit(cache=True)
def _judge(
    bars: Records,
    worst: NDArray[np.float64],
    day: NDArray[np.int32],
    first: int,
    offset: float,
    limits: Limits,
) -> tuple[int, int, float, float, int, int, float, float]:
    initial = limits.initial
    midnight = highest = balance = initial
    daily_margin = max_margin = np.inf
    days = trading_days = 0
    has_traded = False
    positive = best = 0.0
    for i in range(first, len(worst)):
        if i == first or day[i] != day[i - 1]:
            if i > first:
                made = balance - midnight
                positive, best = positive + max(made, 0.0), max(best, made)
            midnight, highest = balance, max(highest, balance)
            days, has_traded = days + 1, False
        account_floor = (highest if limits.is_trailing else initial) - limits.max_loss
        day_floor = midnight - limits.daily_loss
        low = worst[i] - offset
        daily_margin, max_margin = min(daily_margin, low - day_floor), min(max_margin, low - account_floor)
        at_open, balance = bars[i].flat_open - offset, bars[i].balance - offset
        if np.isnan(low) or np.isnan(balance):  # it would lie below no floor
            return NO_NUMBER, i, np.nan, np.nan, days, trading_days, np.nan, np.nan
        has_opened = bars[i].n_opened > 0
        before, trading_days = trading_days, trading_days + (has_opened and not has_traded)
        has_traded |= has_opened
        share = _best_day_share(balance - midnight, positive, best)
        if low <= max(day_floor, account_floor) + limits.tolerance:
            status = DAILY_LOSS if day_floor >= account_floor else MAX_LOSS
            return status, i, daily_margin, max_margin, days, trading_days, balance - initial, share
        early = _best_day_share(at_open - midnight, positive, best)
        if _is_met(at_open, early, before, limits):
            return PASSED, i, daily_margin, max_margin, days, before, at_open - initial, early
        if bars[i].n_open == 0 and _is_met(balance, share, trading_days, limits):
            return PASSED, i, daily_margin, max_margin, days, trading_days, balance - initial, share
    share = _best_day_share(balance - midnight, positive, best)
    return OPEN, len(worst) - 1, daily_margin, max_margin, days, trading_days, balance - initial, share


@njit(cache=True)
def _is_met(flat: float, best_day: float, trading_days: int, limits: Limits) -> bool:
    """Whether the balance `flat`, NaN with a position, passes the phase."""
    is_above = flat - limits.initial > limits.target
    return is_above and best_day <= limits.best_day and trading_days >= limits.minimum_days


@njit(cache=True)
def _best_day_share(made: float, positive: float, best: float) -> float:
    """Of positive days' profit, today's `made` counted; NaN without one."""
    total = positive + max(made, 0.0)
    return max(best, made) / total if total > 0 else np.nan


def count_by_day(values: NDArray[np.integer], day: NDArray[np.int32]) -> int:
    """Largest sum of `values` over an account day; both of shape (n_bars,)."""
    return int(np.bincount(day - day[0], weights=values).max()) if len(day) else 0
