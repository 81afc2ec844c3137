"""Candles of a run as production would feed them: one a line, real ones alone, symbols interleaved."""

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from tapeline.promotion.contract import Contract
from tapeline.release.replay_stretches import Stretch
from tapeline.schema import INTERVAL_MINUTES, OHLCV, ROW_KEYS
from tapeline.serving.answers import Answer
from tapeline.serving.lines import predict_lines
from tapeline.serving.recorded import DELAY_S, Clock
from tapeline.serving.stream import Stream
from tapeline.store.tables import read_table


class Feed:
    """The canonical candles in `candles`, fed to the bundles in `folders` by the code of `make predict`.

    length : candles of one prediction; step : from candle to candle; leader : symbol that others follow
    warm_up : candles of all symbols that are fed before the first of a stretch
    """

    def __init__(self, folders: Sequence[Path], candles: Path | str) -> None:
        """Open the bundles; ArtifactError, DataError name what is wrong with them or a symbol's candles."""
        self._folders, self._clock = folders, Clock()
        stream = self.stream()
        self.contracts: dict[str, Contract] = {
            each.artifact: each.bundle.contract for each in stream.predictors
        }
        self.length, self.leader = stream.length, stream.leader
        self.step = pd.Timedelta(minutes=INTERVAL_MINUTES[stream.interval])
        # What a prediction can depend on: its rows' lookback, and a leader's close as old as a gap may be.
        self._before = (stream.lookback + stream.length + 2 * stream.max_fill + 1) * self.step
        self.candles = {symbol: read_table(candles, symbol) for symbol in stream.symbols}
        self.warm_up = len(self.candles) * (self._before // self.step)

    def answers(self, stretches: Sequence[Stretch], title: str, n_rows: int) -> pd.DataFrame:
        """What was answered to every real candle in `stretches`; `n_rows` are counted under `title`.

        Columns: `symbol`, `timestamp`, `status`, `reason`, and by artifact its number and, as `NAME tier`,
        the tier. Every stretch begins with an empty stream, as after a restart.
        """
        records: list[dict[str, Any]] = []
        with tqdm(total=n_rows, unit=" candles", desc=title, disable=None) as bar:
            for stretch in stretches:
                for record in self.records(stretch, self.arriving(stretch)):
                    records.append(record)
                    bar.update()
        return self.table(records)

    def records(self, stretch: Stretch, fed: pd.DataFrame) -> Iterator[dict[str, Any]]:
        """Answers to those candles of `fed` that lie in `stretch`, fed in its order to an empty stream."""
        for answer in predict_lines(self.stream(), self._lines(fed)):
            opened = pd.Timestamp(answer.timestamp, unit="us", tz="UTC")
            if opened >= stretch.start:
                yield self.record(answer, opened)

    def record(self, answer: Answer, opened: pd.Timestamp) -> dict[str, Any]:
        """An answer as a row of `answers`."""
        record = {"symbol": answer.symbol, "timestamp": opened, "status": answer.status}
        record["reason"] = answer.reason
        for artifact, prediction in answer.predictions.items():
            record |= {artifact: prediction.value, f"{artifact} tier": prediction.tier}
        return record

    def table(self, records: Iterable[dict[str, Any]]) -> pd.DataFrame:
        """The table of `answers`."""
        columns = [*ROW_KEYS, "status", "reason"]
        columns += [column for artifact in self.contracts for column in (artifact, f"{artifact} tier")]
        answers = pd.DataFrame(list(records), columns=columns)
        numbers = dict.fromkeys(self.contracts, "float64")
        return answers.astype({"timestamp": "datetime64[us, UTC]"} | numbers)

    def stream(self) -> Stream:
        """A stream that has seen no candle."""
        return Stream(*self._folders, clock=self._clock, allow_simulated=True)

    def fed(self, symbol: str, stretch: Stretch) -> pd.DataFrame:
        """Canonical candles of a symbol up to the end of `stretch`, and enough before; the first is real."""
        table = self.candles[symbol]
        times = table["timestamp"]
        table = table[(times >= stretch.start - self._before) & (times < stretch.end)]
        return table[~table["is_filled"].cummin()].reset_index(drop=True)

    def arriving(self, stretch: Stretch) -> pd.DataFrame:
        """Real candles of all symbols up to the end of `stretch`, and enough before it, as they close.

        Those of one moment come in the symbols' order and, the next time, in the reverse: none is waited for.
        """
        parts = []
        for k, symbol in enumerate(self.candles):
            table = self.fed(symbol, stretch)
            part = table.loc[~table["is_filled"], ["timestamp", *OHLCV]]
            is_odd = (part["timestamp"] - pd.Timestamp(0, tz="UTC")) // self.step % 2 == 1
            parts.append(part.assign(symbol=symbol, order=np.where(is_odd, -k, k)))
        return pd.concat(parts).sort_values(["timestamp", "order"]).drop(columns="order")

    def _lines(self, candles: pd.DataFrame) -> Iterator[bytes]:
        """JSON lines of `candles`; the clock goes with them."""
        opened = candles["timestamp"].astype("datetime64[us, UTC]").astype("int64").to_numpy()
        seconds = self.step.total_seconds()
        for time, record in zip(opened.tolist(), candles[["symbol", *OHLCV]].to_dict("records"), strict=True):
            self._clock.now = time / 1e6 + seconds + DELAY_S
            yield json.dumps({"timestamp": time} | record).encode()
