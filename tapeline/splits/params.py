"""Section `splits` of params.yaml."""

import math
from typing import Annotated, Any, Literal

import pandas as pd
from pydantic import Field, PlainValidator

from tapeline.params import Section


def _days_or_auto(value: Any) -> float | Literal["auto"]:
    if value == "auto":
        return "auto"
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value) or value <= 0:
        raise ValueError("must be days, a number greater than 0, or auto")
    return float(value)


Days = Annotated[float | Literal["auto"], PlainValidator(_days_or_auto)]


class SplitParams(Section):
    """Folds, and the length of their parts in days or `auto`, a share of the candles' span."""

    mode: Literal["rolling", "expanding"]
    folds: Annotated[int, Field(ge=1, le=1000)]
    train: Days
    validation: Days
    test: Days
    embargo: Annotated[int, Field(ge=0)]  # candles

    def gap(self, horizon: int, step: pd.Timedelta) -> pd.Timedelta:
        """Time that lies between the last candle learned from and the first that it may be judged on.

        A label's `horizon`, candles of `step`, and the embargo behind its end.
        """
        return (horizon + self.embargo) * step
