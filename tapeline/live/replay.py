"""Recorded candles, as if they came now: at their own pace, faster, or as fast as they are answered."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd

from tapeline.errors import DataError
from tapeline.live.session import Session
from tapeline.live.told import Candle
from tapeline.schema import OHLCV
from tapeline.serving.batch import read_candles
from tapeline.serving.recorded import DELAY_S, Clock

LATEST = 7.2e9  # seconds since 1970, after which no candle lies


class Replay:
    """The candles in `folder` for a session whose clock is `clock`: files of a run or any that ingest takes.

    since : the first that is answered, None: the first that can be; until : exclusive, None: the last
    speed : bars a bar's length, infinite: as fast as they are answered
    """

    def __init__(
        self,
        session: Session,
        clock: Clock,
        folder: Path,
        since: pd.Timestamp | None,
        until: pd.Timestamp | None,
        speed: float,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._session, self._clock, self._speed, self._sleep = session, clock, speed, sleep
        if not folder.is_dir():
            raise DataError("REPLAY", f"{folder} is no folder of candles")
        clock.now = LATEST if session.allows_simulated else time.time()  # simulated ones are of any time
        stream = session.production.stream
        tables, _ = read_candles(stream, folder, set(session.symbols))
        self._tables = {symbol: _real(tables[symbol]) for symbol in session.symbols}
        self._step = pd.Timedelta(microseconds=session.step)
        first = max(table["timestamp"].iloc[0] for table in self._tables.values())
        last = max(table["timestamp"].iloc[-1] for table in self._tables.values())
        self.since = first + session.warm_up * self._step if since is None else since
        self.until = last + self._step if until is None else until
        if self.since >= self.until:
            raise DataError(
                "SINCE",
                f"no candle lies from {self.since:%Y-%m-%dT%H:%M} to {self.until:%Y-%m-%dT%H:%M}: {folder} "
                f"holds {first:%Y-%m-%dT%H:%M} to {last:%Y-%m-%dT%H:%M}, {session.warm_up} to warm up",
            )
        clock.now = max(self.until, last).timestamp()  # all that it goes on from has closed

    def history(self) -> dict[str, pd.DataFrame]:
        """Candles right before the first that is answered."""
        first = self.since - self._session.warm_up * self._step
        return {symbol: _between(table, first, self.since) for symbol, table in self._tables.items()}

    def batches(self) -> Iterator[list[Candle]]:
        """The candles of a bar together, after what the session has; the clock goes with them."""
        parts = []
        for symbol, table in self._tables.items():
            newest = self._session.newest(symbol)
            after = self.since if newest is None else max(self.since, _time(newest) + self._step)
            parts.append(_between(table, after, self.until).assign(symbol=symbol))
        rows = pd.concat(parts, ignore_index=True)
        order = rows["timestamp"].argsort(kind="stable")
        opened = rows["timestamp"].astype("datetime64[us, UTC]").astype("int64").to_numpy()[order]
        symbols, values = rows["symbol"].to_numpy()[order], rows[list(OHLCV)].to_numpy()[order].tolist()
        batch: list[Candle] = []
        for bar, symbol, candle in zip(opened.tolist(), symbols, values, strict=True):
            if batch and bar != batch[0].fields["timestamp"]:
                yield batch
                self._wait((bar - batch[0].fields["timestamp"]) / 1e6)
                batch = []
            self._clock.now = (bar + self._session.step) / 1e6 + DELAY_S
            fields = {"timestamp": bar} | dict(zip(OHLCV, candle, strict=True))
            batch.append(Candle(symbol, fields, int(self._clock.now * 1e6)))
        if batch:
            yield batch

    def __len__(self) -> int:
        """Candles that there are to answer."""
        return sum(len(_between(table, self.since, self.until)) for table in self._tables.values())

    def _wait(self, seconds: float) -> None:
        if self._speed != float("inf"):
            self._sleep(seconds / self._speed)


def _real(table: pd.DataFrame) -> pd.DataFrame:
    return table.loc[~table["is_filled"], ["timestamp", *OHLCV]].reset_index(drop=True)


def _between(table: pd.DataFrame, first: pd.Timestamp, after: pd.Timestamp) -> pd.DataFrame:
    return table[(table["timestamp"] >= first) & (table["timestamp"] < after)]


def _time(microseconds: int) -> pd.Timestamp:
    return pd.Timestamp(microseconds, unit="us", tz="UTC")
