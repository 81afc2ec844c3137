"""What could be known at the tests' candles of the simulated market, beside what ingest stores."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from tapeline.market.known import known_at
from tapeline.market.simulation import HiddenMarket, SimulationParams, open_times
from tapeline.market.strength import Strengths
from tapeline.splits.folds import TimeFold


def ceilings_of_tests(
    hidden: HiddenMarket,
    params: SimulationParams,
    symbols: Sequence[str],
    folds: Sequence[TimeFold],
    strengths: Strengths,
    horizon: int,
    sequence_length: int,
) -> dict[str, pd.DataFrame]:
    """By symbol of a group, a row for every minute of the tests: `timestamp` and `known_at`'s columns."""
    times = open_times(params)
    minutes = np.flatnonzero(np.any([fold.mask(times, "test") for fold in folds], axis=0))
    known = known_at(hidden, params, strengths, horizon, sequence_length, minutes)
    tested = times.iloc[minutes].reset_index(drop=True)
    return {
        symbol: pd.DataFrame(
            {"timestamp": tested} | {name: values[:, position] for name, values in known.items()}
        )
        for position, symbol in enumerate(symbols)
    }
