"""Intervals by loops that follow the words of the rule: sums of a time, six cosines, Student's t."""

import math

from scipy import stats


def sums_by_time(values, times):
    """What the rows of each time are off the mean of all, together, in order of time."""
    mean, sums = sum(values) / len(values), {}
    for value, time in zip(values, times, strict=True):
        sums[time] = sums.get(time, 0.0) + value - mean
    return mean, [sums[time] for time in sorted(sums)]


def standard_error(sums, n_rows):
    """Of the mean, from the slow waves of its sums, and how many of them there are."""
    n, freedom = len(sums), min(6, len(sums) - 1)
    squares = []
    for k in range(1, freedom + 1):
        wave = sum(off * math.cos(math.pi * k * (j + 0.5) / n) for j, off in enumerate(sums))
        squares.append(wave * wave * 2 / n)
    return math.sqrt(sum(squares) / freedom * n) / n_rows, freedom


def ends_of_rows(values, times, level):
    """Of the mean of rows."""
    mean, sums = sums_by_time([float(value) for value in values], times)
    error, freedom = standard_error(sums, len(values))
    t = stats.t.ppf(0.5 + level / 2, freedom)
    return mean - t * error, mean + t * error


def ends_of_days(made, level):
    """Of the sum of what days made: the statistic x whose symmetric one is t, found by halving."""
    if len(made) == 1:
        return None, None
    mean, sums = sums_by_time(made, range(len(made)))
    error, freedom = standard_error(sums, len(made))
    t = stats.t.ppf(0.5 + level / 2, freedom)
    skew = float(stats.skew(sums)) / math.sqrt(len(sums)) if len(sums) > 2 else 0.0

    def statistic(symmetric):
        """What rises monotonically, so that halving finds it."""
        low, high = -1e4, 1e4
        for _ in range(200):
            x = (low + high) / 2
            is_above = x + skew * x**2 / 3 + skew**2 * x**3 / 27 + skew / 6 > symmetric
            low, high = (low, x) if is_above else (x, high)
        return low

    n = len(made)
    return n * (mean - error * statistic(t)), n * (mean - error * statistic(-t))


def days_of_path(equity, initial):
    """What each UTC day made, by its date."""
    last, made = {}, {}
    for time, value in equity.items():
        last[time.strftime("%Y-%m-%d")] = value
    before = initial
    for date, value in last.items():
        made[date], before = value - before, value
    return made
