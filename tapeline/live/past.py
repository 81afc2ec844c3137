"""What a live folder holds, read again: candles from before the first answer, and every record since."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from tapeline.errors import ArtifactError
from tapeline.live.followed import Followed
from tapeline.live.production import Production
from tapeline.outputs import write_table
from tapeline.schema import OHLCV
from tapeline.serving.answers import REFUSED

HISTORY = "history.parquet"
Candles = Mapping[str, Iterable[Mapping[str, Any]]]  # by symbol: timestamp in microseconds, OHLCV


def write_history(folder: Path, candles: Candles) -> None:
    """Write candles from before the first answer; the account's first ranges reckon by them."""
    rows = [{"symbol": symbol} | dict(row) for symbol, each in candles.items() for row in each]
    if rows:
        write_table(folder / HISTORY, pd.DataFrame(rows))


def in_step(history: Mapping[str, pd.DataFrame]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Candles of tables by symbol as they came: by time, those of a bar in the order of the symbols."""
    rows = [
        (int(time), symbol, dict(zip(OHLCV, values, strict=True)))
        for symbol, table in history.items()
        for time, values in zip(
            table["timestamp"].astype("datetime64[us, UTC]").astype("int64"),
            table[list(OHLCV)].to_numpy().tolist(),
            strict=True,
        )
    ]
    order = {symbol: k for k, symbol in enumerate(history)}
    for time, symbol, values in sorted(rows, key=lambda row: (row[0], order[row[1]])):
        yield symbol, {"timestamp": time} | values


def read_history(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """The candles that were written; none if there are none."""
    if not (folder / HISTORY).exists():
        return {}
    try:
        table = pd.read_parquet(folder / HISTORY)[["symbol", "timestamp", *OHLCV]]
    except (OSError, ValueError, KeyError) as error:
        raise ArtifactError(f"{folder / HISTORY}: can't be read ({error}); move {folder} away") from error
    found: dict[str, list[dict[str, Any]]] = {}
    for symbol, time, *values in table.itertuples(index=False):
        found.setdefault(symbol, []).append({"timestamp": int(time)} | dict(zip(OHLCV, values, strict=True)))
    return found


def follow(
    records: Iterable[dict[str, Any]], production: Production, followed: Followed
) -> Iterator[dict[str, Any]]:
    """Hand records on to `followed`, and yield each; those of other bundles only to learn from."""
    for record in records:
        if record["bundles"] == production.label:
            followed.add(record)
        elif record["status"] != REFUSED:
            followed.learn({record["symbol"]: [{name: record[name] for name in ("timestamp", *OHLCV)}]})
        yield record
