"""Section `evaluation` of params.yaml."""

from typing import Annotated

from pydantic import Field

from tapeline.params import Section
from tapeline.schema import Seed

Share = Annotated[float, Field(gt=0, le=1)]
Hold = Annotated[int, Field(ge=1, le=100_000)]


class EvaluationParams(Section):
    """Section `evaluation`."""

    level: Annotated[float, Field(gt=0, lt=1)]  # of every interval
    block: Annotated[int, Field(ge=1, le=1_000_000)]  # candles a bootstrap block is long
    resamples: Annotated[int, Field(ge=100, le=1_000_000)]
    bins: Annotated[int, Field(ge=2, le=1000)]  # of the reliability curve and of ECE
    edge_shares: Annotated[
        tuple[Share, ...], Field(strict=False, min_length=1, max_length=100)
    ]  # most confident calls
    edge_holds: Annotated[tuple[Hold, ...], Field(strict=False, min_length=1, max_length=100)]  # candles held
    seed: Seed
