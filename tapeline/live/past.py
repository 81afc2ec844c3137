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
