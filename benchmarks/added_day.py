"""What a day more costs: CPU seconds of stages from nothing, and again with one more day of candles.

The bytes of both ways must be the same, or there is no ratio to print. `--raw FOLDER` takes real candles, in
folders SYMBOL/1m.parquet; without it they are a random walk.
"""

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from ruamel.yaml import YAML

from tapeline.closure import ROOT
from tapeline.outputs import read_json
from tapeline.schema import OHLCV

MINUTES, SIGMA = 1440, 7e-4
OUTPUTS = "data/features/manifest.json", "metrics/detail/expectations.json"


def walk(days: int, seed: int) -> pd.DataFrame:
    """So many days of one-minute candles from 2018-01-01 on."""
    rng = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(rng.normal(0, SIGMA, days * MINUTES)))
    opening = np.append(100.0, close[:-1])
    times = pd.date_range("2018-01-01", periods=len(close), freq="min", tz="UTC", unit="us")
    spread = 1 + np.abs(rng.normal(0, SIGMA / 2, len(close)))
    high, low = np.maximum(opening, close) * spread, np.minimum(opening, close) / spread
    columns = zip(OHLCV, (opening, high, low, close, rng.lognormal(size=len(close))), strict=True)
    return pd.DataFrame({"timestamp": times} | dict(columns))


def cpu_seconds(stage: str, folder: Path) -> float:
    """Run a stage in `folder`; return its user and system time."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", f"stages.{stage}"], cwd=folder, env=environment, capture_output=True, text=True
    )
    if done.returncode:
        sys.exit(done.stderr)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def put(folder: Path, tables: dict[str, pd.DataFrame], days_less: int) -> None:
    """Write the raw candles without the last days."""
    for symbol, table in tables.items():
        path = folder / "data/raw/EX" / symbol / "1m.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        end = table["timestamp"].max().floor("D") + pd.Timedelta(days=1 - days_less)
        table[table["timestamp"] < end].to_parquet(path, index=False)


def main() -> None:
    """Print a table: from nothing, a day more, and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--raw", type=Path, help="folder of SYMBOL/1m.parquet")
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--symbols", type=int, default=2)
    parser.add_argument("--stages", nargs="+", default=["features", "expectations"])
    asked = parser.parse_args()
    if asked.raw:
        tables = {path.parent.name: pd.read_parquet(path) for path in sorted(asked.raw.glob("*/1m.parquet"))}
    else:
        tables = {f"S{k}-USD": walk(asked.days, k) for k in range(asked.symbols)}
    params = YAML(typ="safe").load((ROOT / "params.yaml").read_text())
    own = {"source": "files", "path": "data/raw/EX", "symbols": list(tables), "workers": 1}
    params["data"] |= own
    with tempfile.TemporaryDirectory() as root:
        warm, cold = Path(root) / "warm", Path(root) / "cold"
        for folder in (warm, cold):
            folder.mkdir()
            with (folder / "params.yaml").open("w") as file:
                YAML(typ="safe").dump(params, file)
        taken: dict[str, list[float]] = {stage: [] for stage in asked.stages}
        for folder, days_less in ((warm, 1), (warm, 0), (cold, 0)):
            put(folder, tables, days_less)
            cpu_seconds("ingest", folder)
            for stage in asked.stages:
                taken[stage].append(cpu_seconds(stage, folder))
        for name in OUTPUTS:
            if (cold / name).exists():
                assert read_json(cold / name) == read_json(warm / name), name
        shutil.rmtree(cold)
    print(f"{'stage':<14}{'from nothing':>14}{'a day more':>12}{'share':>8}   CPU seconds")
    for stage, (_, day, whole) in taken.items():
        print(f"{stage:<14}{whole:>14.1f}{day:>12.1f}{day / whole:>8.0%}")


if __name__ == "__main__":
    main()
