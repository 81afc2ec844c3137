"""What an account earned, and how deep it sank."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from tapeline.evaluation.significance import Ends, Intervals

DAYS_PER_YEAR = 365  # these markets never close
MIN_DAYS_OF_GROWTH = 60  # a few good days to the power of a year are no rate of growth
# Days with a change of equity that any ratio needs; of fewer it is that of some lucky or unlucky days. Of
# ten, Student's quantile (2.26 at 95 %) is 15 % beyond the normal one of the probabilistic Sharpe ratio.
MIN_TRADED_DAYS = 10
FLAT = 1e-9  # relative to the largest return, a deviation that is only rounding
RATIOS = ("sharpe_ratio", "sortino_ratio", "calmar_ratio", "probabilistic_sharpe")


def score_equity(equity: pd.Series, lowest: NDArray[np.float64], initial_balance: float) -> dict[str, Any]:
    """Score `equity` at each candle's close (index: open time, UTC; account currency).

    lowest : (n,) equity at the worst of each candle
    days : UTC days; return_ : fraction of the initial balance
    max_drawdown : deepest fall from a running peak of closes, fraction of that peak; max_drawdown_inside : to
        the candles' worst
    average_drawdown : mean of the depths of all falls, from leaving a peak to the next or the end
    longest_drawdown_days, average_drawdown_days : days that the longest of them lasted, and on average
    sharpe_ratio, sortino_ratio : of daily (UTC) returns, annualised by sqrt(365); downside deviation is over
        all days. calmar_ratio : yearly growth over max_drawdown, from MIN_DAYS_OF_GROWTH on
    probabilistic_sharpe : probability that the true Sharpe ratio is above 0

    Ratios are None where equity changed on fewer than MIN_TRADED_DAYS, returns do not vary, nothing was lost,
    or the account was ruined: a return on nothing or less has no meaning.
    """
    values = np.concatenate([[initial_balance], equity.to_numpy()])
    depths = drawdown_depths(values)
    peaks = np.maximum.accumulate(values)[:-1]
    lasted = _falls(equity, initial_balance)
    closes = np.concatenate([[initial_balance], _daily_closes(equity)])
    max_drawdown = float(depths.max(initial=0.0))
    figures = {
        "days": int(closes.size - 1),
        "return_": float(values[-1] / initial_balance - 1),
        "max_drawdown": max_drawdown,
        "max_drawdown_inside": float((1 - lowest / peaks).max(initial=0.0)),
        "average_drawdown": float(depths.mean()) if depths.size else 0.0,
        "average_drawdown_days": float(lasted.mean()) if lasted.size else 0.0,
        "longest_drawdown_days": float(lasted.max(initial=0.0)),
    }
    ratios = dict.fromkeys(RATIOS)
    if values.min() > 0 and ratios_reason(equity, initial_balance) is None:
        returns = np.diff(closes) / closes[:-1]
        ratios |= _ratios(returns)
        if max_drawdown > 0 and returns.size >= MIN_DAYS_OF_GROWTH:
            yearly = (closes[-1] / closes[0]) ** (DAYS_PER_YEAR / returns.size) - 1
            ratios["calmar_ratio"] = float(yearly / max_drawdown)
    return figures | ratios


def daily_pnl(equity: pd.Series, initial_balance: float) -> pd.Series:
    """Change of `equity` on each UTC day, account currency."""
    closes = _daily_closes(equity)
    return closes.diff().fillna(closes.iloc[:1] - initial_balance)


def by_date(daily: pd.Series) -> dict[str, float]:
    """Values of `daily` by their UTC date, as ISO 8601 writes it."""
    return dict(zip(pd.DatetimeIndex(daily.index).strftime("%Y-%m-%d"), daily, strict=True))


def _daily_closes(equity: pd.Series) -> pd.Series:
    return equity.groupby(pd.DatetimeIndex(equity.index).floor("D")).last()


def ratios_reason(equity: pd.Series, initial_balance: float) -> str | None:
    """Why no ratio is taken of an account that changed on too few days; None where one is."""
    traded = int(np.count_nonzero(daily_pnl(equity, initial_balance)))
    enough = traded >= MIN_TRADED_DAYS
    return None if enough else f"equity changed on {traded} days; ratios need {MIN_TRADED_DAYS}"


def interval_of_total(daily: pd.Series | NDArray[np.float64], level: float) -> Ends:
    """Interval of the sum of `daily`, one value a day in order, over which days could have been seen."""
    ends = Intervals(np.arange(len(daily)), level, is_skewed=True).interval_of_mean(np.asarray(daily))
    low, high = (None if end is None else end * len(daily) for end in ends)
    return low, high


def sharpe_of_closes(closes: NDArray[np.float64], initial_balance: float) -> float | None:
    """Sharpe ratio a year, as `score_equity` has it, of the equity at the `closes` of UTC days, (n_days,).

    None where it changed on fewer than MIN_TRADED_DAYS, does not vary, or was lost at a day's end.
    """
    values = np.concatenate([[initial_balance], closes])
    if np.count_nonzero(np.diff(values)) < MIN_TRADED_DAYS or values.min() <= 0:
        return None
    sharpe = _sharpe(np.diff(values) / values[:-1])
    return None if sharpe is None else sharpe * DAYS_PER_YEAR**0.5


def deflated_sharpe(daily: NDArray[np.float64], initial_balance: float, trials: int) -> float | None:
    """Probability that the true Sharpe ratio is above the best that `trials` without an edge would show.

    daily : net PnL of each UTC day, account currency. None where equity does not vary, or was lost.
    """
    closes = initial_balance + np.concatenate([[0.0], np.cumsum(daily)])
    if closes.min() <= 0:
        return None
    return _probability_above(
        np.diff(closes) / closes[:-1], best_sharpe_of(trials, 1 / max(daily.size - 1, 1))
    )


def _probability_above(returns: NDArray[np.float64], benchmark: float) -> float | None:
    sharpe = _sharpe(returns)
    if sharpe is None:
        return None
    moments = float(stats.skew(returns)), float(stats.kurtosis(returns, fisher=False))
    return probabilistic_sharpe(sharpe, benchmark, returns.size, *moments)


def _sharpe(returns: NDArray[np.float64]) -> float | None:
    """Of one period; None where returns do not vary."""
    deviation = returns.std(ddof=1) if returns.size > 1 else 0.0
    if not deviation > FLAT * np.abs(returns).max(initial=0.0):
        return None
    return float(returns.mean() / deviation)


def _ratios(returns: NDArray[np.float64]) -> dict[str, float | None]:
    year, sharpe = DAYS_PER_YEAR**0.5, _sharpe(returns)
    if sharpe is None:
        return {}
    downside = np.sqrt(np.mean(np.minimum(returns, 0.0) ** 2))
    return {
        "sharpe_ratio": sharpe * year,
        "sortino_ratio": float(returns.mean() / downside * year) if downside > 0 else None,
        "probabilistic_sharpe": _probability_above(returns, 0.0),
    }


def probabilistic_sharpe(
    sharpe: float, benchmark: float, n: int, skew: float, kurtosis: float
) -> float | None:
    """Probability that the true Sharpe ratio of `n` returns is above `benchmark`; both ratios are a period's.

    `kurtosis` is a normal's 3. None where the moments leave the estimate no variance. Source: Bailey, Lopez
    de Prado 2012.
    """
    variance = 1 - skew * sharpe + (kurtosis - 1) / 4 * sharpe**2
    return float(stats.norm.cdf((sharpe - benchmark) * np.sqrt((n - 1) / variance))) if variance > 0 else None


def best_sharpe_of(trials: int, variance: float) -> float:
    """Sharpe ratio, a period's, that the best of `trials` without an edge shows on average.

    `variance` of the ratio between trials; of one without an edge over T periods it is 1 / (T - 1). One trial
    has no best: 0. Source: Bailey, Lopez de Prado 2014, the false strategy theorem.
    """
    if trials == 1:
        return 0.0
    upper = stats.norm.ppf([1 - 1 / trials, 1 - 1 / (trials * np.e)])
    return float(np.sqrt(variance) * ((1 - np.euler_gamma) * upper[0] + np.euler_gamma * upper[1]))


def _falls(equity: pd.Series, initial_balance: float) -> NDArray[np.float64]:
    """Days each fall lasted: from a peak's close, or the first, to the next as high, or to the end."""
    is_under = (equity < np.maximum(equity.cummax(), initial_balance)).to_numpy()
    starts = np.flatnonzero(is_under & ~np.concatenate([[False], is_under[:-1]]))
    ends = np.flatnonzero(~is_under & np.concatenate([[False], is_under[:-1]]))
    ends = np.append(ends, len(equity) - 1)[: len(starts)]
    times = pd.DatetimeIndex(equity.index)
    days = (times[ends] - times[np.maximum(starts - 1, 0)]) / pd.Timedelta(days=1)
    return days.to_numpy(dtype=np.float64)


def drawdown_depths(equity: NDArray[np.float64]) -> NDArray[np.float64]:
    """Depth of each fall below a running peak, as a fraction of the peak, in time order."""
    peak = np.maximum.accumulate(equity)
    depth = 1 - equity / peak
    is_under = depth > 0
    starts = np.flatnonzero(is_under & ~np.concatenate([[False], is_under[:-1]]))
    return np.maximum.reduceat(np.where(is_under, depth, 0.0), starts) if starts.size else np.empty(0)
