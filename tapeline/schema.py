"""Names and types that cross the borders between packages."""

from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Protocol

from pydantic import AfterValidator, Field, StringConstraints

if TYPE_CHECKING:  # where nothing else needs it, it is not loaded
    import pandas as pd

Source = Literal["simulated", "files"]  # of candles
Interval = Literal["1m", "5m", "15m", "1h"]
INTERVAL_MINUTES: dict[str, int] = {"1m": 1, "5m": 5, "15m": 15, "1h": 60}
Horizon = Annotated[int, Field(ge=1, le=1500)]  # candles ahead that a label looks
NO_PROGRAM = "none"  # of `ftmo.program`: an account that FTMO does not watch
Refit = Literal["none", "all"]  # the last fold's model is offered, or one trained up to the end
ReplayCandles = Annotated[
    int, Field(ge=1, le=10_000_000)
]  # fed to the packed bundles before they are promoted
Seed = Annotated[int, Field(ge=0, le=2**32 - 1)]
Workers = Annotated[int, Field(ge=1, le=64)]  # processes side by side; the same bytes for any number
FilledShare = Annotated[float, Field(ge=0, le=1)]  # of the candles in a window
MaxFill = Annotated[int, Field(ge=0, le=1000)]  # candles; a longer gap starts a new segment


def _unique(symbols: tuple[str, ...]) -> tuple[str, ...]:
    twice = sorted({symbol for symbol in symbols if symbols.count(symbol) > 1})
    if twice:
        raise ValueError(f"must hold no duplicates, and holds {', '.join(twice)} more than once")
    return symbols


# A symbol names a folder or file, so neither a separator nor a leading dot may be in it.
Symbol = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
Symbols = Annotated[tuple[Symbol, ...], Field(strict=False, min_length=1), AfterValidator(_unique)]

PRICES = ("open", "high", "low", "close")
OHLCV = (*PRICES, "volume")
TIMESTAMP_TYPE: Final = "datetime64[us, UTC]"  # candle OPEN time

# The canonical candle table, in this order; one file a symbol.
CANDLE_TYPES = {
    "timestamp": TIMESTAMP_TYPE,
    "open": "float64",
    "high": "float64",
    "low": "float64",
    "close": "float64",
    "volume": "float64",
    "is_filled": "bool",  # a missing candle, filled flat with zero volume
    "segment": "int32",  # counts up at every gap too long to fill
    "file": "int32",  # position of the source file it came from; a filled candle's is that of the one before
}

DIRECTION = "direction"  # 1.0 up, 0.0 down, NaN where prices are equal or the future is not there
TREND_STRENGTH = "trend_strength"  # Kaufman's efficiency ratio of the next candles, 0..1, NaN likewise
LABELS = (DIRECTION, TREND_STRENGTH)
# Of a feature in tables and in serving alike, cast where it has been computed: a rounding of 6e-8 of the
# value, far below what audits let a column differ by, for half the memory.
FEATURE_TYPE = "float32"
ROW_KEYS = ["symbol", "timestamp"]  # what tells a row of all symbols' tables, and of predictions, from others
KEYS = ("timestamp", "segment", "is_filled")  # what a feature table has beside features and labels


class Tabular(Protocol):
    """A table of which a column, or some rows, are taken at a time: a DataFrame, or one left in its file."""

    def __len__(self) -> int:
        """Rows."""

    def __getitem__(self, column: str, /) -> "pd.Series[Any]":
        """All rows of a column."""

    @property
    def iloc(self) -> Any:
        """`iloc[begin:end]` is a DataFrame of these rows."""
