"""What can be known at minutes of the simulated market, beside where its price goes at best.

Trend strength from all that is past, and from less; and both labels from the last minutes alone, as many as
a network's window holds. A network's features reach further back than its window, so the last is no bound for
it: it says what a window adds up to whose candles tell of themselves alone.
"""

import numpy as np
from numpy.typing import NDArray

from tapeline.market.ceiling import FloatArray, ceiling_probability
from tapeline.market.filters import filter_windows
from tapeline.market.simulation import HiddenMarket, SimulationParams, beliefs_of, what_shows
from tapeline.market.strength import Strengths

MOST_STEPS = 400_000_000  # of the joint regimes of windows; of more than that every second... is looked at


def sampled_every(params: SimulationParams, n_symbols: int, n_minutes: int, length: int) -> int:
    """Of how many minutes in a row one window of `length` is looked at."""
    steps = n_minutes * length * len(params.regimes.steps) ** n_symbols
    return int(max(1, -(-steps // MOST_STEPS)))


def known_at(
    hidden: HiddenMarket,
    params: SimulationParams,
    strengths: Strengths,
    horizon: int,
    length: int,
    minutes: NDArray[np.int64],
) -> dict[str, FloatArray]:
    """What is known at `minutes` (m,), each array (m, S), NaN where a window was not looked at.

    `strength_median`, `strength_grade` : as strength.py says, from everything; with `_from_...` from less
    `window`, `strength_median_window`, `strength_grade_window` : from the last `length` minutes alone, the
    first the probability that the price is higher `horizon` minutes on
    """
    known: dict[str, FloatArray] = {}
    for name, beliefs in beliefs_of(hidden, params).items():
        suffix, then = "" if name == "probability" else f"_{name}", beliefs[minutes]
        known |= _of_strength(strengths, then, suffix)
    n_symbols = hidden.scaled_returns.shape[1]
    looked_at = slice(None, None, sampled_every(params, n_symbols, minutes.size, length))
    beliefs = filter_windows(
        hidden.scaled_returns, params.regimes, params.correlation, minutes[looked_at], length,
        *what_shows(hidden, params),
    )  # fmt: skip
    seen = {
        "window": ceiling_probability(beliefs, params.regimes, horizon),
        **_of_strength(strengths, beliefs, "_window"),
    }
    for name, values in seen.items():
        known[name] = np.full((minutes.size, n_symbols), np.nan)
        known[name][looked_at] = values
    return known


def _of_strength(strengths: Strengths, beliefs: FloatArray, suffix: str) -> dict[str, FloatArray]:
    """Both answers about the strength to come, by name."""
    return {
        f"strength_median{suffix}": strengths.median(beliefs),
        f"strength_grade{suffix}": strengths.grade(beliefs),
    }
