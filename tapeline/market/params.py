"""Single keys of section `data` that stages behind ingest read too."""

from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints


def _unique(symbols: tuple[str, ...]) -> tuple[str, ...]:
    twice = sorted({symbol for symbol in symbols if symbols.count(symbol) > 1})
    if twice:
        raise ValueError(f"must hold no duplicates, and holds {', '.join(twice)} more than once")
    return symbols


# A symbol names a folder or file, so neither a separator nor a leading dot may be in it.
Symbol = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
Symbols = Annotated[tuple[Symbol, ...], Field(strict=False, min_length=1), AfterValidator(_unique)]
FilledShare = Annotated[float, Field(ge=0, le=1)]  # of the candles in a window
MaxFill = Annotated[int, Field(ge=0, le=1000)]  # candles; a longer gap starts a new segment
