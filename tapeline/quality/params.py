"""Section `quality` of params.yaml: what only warns, how much is too much, how hard leaks are looked for."""

from typing import Annotated, Literal

from pydantic import Field

from tapeline.params import Section
from tapeline.schema import Seed

# Rules about rows, columns, types and time are no choice: nothing after them means anything if they fail.
Rule = Literal[
    "finite",
    "positive",
    "volume",
    "ohlc",
    "filled_flat",
    "filled_share",
    "outsized_move",
    "stale_close",
    "range",
    "constant",
    "label_range",
    "label_balance",
    "label_missing",
]
Share = Annotated[float, Field(ge=0, le=1)]


class QualityParams(Section):
    """Section `quality`."""

    warnings: Annotated[tuple[Rule, ...], Field(strict=False)]  # rules that warn; all others are critical
    max_filled_share: Share  # of a symbol's candles
    max_move: Annotated[float, Field(gt=0)]  # robust standard deviations of one candle's log return
    max_outsized_share: Share  # of candles that may move more
    max_stale: Annotated[int, Field(ge=1)]  # traded candles in a row without a new close
    min_label_share: Annotated[float, Field(ge=0, le=0.5)]  # of up, and of down, among labelled rows
    max_missing_labels: Share  # of rows
    leak_cuts: Annotated[int, Field(ge=1)]  # audited candles, per symbol and audit
    seed: Seed  # of the choice of cuts
