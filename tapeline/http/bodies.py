"""What is posted, and what is wrong with it in one line."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from tapeline.errors import printable
from tapeline.serving.candles import brief

MOST_CANDLES = 2000  # of one request; a default model takes some 900 of a symbol before its first prediction
LONGEST_SYMBOL = 60
MOST_KEYS = 32  # of a candle; six are read
LONGEST_BODY = 1_048_576  # bytes; a candle takes some 150
RULES = {
    "missing": "is missing",
    "too_short": f"must hold 1 to {MOST_CANDLES} candles",
    "too_long": f"must hold 1 to {MOST_CANDLES} candles, each of at most {MOST_KEYS} keys",
    "dict_type": "must be a candle: an object with timestamp, open, high, low, close, volume",
    "string_unicode": "must be text of whole characters",
    "list_type": "must be a list of candles, oldest first",
    "extra_forbidden": "is unknown: there are symbol and candles",
}
EXAMPLE = 'must be {"symbol": "BTC-USD", "candles": [{"timestamp": ..., "open": ...}]}'
Candle = Annotated[
    dict[str, Any], Field(min_length=1, max_length=MOST_KEYS)
]  # read, or refused, as every other candle is


class Posted(BaseModel):
    """Closed candles, oldest first; a candle's own `symbol` goes before that of all."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    symbol: Annotated[str, Field(min_length=1, max_length=LONGEST_SYMBOL)] | None = None
    candles: Annotated[list[Candle], Field(min_length=1, max_length=MOST_CANDLES)]

    def pairs(self) -> Iterator[tuple[Any, Mapping[str, Any]]]:
        """Each candle with its symbol, which may be anything yet."""
        for candle in self.candles:
            yield candle.get("symbol", self.symbol), candle


def why_wrong(problems: Sequence[Mapping[str, Any]]) -> str:
    """The first of pydantic's `problems` with a body, in a line."""
    first = problems[0]
    if first["type"] == "json_invalid":
        why = first.get("ctx", {}).get("error", "")
        return printable(f"the body is no JSON ({why} at character {first['loc'][-1]}): {EXAMPLE}")
    where = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in first["loc"][1:])
    if not where:
        return f"the body is {brief(first['input'])}: {EXAMPLE}"
    rule = RULES.get(first["type"], first["msg"])
    is_there = first["type"] not in ("missing", "extra_forbidden")
    shown = f" is {brief(first['input'])}:" if is_there else ""
    return printable(f"{brief(where[1:])[1:-1]}{shown} {rule}")
