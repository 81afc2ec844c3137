"""Candles as they come in, and answers as they go out to standard output."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import pandas as pd

STOPPED = "stopped"  # status of an answer that would have been a prediction


class Candle(NamedTuple):
    """A candle that has come: its symbol, `timestamp` and OHLCV by name, when it came in microseconds."""

    symbol: str
    fields: Mapping[str, Any]
    arrived: int


def once(candles: Iterable[Candle]) -> list[Candle]:
    """The first candle of each symbol and time."""
    found = {(each.symbol, str(each.fields.get("timestamp"))): each for each in reversed(list(candles))}
    return list(reversed(found.values()))


def as_told(record: Mapping[str, Any]) -> dict[str, Any]:
    """A record as an answer on standard output; stopped, it holds no prediction."""
    told = {
        "symbol": record["symbol"],
        "timestamp": pd.Timestamp(record["timestamp"], unit="us").isoformat() + "Z",
    }
    if record["is_stopped"]:
        reason = "the model does less than it promised; `make watch` says what"
        return told | {"status": STOPPED, "reason": reason, "bundles": json.loads(record["bundles"])}
    names = "status", "reason", "is_late", "probability", "tier", "trend_strength"
    told |= {name: record[name] for name in names if record[name] not in (None, "", False)}
    return told | {"predictions": json.loads(record["predictions"]), "bundles": json.loads(record["bundles"])}
