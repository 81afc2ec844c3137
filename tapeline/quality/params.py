"""Section `quality` of params.yaml: what only warns, how much is too much, how many candles are audited."""

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
    "gap_share",
    "quiet",
    "outsized_move",
    "seam",
    "stale_close",
    "range",
    "constant",
    "duplicate",
    "label_range",
    "label_balance",
    "label_missing",
    "drift",
]
Share = Annotated[float, Field(ge=0, le=1)]
Sigmas = Annotated[float, Field(gt=0, le=1e6)]  # standard deviations of the 240 log returns before


class LeakParams(Section):
    """Of section `quality`, what the leak audits take."""

    leak_cuts: Annotated[int, Field(ge=1, le=100_000)]  # audited candles, per symbol and audit
    seed: Seed  # of the choice of cuts


class QualityParams(LeakParams):
    """Section `quality`."""

    warnings: Annotated[tuple[Rule, ...], Field(strict=False)]  # rules that warn; all others are critical
    max_filled_share: Share  # of a symbol's candles
    max_gap_share: Share  # of the span from first to last candle, that no candle is there for
    max_quiet: Annotated[int, Field(ge=1, le=10_000_000)]  # traded candles in a row without volume
    max_move: Sigmas  # of one candle's log return
    max_outsized_share: Share  # of candles that may move more
    max_seam_move: Sigmas  # onto the first candle of another file
    max_stale: Annotated[int, Field(ge=1, le=10_000_000)]  # traded candles in a row without a new close
    min_label_share: Annotated[float, Field(ge=0, le=0.5)]  # of up, and of down, among labelled rows
    max_missing_labels: Share  # of rows
    max_psi: Annotated[float, Field(gt=0, le=1000)]  # of a feature, last test against its training
    max_ks: Annotated[float, Field(gt=0, le=1)]  # likewise
