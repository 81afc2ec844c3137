"""What live recorded, given back to the pipeline: raw candles, and the champion beside a candidate."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tapeline.candles import bar_numbers
from tapeline.evaluation.promise import direction_values, trend_values
from tapeline.evaluation.significance import Intervals
from tapeline.live.records import Records, as_table
from tapeline.outputs import write_table
from tapeline.schema import DIRECTION, OHLCV, ROW_KEYS
from tapeline.serving.answers import PREDICTED, REFUSED

LEAST_MOMENTS = 96  # bars of labels that do not overlap, below which two models are not compared


@dataclass(frozen=True)
class Compared:
    """Two models over the same rows: right calls, or mean error; interval of candidate less champion."""

    figure: str
    rows: int
    first: pd.Timestamp
    last: pd.Timestamp
    champion: float
    candidate: float
    low: float | None
    high: float | None


def write_recorded(records: Records, folder: Path, interval: str) -> dict[str, int]:
    """Write the candles of every recorded day as `folder`/SYMBOL/SYMBOL-INTERVAL-DAY.parquet; rows by symbol.

    A day that is recorded on gets more candles the next time; whole days stay as they are. What was refused
    is no candle. Ingest reads and checks them as any other file.
    """
    columns = ["symbol", "status", "timestamp", *OHLCV]
    days = [as_table([]), *(records.read_day(day) for day in records.days())]
    recorded = pd.concat([day[columns] for day in days], ignore_index=True)
    recorded = recorded[recorded["status"] != REFUSED]
    written: dict[str, int] = {}
    for (name, day), rows in recorded.groupby(["symbol", recorded["timestamp"].dt.strftime("%Y-%m-%d")]):
        path = folder / str(name) / f"{name}-{interval}-{day}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_table(path, rows[["timestamp", *OHLCV]].sort_values("timestamp", ignore_index=True))
        written[str(name)] = written.get(str(name), 0) + len(rows)
    return written


def answered(records: Records, artifact: str, bundle_id: str) -> pd.DataFrame:
    """What a bundle answered live, in time: `symbol`, `timestamp`, `prediction`."""
    rows: list[dict[str, Any]] = []
    for record in records.read():
        if record["status"] != PREDICTED or record["is_late"]:
            continue
        if f'"{artifact}": "{bundle_id}"' not in record["bundles"]:
            continue
        value = _number(record["predictions"], artifact)
        if value is not None:
            rows.append({"symbol": record["symbol"], "timestamp": record["timestamp"], "prediction": value})
    table = pd.DataFrame(rows, columns=[*ROW_KEYS, "prediction"])
    times = pd.to_datetime(table["timestamp"].to_numpy(np.int64), unit="us", utc=True)
    return table.assign(timestamp=times.astype("datetime64[us, UTC]"))


def compare(
    champion: pd.DataFrame,
    candidate: pd.DataFrame,
    labels: pd.DataFrame,
    label: str,
    horizon: int,
    minutes: int,
    level: float,
) -> Compared | None:
    """Hold both against what came of the rows that both predicted; None of too few to say anything.

    champion, candidate : `symbol`, `timestamp`, `prediction`, each out of sample
    labels : `symbol`, `timestamp` and the column `label`
    """
    both = champion.merge(candidate, on=ROW_KEYS, suffixes=("", "_candidate"), validate="one_to_one")
    both = both.merge(labels, on=ROW_KEYS, validate="one_to_one")
    both = both[both[label].notna()]
    if both.empty:
        return None
    bar = bar_numbers(both["timestamp"], both["timestamp"].min(), minutes)
    if len(np.unique(bar // horizon)) < LEAST_MOMENTS:
        return None
    truth = both[label].to_numpy(np.float64)
    values = [
        _values(both[column].to_numpy(np.float64), truth, label)
        for column in ("prediction", "prediction_candidate")
    ]
    low, high = Intervals(bar, level).interval_of_difference(values[1], values[0])
    means = [float(each.mean()) for each in values]
    figure = "accuracy" if label == DIRECTION else "error"
    times = both["timestamp"]
    return Compared(figure, len(both), times.min(), times.max(), means[0], means[1], low, high)


def _values(prediction: np.ndarray, truth: np.ndarray, label: str) -> np.ndarray:
    if label == DIRECTION:
        return direction_values(prediction, truth, np.zeros(len(truth), dtype=bool))["accuracy"]
    return trend_values(prediction, truth)["trend_error"]


def _number(text: str, artifact: str) -> float | None:
    found: Mapping[str, float | None] = json.loads(text) if text else {}
    return found.get(artifact)


def sentence(compared: Compared | None, artifact: str) -> str:
    """The comparison for people."""
    if compared is None:
        return (
            f"{artifact}: not comparable: fewer than {LEAST_MOMENTS} moments that the champion answered live "
            "lie in the candidate's test"
        )
    ends = "" if compared.low is None else f" [{compared.low:+.4f}, {compared.high:+.4f}]"
    return (
        f"{artifact}: {compared.figure} of the champion, live, {compared.champion:.4f}, of the candidate "
        f"{compared.candidate:.4f}, difference {compared.candidate - compared.champion:+.4f}{ends}, on the "
        f"same {compared.rows:,} candles from {compared.first:%Y-%m-%d %H:%M} to "
        f"{compared.last:%Y-%m-%d %H:%M}, after both trainings"
    )


def days_of(symbols: Iterable[str], written: Mapping[str, int]) -> str:
    """How many candles of each symbol were written, in a sentence."""
    return ", ".join(f"{written.get(symbol, 0):,} of {symbol}" for symbol in symbols)
