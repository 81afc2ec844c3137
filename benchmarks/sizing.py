"""What a run of many symbols and years costs in hours, memory and disk, on so many workers.

Costs of each stage are measured on small histories of the simulated market and taken to be a sum: so much for
the run, so much a symbol, a candle, a candle of a test and a label trained on; the memory of a task, so much
for the process and so much a candle of what it looks at. The model is checked on histories
that it was not made from, and printed beside what was measured there. Then it says what a
large run costs: what goes by symbol, fold or baseline is shared out, as on a Dask cluster, and no part is
quicker than its largest task.

    python -m benchmarks.sizing [--symbols 500] [--years 5] [--workers 1 8 64] [--folder FOLDER]
    python -m benchmarks.sizing --check 8,60,60000 50,365,30000 --folder FOLDER

A check is symbols, days, labels an epoch; a history whose folder says what it cost is not run again.
"""

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from benchmarks.memory import STAGES, Cost, History, n_rows, note, noted, prepare, run_stage

FOLDS, TEST_DAYS, MINUTES = 2, 5, 1440  # of the benchmark's recipe
MEASURED = (  # symbols, days, labels
    (2, 30, 30_000), (4, 30, 30_000), (4, 180, 30_000), (8, 365, 30_000), (2, 30, 150_000),
)  # fmt: skip
CHECKED = ("8,60,60000",)
SHARED_BY = {
    "features": "symbol", "expectations": "symbol", "splits": "eight features", "train_lstm": "fold",
    "train_transformer": "fold", "train_baselines": "baseline and fold", "evaluate": "model",
}  # fmt: skip
# Without a cluster their tasks go one after the other.
ONE_TASK_HERE = "splits", "evaluate"
# Of the processor time, what stays where the stage was started: reading, trades, money, what is written.
STAYS = {"evaluate": 0.45}
ONE_BY_ONE = "features", "expectations", "promote"  # that hold a symbol's rows at most
MODELLED = tuple(stage for stage in STAGES if stage not in {"ingest", "ceilings"})  # those simulate
FEATURES, FEATURE_BYTES = 100, 4  # of a candle, of one number, as they lie in the mapped file
N_MODELS = 5
N_BASELINES, STRIDE, MOST = 2, 3, 150_000  # baselines.stride, baselines.rows
# The market whose ceilings cost the least: they are no part of what is modelled.
EASY = {"simulation.market": "trend", "simulation.signal": "0.34", "simulation.regime_minutes": "240"}

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Size:
    """What a stage's cost hangs on; `labels` of one epoch and fold, `folds` and `epochs` as params say."""

    symbols: int
    candles: float
    tested: float
    labels: float
    folds: int = FOLDS
    epochs: int = 1

    @property
    def learned(self) -> float:
        """Rows that a baseline of the last fold learns from, as `baselines` thins them."""
        rows = self.candles - self.tested / self.folds
        return rows / max(STRIDE, np.ceil(rows / MOST))

    def done(self, stage: str) -> list[float]:
        """What the processor time of `stage` hangs on."""
        if stage == "train_baselines":
            return [1.0, self.learned * self.folds, self.candles, self.tested]
        return [1.0, self.symbols, self.candles, self.tested, self.labels * self.folds * self.epochs]

    def held(self, stage: str) -> list[float]:
        """What the memory of a task of `stage` hangs on: the process, and rows that it looks at at once."""
        if stage in ONE_BY_ONE:
            return [1.0, self.candles / self.symbols]
        if stage == "train_baselines":
            return [1.0, self.learned, self.candles]
        return [1.0, self.candles, self.tested]


@dataclass(frozen=True)
class Measured:
    """A run of the benchmark's recipe."""

    name: str
    size: Size
    costs: dict[str, Cost]
    bytes_on_disk: int


def measure(root: Path, symbols: int, days: int, labels: int) -> Measured:
    """Run every stage on so many symbols and days, if its folder does not say yet what each took."""
    history, folder = History(days, symbols), root / f"{symbols}_{days}_{labels}"
    left = [stage for stage in STAGES if stage not in noted(folder)]
    if left == list(STAGES):
        prepare(folder, history, EASY | {"train.labels_per_epoch": str(labels)})
    for stage in left:
        cost = run_stage(stage, folder, None)
        if not cost.is_done:
            raise SystemExit(f"{stage} of {history} failed; it says why above")
        note(folder, stage, cost)
    stored = [
        path for part in ("candles", "features") for path in (folder / "data" / part).rglob("*.parquet")
    ]
    size = Size(symbols, n_rows(folder), symbols * TEST_DAYS * MINUTES * FOLDS, labels)
    print(f"measured: {history}, {labels:,} labels an epoch", flush=True)
    return Measured(str(history), size, noted(folder), sum(path.stat().st_size for path in stored))


def fitted(terms: Floats, amounts: Floats) -> Floats:
    """What each of the `terms` (runs, terms) counts for, none below 0, so that their sums make `amounts`.

    Each run counts by the share it is off, not by how much.
    """
    scale = np.maximum(terms.max(axis=0), 1e-9)
    found: Floats = nnls(terms / scale / amounts[:, None], np.ones(len(amounts)))[0]
    return found / scale


def time_model(runs: Sequence[Measured], stage: str) -> Floats:
    """Seconds of the processor by `Size.done`."""
    seconds = np.array([run.costs[stage].cpu_s for run in runs])
    return fitted(np.array([run.size.done(stage) for run in runs]), seconds)


def memory_model(runs: Sequence[Measured], stage: str) -> Floats:
    """Bytes of one task of a stage by `Size.held`."""
    peaks = np.array([run.costs[stage].peak / at_once(stage) for run in runs])
    return fitted(np.array([run.size.held(stage) for run in runs]), peaks)


def at_once(stage: str) -> int:
    """Tasks that the benchmark's machine runs side by side, by data.workers and train.workers."""
    return 2 if stage in SHARED_BY and stage not in ONE_TASK_HERE else 1


def wall(seconds: float, size: Size, stage: str, workers: int) -> float:
    """Seconds of the clock: shared out by whole tasks."""
    tasks = {
        "symbol": size.symbols, "fold": size.folds, "baseline and fold": N_BASELINES * size.folds,
        "eight features": -(-FEATURES // 8), "model": N_MODELS,
    }  # fmt: skip
    n = tasks.get(SHARED_BY.get(stage, ""), 1)
    rounds = -(-n // min(workers, n))
    stays = STAYS.get(stage, 0.0)
    return seconds * (stays + (1 - stays) / n * rounds)


def main() -> None:
    """Measure, check the model, and print what the large run costs."""
    asked = argparse.ArgumentParser(description="what a large run costs")
    asked.add_argument("--symbols", type=int, default=500)
    asked.add_argument("--years", type=float, default=5)
    asked.add_argument("--workers", type=int, nargs="+", default=[1, 8, 64])
    asked.add_argument("--check", nargs="+", default=CHECKED, metavar="SYMBOLS,DAYS,LABELS")
    asked.add_argument("--folder", type=Path, help="keeps the folders of the runs")
    given = asked.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        root = given.folder or Path(temporary)
        runs = [measure(root, *each) for each in MEASURED]
        checked = [measure(root, *map(int, each.split(","))) for each in given.check]
    times = {stage: time_model(runs, stage) for stage in MODELLED}
    memory = {stage: memory_model(runs, stage) for stage in MODELLED}
    for each in checked:
        print_check(times, memory, each)
    candles = given.symbols * given.years * 365 * MINUTES
    # The project's own recipe: three folds, tests of 15 % in all, 12 epochs of 200,000 labels.
    large = Size(given.symbols, candles, 0.15 * candles, 200_000, folds=3, epochs=12)
    print_sizes(times, memory, large, given.workers)
    disk = runs[2].bytes_on_disk / runs[2].size.candles * candles
    mapped = candles * FEATURES * FEATURE_BYTES
    print(f"\ndisk: {disk / 1e9:,.0f} GB of candles and features, as much again in DVC's cache, and while a")
    print(f"training runs {mapped / 1e9:,.0f} GB of mapped features, once for all that share the folder")


def print_check(times: dict[str, Floats], memory: dict[str, Floats], checked: Measured) -> None:
    """What the model says of a history it was not made from, beside what that took."""
    size = checked.size
    print(f"\n{checked.name}, {size.candles:,.0f} candles, not among those measured:\n")
    print("| stage | CPU s: predicted | measured | ratio | MB of a task: predicted | measured | ratio |")
    print("|---" * 7 + "|")
    sums = np.zeros(2)
    for stage in times:
        cost = checked.costs[stage]
        seconds = np.array([times[stage] @ size.done(stage), cost.cpu_s])
        megabytes = np.array([memory[stage] @ size.held(stage), cost.peak / at_once(stage)]) / 2**20
        sums += seconds
        print(f"| {stage} | {beside(seconds)} | {beside(megabytes)} |")
    print(f"| all | {beside(sums)} | | | |")


def beside(predicted_measured: Floats) -> str:
    """Two figures and the first as a part of the second."""
    predicted, measured = predicted_measured
    return f"{predicted:,.0f} | {measured:,.0f} | {predicted / measured:.2f}"


def print_sizes(
    times: dict[str, Floats], memory: dict[str, Floats], size: Size, workers: Sequence[int]
) -> None:
    """Hours of each stage on so many workers, and memory of one of them."""
    print(f"\n{size.symbols} symbols, {size.candles / 1e6:,.0f} million candles, {size.folds} folds:\n")
    heads = " | ".join(f"{n} worker{'s' if n > 1 else ''}, h" for n in workers)
    print(f"| stage | a task is a | {heads} | GB a task |" + "\n|" + "---|" * (len(workers) + 3))
    sums = np.zeros(len(workers))
    for stage, model in times.items():
        seconds = float(model @ size.done(stage))
        hours = np.array([wall(seconds, size, stage, n) / 3600 for n in workers])
        sums += hours
        held = float(memory[stage] @ size.held(stage)) / 1e9
        told = " | ".join(f"{each:,.2f}" for each in hours)
        print(f"| {stage} | {SHARED_BY.get(stage, 'stage')} | {told} | {held:,.1f} |")
    print(f"| all | | {' | '.join(f'{each:,.1f}' for each in sums)} | |")


if __name__ == "__main__":
    main()
