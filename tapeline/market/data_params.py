"""Section `data` of params.yaml: where candles come from and how far they are repaired.

Apart from `params`, so that a new layout makes nothing stale but ingest.
"""

from typing import Annotated, Literal

from pydantic import Field

from tapeline.market.params import FilledShare, MaxFill, Symbols
from tapeline.params import Section
from tapeline.schema import Interval, Workers

Layout = Literal["canonical", "binance", "bitfinex", "freqtrade"]  # order and names of the columns


class DataParams(Section):
    """Source, layout and repair of candles."""

    source: Literal["simulated", "files"]
    path: str  # folder of candle files
    layout: Layout | Literal["auto"]
    symbols: Symbols
    interval: Interval
    max_fill: MaxFill
    max_filled_share: FilledShare
    max_rejected_share: Annotated[float, Field(ge=0, le=1)]  # of a symbol's rows, rejected or in conflict
    workers: Workers
