"""Section `live` of params.yaml."""

from typing import Annotated

from pydantic import Field

from tapeline.params import Section


class LiveParams(Section):
    """Section `live`, which no stage reads."""

    late_s: Annotated[float, Field(gt=0, le=3600)]  # after its candle's close an answer is too late to trade
    poll_s: Annotated[float, Field(ge=0.1, le=60)]  # between two questions to an exchange
    false_stops: Annotated[float, Field(gt=0, le=0.5)]  # chance a year that a model as good as promised stops
    window_days: Annotated[float, Field(gt=0, le=366)]  # of rolling figures and of drift
    drift: Annotated[float, Field(gt=0, le=10)]  # stability index of a feature beyond which it has drifted
    late_share: Annotated[float, Field(gt=0, le=1)]  # of answers, or of refused candles, that warns
