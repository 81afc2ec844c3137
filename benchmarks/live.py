"""What a minute costs `make live` once its candles are there: until the answers are told, and after that.

In a project after `dvc repro`: the bundles are the run's candidates, under the names of as many symbols as
are asked, the candles its own newest ones, for each symbol from another day on. Everything is CPU time of
one thread. The answer is features, networks, records handed to the system and the answer told; what comes
after it, before the next candle, is the account, the watch, drift, garbage, records synced; and once a
minute, as `make live` does, what is saved. A part is timed inside its minute. Beside it a start over what was
recorded, with a checkpoint and without. Also `python -m benchmarks.live [CANDIDATES]`.
"""

import gc
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd

from tapeline.evaluation.live import LiveParams
from tapeline.live.checkpoint import CHECKPOINT
from tapeline.live.pauses import hold_what_there_is
from tapeline.live.records import open_to_write
from tapeline.live.session import Session
from tapeline.live.told import Candle
from tapeline.params import Params
from tapeline.promotion.bundle import pack
from tapeline.schema import OHLCV
from tapeline.serving.recorded import DELAY_S, Clock
from tapeline.store.tables import read_table

CANDIDATES = Path("models/candidate")
ARTIFACTS = ("lstm-direction", "transformer-trend")
SHIFT = 1440  # candles between what two symbols are fed
# Symbols, minutes, and whether each is saved: what else runs drives what an answer takes from the caches.
CASES = ((1, 2000, False), (1, 1000, True), (10, 300, True), (100, 100, True))
WARM_UP = 30
PARTS = ("features", "networks", "records", "account", "watch", "saved")


class Meter:
    """CPU nanoseconds of calls by part, without those of parts that they call."""

    def __init__(self) -> None:
        self.taken: dict[str, int] = {}
        self._inner = [0]

    def wrap(self, owner: Any, name: str, part: str) -> None:
        """Have every call of `owner`'s method `name` counted."""
        function: Callable[..., Any] = getattr(owner, name)

        def counted(*args: Any, **more: Any) -> Any:
            started = time.process_time_ns()
            self._inner.append(0)
            try:
                return function(*args, **more)
            finally:
                taken = time.process_time_ns() - started
                self.taken[part] = self.taken.get(part, 0) + taken - self._inner.pop()
                self._inner[-1] += taken

        object.__setattr__(owner, name, counted)


def promote(candidates: Path, folder: Path, symbols: list[str]) -> None:
    """Put the candidates under `folder` as if they had been trained on `symbols`."""
    for artifact in ARTIFACTS:
        files = {each.name: each.read_bytes() for each in (candidates / artifact).iterdir()}
        manifest = json.loads(files.pop("manifest.json"))
        contract, params = json.loads(files["contract.json"]), json.loads(files["params.json"])
        instrument = params["instruments"][contract["input"]["symbols"][0]]
        contract["input"] |= {"symbols": symbols, "leader": symbols[0]}
        params["instruments"] = dict.fromkeys(symbols, instrument)
        files |= {"contract.json": json.dumps(contract).encode(), "params.json": json.dumps(params).encode()}
        pack(folder / artifact, files, manifest["fingerprints"])


def minutes_of(symbols: list[str], table: pd.DataFrame, n: int) -> Iterator[list[Candle]]:
    """The last `n` minutes of the table, each symbol's values from another part of it."""
    values, times = table[list(OHLCV)].to_numpy(), table["timestamp"].astype("datetime64[us, UTC]")
    opened = times.astype("int64").to_numpy()[-n:].tolist()
    lasts = [len(table) - (SHIFT * k) % (len(table) - n) for k in range(len(symbols))]
    rows = [values[last - n : last].tolist() for last in lasts]
    for k, bar in enumerate(opened):
        closed = bar + 60_000_000 + int(DELAY_S * 1e6)
        yield [
            Candle(name, {"timestamp": bar} | dict(zip(OHLCV, row[k], strict=True)), closed)
            for name, row in zip(symbols, rows, strict=True)
        ]


def measure(
    candidates: Path, folder: Path, table: pd.DataFrame, n_symbols: int, n: int, is_saved: bool
) -> tuple[np.ndarray, ...]:
    """Milliseconds (n,) of minutes to their answers, (n,) of what follows, and (n, parts) of `PARTS`."""
    symbols = [f"S{k:02d}-USD" for k in range(n_symbols)]
    promote(candidates, folder / "promoted", symbols)
    clock, meter, told = Clock(), Meter(), [0]

    def tell(_: dict[str, Any]) -> None:
        told[0] = time.process_time_ns()

    params = Params.read().section("live", LiveParams)
    with open_to_write(folder / "live") as writer:
        session = Session(writer, folder / "promoted", params, clock, print, tell, allow_simulated=True)
        minutes = list(minutes_of(symbols, table, session.warm_up + WARM_UP + n))
        clock.now = minutes[-1][0].arrived / 1e6
        history, live = minutes[: session.warm_up], minutes[session.warm_up :]
        session.learn(
            {
                name: pd.DataFrame([minute[k].fields for minute in history]).assign(
                    timestamp=lambda rows: pd.to_datetime(rows["timestamp"], unit="us", utc=True)
                )
                for k, name in enumerate(symbols)
            }
        )
        stream, followed = session.production.stream, session.followed
        for owner, name, part in (
            (stream, "feed_all", "features"), (stream._networks, "ask", "networks"),
            (writer, "add", "records"), (followed, "add", "account"),
            (followed.watch, "add", "watch"), (session.drift, "add", "watch"),
            (session, "save", "saved"),
        ):  # fmt: skip
            meter.wrap(owner, name, part)
        answered, after, parts = [], [], []
        hold_what_there_is()
        for minute in live:
            clock.now = minute[0].arrived / 1e6
            before, started = dict(meter.taken), time.process_time_ns()
            session.take(minute)
            answered.append(told[0] - started)
            after.append(time.process_time_ns() - told[0])
            if is_saved:
                session.save()
            parts.append([meter.taken.get(name, 0) - before.get(name, 0) for name in PARTS])
        gc.unfreeze()
        session.checkpoint()
    return tuple(np.array(each[WARM_UP:]) / 1e6 for each in (answered, after, parts))


def measure_starts(folder: Path) -> Iterator[tuple[str, int, float]]:
    """Of what `measure` left in `folder`: how a start reads it, records, milliseconds."""
    params = Params.read().section("live", LiveParams)
    for name in ("with a checkpoint", "without"):
        clock = Clock()
        clock.now = time.time()
        with open_to_write(folder / "live") as writer:
            if name == "without":
                (folder / "live" / CHECKPOINT).unlink()
            session = Session(
                writer, folder / "promoted", params, clock, lambda line: None, lambda answer: None,
                allow_simulated=True,
            )  # fmt: skip
            session._warm_up = lambda uncounted=(): None  # type: ignore[method-assign]  # the same for both
            started = time.process_time_ns()
            n = session.resume()
            yield name, n, (time.process_time_ns() - started) / 1e6


def main() -> None:
    """Print percentiles of one symbol's candles, then minutes of some and of many by part."""
    candidates = Path(sys.argv[1]) if len(sys.argv) > 1 else CANDIDATES
    contract = json.loads((candidates / ARTIFACTS[0] / "contract.json").read_text())
    symbol = contract["input"]["symbols"][0]
    table = read_table(
        candidates.parents[1] / "data/candles", symbol, ["timestamp", "segment", "is_filled", *OHLCV]
    )
    # One clock for all: their times are those of a table without a gap.
    table["timestamp"] = pd.date_range(table["timestamp"].iloc[-1], periods=len(table), freq="min", unit="us")
    heads = f"{'p5':>7} {'p50':>7} {'p99':>7}"
    print(f"{'CPU milliseconds':17} {heads} to the answer, {heads} after it; p5 of parts: {', '.join(PARTS)}")
    for n_symbols, n, is_saved in CASES:
        with TemporaryDirectory() as folder:
            answered, after, parts = measure(candidates, Path(folder), table, n_symbols, n, is_saved)
            starts = list(measure_starts(Path(folder)))
        line, then = (
            " ".join(f"{value:7.2f}" for value in np.percentile(each, [5, 50, 99]))
            for each in (answered, after)
        )
        of_parts = " ".join(f"{value:.2f}" for value in np.percentile(parts, 5, axis=0))
        print(f"{n_symbols:4} {'saved' if is_saved else 'not saved':12} {line} {then:>38}; {of_parts}")
        told = ", ".join(f"{name} {taken:,.0f} ms" for name, _, taken in starts)
        print(f"{'':17} a start over {starts[0][1]:,} records: {told}", flush=True)


if __name__ == "__main__":
    main()
