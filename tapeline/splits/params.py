"""Section `splits` of params.yaml."""

from typing import Annotated, Any, Literal

import pandas as pd
from pydantic import Field, PlainValidator

from tapeline.params import Section

MAX_DAYS = 36_525  # a hundred years


def _days_or_auto(value: Any) -> float | Literal["auto"]:
    if value == "auto":
        return "auto"
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not 0 < value <= MAX_DAYS:
        raise ValueError(f"must be days, a number greater than 0, or auto; at most {MAX_DAYS:,}")
    return float(value)


Days = Annotated[float | Literal["auto"], PlainValidator(_days_or_auto)]


class SplitParams(Section):
    """Folds, and the length of their parts in days or `auto`, a share of the candles' span."""

    mode: Literal["rolling", "expanding"]
    folds: Annotated[int, Field(ge=1, le=1000)]
    train: Days
    validation: Days
    test: Days
    embargo: Annotated[int, Field(ge=0, le=1_000_000)]  # candles

    def gap(self, horizon: int, step: pd.Timedelta) -> pd.Timedelta:
        """Time that lies between the last candle learned from and the first that it may be judged on.

        A label's `horizon`, candles of `step`, and the embargo behind its end.
        """
        return (horizon + self.embargo) * step
