"""Section `data` of params.yaml: where candles come from and how far they are repaired.

Apart from `params`, so that a new layout makes nothing stale but ingest.
"""

from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field

from tapeline.extra import Extras
from tapeline.market.layouts import LAYOUT_NAMES
from tapeline.memory import MemoryGb
from tapeline.params import Section
from tapeline.schema import OHLCV, FilledShare, Interval, MaxFill, Source, Symbols, Workers

# A checker of types reads no names from a table; pydantic does.
Layout = Literal["auto", *LAYOUT_NAMES]  # type: ignore[valid-type]
Part = Literal["timestamp", *OHLCV]  # type: ignore[valid-type]
Position = Annotated[int, Field(ge=1, le=1000)]  # of a column, counted from 1, where there is no header


def _iana_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError("must be a zone of the IANA list, as UTC or Europe/Prague") from error
    return name


Timezone = Annotated[str, AfterValidator(_iana_zone)]


class RepairParams(Section):
    """Of section `data`, what cleaning takes: how far candles are repaired."""

    interval: Interval
    max_fill: MaxFill
    max_rejected_share: Annotated[float, Field(ge=0, le=1)]  # of a symbol's rows, rejected or in conflict


class DataParams(RepairParams):
    """Source, layout and repair of candles."""

    source: Source
    path: str  # folder of candle files
    layout: Layout  # order and names of the columns
    columns: dict[Part, str | Position]  # names in the files of what no layout knows; {} where all are known
    timezone: Timezone | None  # of times without zone; None: such times are refused
    symbols: Symbols
    max_filled_share: FilledShare
    workers: Workers
    memory_gb: MemoryGb  # that a stage may take; None: what the machine has
    extra: Extras  # inputs beyond candles, which no candle is made of
    extra_path: str  # folder of their files
