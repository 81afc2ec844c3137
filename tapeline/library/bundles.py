"""A promoted bundle on own candles."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
from pydantic import Field

from tapeline.errors import ArgumentError
from tapeline.library.arguments import read_arguments, require_columns, times_of
from tapeline.library.candles import canonical_candles, require_tables
from tapeline.params import Section
from tapeline.serving.answers import REFUSED, Answer
from tapeline.serving.batch import answer_table
from tapeline.serving.candles import CandleError
from tapeline.serving.stream import Stream


class PredictArguments(Section):
    """How many of the newest candles are predicted."""

    last: Annotated[int, Field(ge=0)]


def predict(
    candles: Mapping[str, pd.DataFrame],
    bundles: Sequence[Path | str],
    *,
    last: int = 0,
    allow_simulated: bool = False,
    allow_untrained: bool = False,
) -> pd.DataFrame:
    """Predict with promoted bundles, as `make predict` does: a row per candle, in time order by symbol.

    candles : by symbol, as for `feature_table`, of the bundles' interval; the leading symbol's among them
    bundles : folders of the bundles, as models/promoted/lstm-direction
    last : only the newest so many candles of each symbol; 0: all
    allow_simulated : predict with a bundle of the simulated market; allow_untrained : symbols that were not
        trained on

    Columns: `symbol`, `timestamp`, `status` ("predicted", "warming_up", "gap", "refused"), `reason`,
    `missing`, `probability` (of a rise), `tier`, `trend_strength`; where several bundles predict the same,
    each its own, as `ARTIFACT.probability`, and that column is empty. A candle that has not closed yet is
    refused. ArtifactError says why a bundle can't be used, ArgumentError what is wrong with the candles.
    """
    candles = require_tables(candles)
    if isinstance(bundles, str | Path) or not len(bundles):
        raise ArgumentError(f"bundles is {bundles!r}: must be a list of folders, with one at least")
    newest = read_arguments(PredictArguments, {"last": last}).last
    stream = Stream(*map(Path, bundles), allow_simulated=allow_simulated, allow_untrained=allow_untrained)
    for symbol in candles:
        try:
            stream.require_trained(symbol)
        except CandleError as error:
            raise ArgumentError(str(error)) from None
    if stream.leader is not None and stream.leader not in candles:
        raise ArgumentError(f"candles has no {stream.leader}: it leads, and its last moves are features")
    tables, answers = {}, []
    for symbol, table in candles.items():
        tables[symbol], not_closed = _closed(stream, table, f"candles of {symbol}")
        answers += [Answer(symbol, t, REFUSED, stream.why_open(_microseconds(t))) for t in not_closed]
    for symbol, own in tables.items():
        answers += answer_table(stream, symbol, own, tables.get(str(stream.leader), own), newest)
    return pd.DataFrame(map(_row, answers)).sort_values(["symbol", "timestamp"], ignore_index=True)


def _row(answer: Answer) -> dict[str, Any]:
    row = {name: value for name, value in vars(answer).items() if name != "predictions"} | vars(answer.single)
    for artifact, numbers in answer.several.items():
        row |= {f"{artifact}.{name}": value for name, value in numbers.record.items()}
    return row


def _closed(stream: Stream, table: pd.DataFrame, name: str) -> tuple[pd.DataFrame, list[pd.Timestamp]]:
    """Canonical candles that have closed, and the opens of those that have not."""
    times = times_of(require_columns(table, ("timestamp",), name), "timestamp", name)
    is_open = [stream.is_open(_microseconds(time)) for time in times]
    closed = table[[not each for each in is_open]]
    candles = canonical_candles(closed, interval=stream.interval, max_fill=stream.max_fill, name=name)
    return candles, [time for time, each in zip(times, is_open, strict=True) if each]


def _microseconds(time: pd.Timestamp) -> int:
    return int(time.value // 1000)
