"""How likely a program is passed: from every day on which it could have begun, and from resampled days.

A resampled challenge draws whole account days, in blocks of random length, with the worst that equity did
inside them. Within a day a breach comes before a target, so the probability errs to the safe side. Source
of the stationary bootstrap: Politis, Romano 1994.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from tapeline.backtest.ftmo import (
    DAILY_LOSS,
    MAX_LOSS,
    OPEN,
    PASSED,
    ChallengeParams,
    Limits,
    ProgramParams,
    limits_of,
)

Records = NDArray[np.void]
Series = Mapping[str, NDArray[Any]]
OF_DAYS = "balance", "flat_open", "equity_low", "n_open", "n_opened"  # columns that days are made of
CODES = (
    PASSED,
    DAILY_LOSS,
    MAX_LOSS,
)  # an argument of compiled code, which would not see another file change
FAN = (0.05, 0.25, 0.5, 0.75, 0.95)  # quantiles of balance that are kept
OUTER, INNER = 200, 500  # resamples of the observed days for the interval, and paths of each

day_dtype = np.dtype(
    [
        ("made", np.float64),  # change of balance from midnight to midnight, account currency
        ("low", np.float64),  # worst equity less the midnight balance
        ("flat_high", np.float64),  # highest balance without a position, less the midnight balance
        ("has_opened", np.bool_),  # a position was opened
    ]
)


@dataclass(frozen=True)
class PassProbability:
    """Of one phase, of all paths that began with it.

    low, high : interval of `passed` over which days could have been seen; None where it was not asked for
    days : account days that passing took, quantiles 0.25, 0.5, 0.75; None if nothing passed
    fan : (odds_days, len(FAN)) balance after each day if nothing ended the path
    """

    passed: float
    daily_loss: float
    max_loss: float
    unfinished: float
    low: float | None
    high: float | None
    days: tuple[float, ...] | None
    fan: NDArray[np.float64]


def whole_days(bars: Series | Records, worst: NDArray[np.float64], day: NDArray[np.int32]) -> Records:
    """Days of a path; the first and the last, which may be cut, are left out if there are more than two.

    bars : of `OF_DAYS`, (n_bars,) each
    worst : (n_bars,) equity that is held against the floors
    """
    first = np.flatnonzero(np.diff(day, prepend=day[0] - 1))
    if len(first) > 2:
        first, end = first[1:-1], first[2:]
    else:
        end = np.append(first[1:], len(day))
    found = np.zeros(len(first), dtype=day_dtype)
    for k, (a, b) in enumerate(zip(first, end, strict=True)):
        midnight = bars["balance"][a - 1 if a else 0]  # no fill is possible on the first bar of all
        at_close = np.where(bars["n_open"][a:b] == 0, bars["balance"][a:b], np.nan)
        flat = np.fmax(bars["flat_open"][a:b], at_close)
        found[k] = (
            bars["balance"][b - 1] - midnight,
            worst[a:b].min() - midnight,
            np.fmax.reduce(flat, initial=-np.inf) - midnight,
            bars["n_opened"][a:b].any(),
        )
    return found


def challenge_pass_probability(
    runs: Sequence[Records], limits: Limits, params: ChallengeParams, seed: int, level: float | None = None
) -> PassProbability:
    """Resample whole days of `runs` (each of `day_dtype`, of one length) into challenges under `limits`.

    A path stays within one run. With a `level` the interval says how much hangs on the days seen: the days
    themselves are resampled OUTER times, and the probability taken again from each.
    """
    days = np.stack(runs)
    if np.isnan([days["made"], days["low"], days["flat_high"]]).any():  # it would break no floor
        raise ValueError("a day of the account is not a number")
    statuses, taken = _resample(
        days, limits, params.odds_paths, params.odds_days, params.odds_block, seed, CODES
    )
    shares = np.bincount(statuses, minlength=4) / statuses.size
    low = high = None
    if level is not None:
        again = _odds_again(days, limits, params.odds_days, params.odds_block, seed)
        low, high = (float(q) for q in np.quantile(again, [(1 - level) / 2, (1 + level) / 2]))
        low, high = min(low, float(shares[PASSED])), max(high, float(shares[PASSED]))
    took = taken[statuses == PASSED]
    return PassProbability(
        float(shares[PASSED]),
        float(shares[DAILY_LOSS]),
        float(shares[MAX_LOSS]),
        float(shares[OPEN]),
        low,
        high,
        tuple(np.quantile(took, [0.25, 0.5, 0.75]).tolist()) if took.size else None,
        _fan(days, limits.initial, params, seed),
    )


def program_pass_probability(
    runs: Sequence[Records],
    program: ProgramParams,
    params: ChallengeParams,
    initial: float,
    seed: int,
    level: float | None = None,
) -> dict[str, PassProbability]:
    """Return the pass probability of each phase with a target, each begun on a fresh account."""
    return {
        name: challenge_pass_probability(
            runs, limits_of(program, phase, params, initial), params, seed, level
        )
        for name, phase in program.phases.items()
        if phase.target is not None
    }


def _odds_again(
    days: Records, limits: Limits, odds_days: int, block: float, seed: int
) -> NDArray[np.float64]:
    rng = np.random.default_rng(seed)
    passed = np.empty(OUTER)
    for k in range(OUTER):
        drawn = _blocks(rng, days.shape[1], block)
        statuses, _ = _resample(
            days[:, drawn], limits, 500, odds_days, block, int(rng.integers(2**31)), CODES
        )
        passed[k] = np.mean(statuses == PASSED)
    return passed


def _blocks(rng: np.random.Generator, n: int, block: float) -> NDArray[np.int64]:
    """Positions of a stationary resample of `n` days."""
    found = np.empty(n, dtype=np.int64)
    at = 0
    for k in range(n):
        at = int(rng.integers(n)) if k == 0 or rng.random() < 1 / block else (at + 1) % n
        found[k] = at
    return found


def _fan(days: Records, initial: float, params: ChallengeParams, seed: int) -> NDArray[np.float64]:
    made = np.ascontiguousarray(days["made"])
    balance = initial + _paths(made, min(params.odds_paths, 2000), params.odds_days, params.odds_block, seed)
    return np.quantile(balance, FAN, axis=0).T


@njit(cache=True)
def _paths(
    made: NDArray[np.float64], n_paths: int, n_steps: int, block: float, seed: int
) -> NDArray[np.float64]:
    np.random.seed(seed % 2**32)  # noqa: NPY002 - numba's own generator, inside compiled code
    found = np.empty((n_paths, n_steps))
    for path in range(n_paths):
        run, at, total = np.random.randint(made.shape[0]), 0, 0.0  # noqa: NPY002
        for step in range(n_steps):
            if step == 0 or np.random.random() < 1 / block:  # noqa: NPY002
                at = np.random.randint(made.shape[1])  # noqa: NPY002
            else:
                at = (at + 1) % made.shape[1]
            total += made[run, at]
            found[path, step] = total
    return found


@njit(cache=True)
def _resample(
    days: Records,
    limits: Limits,
    n_paths: int,
    n_steps: int,
    block: float,
    seed: int,
    codes: tuple[int, int, int],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Status and length in days of each path; `codes` of a pass and of the two breaches, else 0."""
    np.random.seed(seed % 2**32)  # noqa: NPY002 - numba's own generator, inside compiled code
    statuses, taken = np.zeros(n_paths, dtype=np.int64), np.zeros(n_paths, dtype=np.int64)
    for path in range(n_paths):
        run, at = np.random.randint(days.shape[0]), 0  # noqa: NPY002
        balance = highest = limits.initial
        positive = best = 0.0
        trading_days = 0
        for step in range(n_steps):
            if step == 0 or np.random.random() < 1 / block:  # noqa: NPY002
                at = np.random.randint(days.shape[1])  # noqa: NPY002
            else:
                at = (at + 1) % days.shape[1]
            d = days[run, at]
            highest = max(highest, balance)
            account_floor = (highest if limits.is_trailing else limits.initial) - limits.max_loss
            day_floor = balance - limits.daily_loss
            trading_days += d.has_opened
            taken[path] = step + 1
            if balance + d.low <= max(day_floor, account_floor) + limits.tolerance:
                statuses[path] = codes[1] if day_floor >= account_floor else codes[2]
                break
            total = positive + max(d.flat_high, 0.0)
            is_met = balance + d.flat_high - limits.initial > limits.target
            is_even = max(best, d.flat_high) <= limits.best_day * total
            if is_met and is_even and trading_days >= limits.minimum_days:
                statuses[path] = codes[0]
                break
            positive, best = positive + max(d.made, 0.0), max(best, d.made)
            balance += d.made
    return statuses, taken
