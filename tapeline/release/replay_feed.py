"""Candles of a run as production would feed them: one a line, real ones alone, symbols interleaved."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from tapeline.promotion.contract import Contract
from tapeline.release.replay_stretches import Stretch
from tapeline.schema import INTERVAL_MINUTES, OHLCV, ROW_KEYS
from tapeline.serving.lines import predict_lines
from tapeline.serving.stream import Stream
from tapeline.store.tables import read_table

DELAY = 0.5  # seconds from a candle's close until it arrives


class Clock:
    """Seconds since 1970 at which the newest candle of a replay arrives."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """The time."""
        return self.now


class Feed:
    """The canonical candles in `candles`, fed to the bundles in `folders` by the code of `make predict`.

    length : candles of one prediction; step : from candle to candle
    warm_up : candles of all symbols that are fed before the first of a stretch
    """

    def __init__(self, folders: Sequence[Path], candles: Path | str) -> None:
        """Open the bundles; ArtifactError, DataError name what is wrong with them or a symbol's candles."""
        self._folders, self._clock = folders, Clock()
        stream = self._stream()
        self.contracts: dict[str, Contract] = {
            each.artifact: each.bundle.contract for each in stream.predictors
        }
        self.length = stream.length
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
        records = []
        with tqdm(total=n_rows, unit=" candles", desc=title, disable=None) as bar:
            for stretch in stretches:
                fed = self._arriving(stretch)
                for answer in predict_lines(self._stream(), self._lines(fed)):
                    opened = pd.Timestamp(answer.timestamp, unit="us", tz="UTC")
                    if opened < stretch.start:
                        continue
                    record = {"symbol": answer.symbol, "timestamp": opened, "status": answer.status}
                    record["reason"] = answer.reason
                    for artifact, prediction in answer.predictions.items():
                        record |= {artifact: prediction.value, f"{artifact} tier": prediction.tier}
                    records.append(record)
                    bar.update()
        columns = [*ROW_KEYS, "status", "reason"]
        columns += [column for artifact in self.contracts for column in (artifact, f"{artifact} tier")]
        answers = pd.DataFrame(records, columns=columns)
        return answers.astype({"timestamp": "datetime64[us, UTC]"})

    def _stream(self) -> Stream:
        return Stream(*self._folders, clock=self._clock, allow_simulated=True)

    def _arriving(self, stretch: Stretch) -> pd.DataFrame:
        """Real candles of all symbols up to the end of `stretch`, and enough before it, as they close.

        Those of one moment come in the symbols' order and, the next time, in the reverse: none is waited for.
        """
        parts = []
        for k, (symbol, table) in enumerate(self.candles.items()):
            is_fed = (table["timestamp"] >= stretch.start - self._before) & (table["timestamp"] < stretch.end)
            part = table.loc[is_fed & ~table["is_filled"], ["timestamp", *OHLCV]]
            is_odd = (part["timestamp"] - pd.Timestamp(0, tz="UTC")) // self.step % 2 == 1
            parts.append(part.assign(symbol=symbol, order=np.where(is_odd, -k, k)))
        return pd.concat(parts).sort_values(["timestamp", "order"]).drop(columns="order")

    def _lines(self, candles: pd.DataFrame) -> Iterator[bytes]:
        """JSON lines of `candles`; the clock goes with them."""
        opened = candles["timestamp"].astype("datetime64[us, UTC]").astype("int64").to_numpy()
        seconds = self.step.total_seconds()
        for time, record in zip(opened.tolist(), candles[["symbol", *OHLCV]].to_dict("records"), strict=True):
            self._clock.now = time / 1e6 + seconds + DELAY
            yield json.dumps({"timestamp": time} | record).encode()
