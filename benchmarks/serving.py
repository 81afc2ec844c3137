"""How long a promoted model takes from a candle to its prediction, to be opened, and to start answering.

In a project after `dvc repro`: the bundles are the candidates, the candles the run's own newest ones.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from tapeline.evaluation.latency import percentiles
from tapeline.schema import OHLCV
from tapeline.serving.stream import Stream
from tapeline.serving.timing import time_stream
from tapeline.store.tables import read_table

CANDIDATES = Path("models/candidate")
ARTIFACTS = ("lstm-direction", "transformer-trend")
WARM_UP, CANDLES, STARTS = 200, 3000, 7
SYMBOLS, MINUTES = 100, 30  # of a portfolio whose minutes are fed at once


def line(name: str, taken_ns: np.ndarray) -> str:
    """One row of the table."""
    return f"{name:28}" + "".join(f"{value:9.3f}" for value in percentiles(taken_ns).values())


def start_seconds(more: list[str], **environment: str) -> float:
    """From starting the process to its answer to a first line, or to its end."""
    started = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "commands.predict", "--models", str(CANDIDATES), *more],
        input='{"symbol": "X"}\n', env=os.environ | {"ALLOW_SIMULATED": "1"} | environment,
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return time.perf_counter() - started


def minutes_of_many(stream: Stream, rows: list[dict[str, Any]]) -> tuple[float, float]:
    """CPU milliseconds of a minute of SYMBOLS symbols, their candles fed at once and one after the other."""
    names = [f"S{k}-USD" for k in range(SYMBOLS)]
    for row in rows[: -2 * MINUTES]:
        stream.feed_all([(name, row) for name in names])
    taken: dict[bool, list[float]] = {True: [], False: []}
    for k, row in enumerate(rows[-2 * MINUTES :]):
        started, minute = time.process_time(), [(name, row) for name in names]
        if k % 2:
            stream.feed_all(minute)
        else:
            for name, candle in minute:
                stream.feed(name, candle)
        taken[bool(k % 2)].append(time.process_time() - started)
    at_once, one_by_one = (float(np.median(taken[key])) * 1e3 for key in (True, False))
    return at_once, one_by_one


def main() -> None:
    """Print percentiles in CPU milliseconds, then the times to open the bundles and to start."""
    print(f"{'CPU milliseconds':28}" + "".join(f"{name:>9}" for name in ("p50", "p95", "p99", "p99.9")))
    for artifacts in ((ARTIFACTS[0],), ARTIFACTS):
        stream = Stream(*(CANDIDATES / artifact for artifact in artifacts), allow_simulated=True)
        symbol = json.loads((CANDIDATES / ARTIFACTS[0] / "contract.json").read_text())["input"]["symbols"][0]
        table = read_table("data/candles", symbol, ["timestamp", "segment", "is_filled", *OHLCV])
        whole = table[(table["segment"] == table["segment"].mode()[0]) & ~table["is_filled"]]
        wanted = stream.lookback + stream.length + WARM_UP + CANDLES
        taken = time_stream(stream, symbol, whole.iloc[-wanted:], WARM_UP).cpu
        print(line("candle to " + " and ".join(artifacts), taken.total))
        print(line("  features", taken.features))
        for artifact, network in zip(artifacts, taken.networks, strict=True):
            print(line(f"  {artifact}", network))
        print(line("  rest", taken.total - taken.features - sum(taken.networks)))
    both = (CANDIDATES / artifact for artifact in ARTIFACTS)
    portfolio = Stream(*both, allow_simulated=True, allow_untrained=True)
    newest = whole.iloc[-(portfolio.lookback + portfolio.length + 2 * MINUTES) :][["timestamp", *OHLCV]]
    at_once, one_by_one = minutes_of_many(portfolio, newest.to_dict("records"))
    print(f"a minute of {SYMBOLS} symbols, both models: at once {at_once:.1f}, one by one {one_by_one:.1f}")
    opened = []
    for _ in range(STARTS):
        started = time.perf_counter()
        Stream(CANDIDATES / ARTIFACTS[0], allow_simulated=True)
        opened.append(time.perf_counter() - started)
    print(f"opening one bundle: {np.median(opened) * 1e3:.0f} ms")
    with TemporaryDirectory() as folder:
        (Path(folder) / "candles" / symbol).mkdir(parents=True)
        whole.iloc[-wanted:][["timestamp", *OHLCV]].to_csv(
            Path(folder) / "candles" / symbol / "1m.csv", index=False
        )
        from_files = ["--candles", f"{folder}/candles", "--symbols", symbol, "--last", "1"]
        for name, more in (("first answer", []), ("prediction from a file", from_files)):
            warm = np.median([start_seconds(more) for _ in range(STARTS)])
            cold = start_seconds(more, NUMBA_CACHE_DIR=f"{folder}/{len(more)}")
            print(f"process start to {name}: {warm:.2f} s, with nothing compiled yet {cold:.2f} s")


if __name__ == "__main__":
    main()
