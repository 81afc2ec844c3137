"""Candles as they come in, and answers as they go out to standard output."""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tapeline.live.production import Production, hash_of
from tapeline.serving.answers import Answer

EPOCH = datetime(1970, 1, 1)
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


def as_columns(answer: Answer, production: Production, row: NDArray[np.float32] | None) -> dict[str, Any]:
    """An answer of `production` as columns of a record; `row` is what it was predicted from, (F,)."""
    predictions = answer.predictions
    direction, trend = predictions.get(production.direction), predictions.get(production.trend)
    return {
        "status": answer.status,
        "reason": answer.reason,
        "probability": direction.value if direction else None,
        "tier": direction.tier if direction else None,
        "trend_strength": trend.value if trend else None,
        "predictions": json.dumps({name: each.value for name, each in predictions.items()}),
        "row": hash_of(row),
        "bundles": production.label,
    }


def as_told(record: Mapping[str, Any], answer: Answer, ids: Mapping[str, str]) -> dict[str, Any]:
    """An answer of the bundles `ids` as told on standard output; stopped, it holds no prediction."""
    told = {
        "symbol": record["symbol"],
        "timestamp": (EPOCH + timedelta(microseconds=record["timestamp"])).isoformat() + "Z",
    }
    if record["is_stopped"]:
        reason = "the model does less than it promised; `make watch` says what"
        return told | {"status": STOPPED, "reason": reason, "bundles": dict(ids)}
    names = "status", "reason", "is_late", "probability", "tier", "trend_strength"
    told |= {name: record[name] for name in names if record[name] not in (None, "", False)}
    predictions = {name: each.value for name, each in answer.predictions.items()}
    return told | {"predictions": predictions, "bundles": dict(ids)}
