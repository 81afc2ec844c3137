"""What a run of many symbols and years costs in hours, memory and disk, on so many workers.

Costs of each stage are measured on small histories of the simulated market and taken to be a sum: so much for
the run, so much a symbol, a candle, a candle of a test and a label trained on. The model is checked on a
larger history that it was not made from, and printed beside what was measured there. Then it says what a
large run costs: what goes by symbol, fold or baseline is shared out, as on a Dask cluster, and no part is
quicker than its largest task.

    python -m benchmarks.sizing [--symbols 500] [--years 5] [--workers 1 8 64] [--folder FOLDER]
"""

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.optimize import nnls

from benchmarks.memory import STAGES, Cost, History, n_rows, prepare, run_stage

FOLDS, TEST_DAYS, MINUTES = 2, 5, 1440  # of the benchmark's recipe
MEASURED = ((2, 30, 30_000), (4, 30, 30_000), (4, 90, 30_000), (2, 30, 150_000))  # symbols, days, labels
CHECKED = (8, 60, 60_000)
SHARED_BY = {
    "features": "symbol", "expectations": "symbol", "train_lstm": "fold", "train_transformer": "fold",
    "train_baselines": "baseline and fold",
}  # fmt: skip
MODELLED = tuple(stage for stage in STAGES if stage not in {"ingest", "ceilings"})  # those simulate
FEATURE_BYTES = 4  # of one number, as they lie in the mapped file


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
    def terms(self) -> list[float]:
        """Of a run's processor time."""
        return [1.0, self.symbols, self.candles, self.tested, self.labels * self.folds * self.epochs]


@dataclass(frozen=True)
class Measured:
    """A run of the benchmark's recipe."""

    size: Size
    costs: dict[str, Cost]
    bytes_on_disk: int


def measure(root: Path, symbols: int, days: int, labels: int) -> Measured:
    """Run every stage on so many symbols and days, and say what each took."""
    history, folder = History(days, symbols), root / f"{symbols}_{days}_{labels}"
    # The market whose ceilings cost the least: they are no part of what is modelled.
    easy = {"simulation.market": "trend", "simulation.signal": "0.34", "simulation.regime_minutes": "240"}
    prepare(folder, history, easy | {"train.labels_per_epoch": str(labels)})
    costs = {}
    for stage in STAGES:
        costs[stage] = run_stage(stage, folder, None)
        if not costs[stage].is_done:
            raise SystemExit(f"{stage} of {history} failed; it says why above")
    stored = [path for part in ("candles", "features") for path in (folder / "data" / part).glob("*.parquet")]
    size = Size(symbols, n_rows(folder), symbols * TEST_DAYS * MINUTES * FOLDS, labels)
    print(f"measured: {history}, {labels:,} labels an epoch", flush=True)
    return Measured(size, costs, sum(path.stat().st_size for path in stored))


def fitted(runs: Sequence[Measured], stage: str) -> np.ndarray:
    """Seconds of the processor by term, none below 0; each run counts by what it took, not by how much."""
    seconds = np.array([run.costs[stage].cpu_s for run in runs])
    terms = np.array([run.size.terms for run in runs])
    scale = terms.max(axis=0)
    found: np.ndarray = nnls(terms / scale / seconds[:, None], np.ones(len(runs)))[0]
    return found / scale


def memory_model(runs: Sequence[Measured], stage: str) -> tuple[float, float]:
    """Bytes of one task of a stage: of the process, and a candle of the largest piece it looks at."""
    pieces = np.array([piece(run.size, stage) for run in runs])
    peaks = np.array([run.costs[stage].peak / at_once(stage) for run in runs])
    terms = np.stack([np.ones(len(runs)), pieces / pieces.max()], axis=1)
    fixed, slope = nnls(terms, peaks)[0]
    return float(fixed), float(slope / pieces.max())


def piece(size: Size, stage: str) -> float:
    """Candles that a task has before it: of a symbol, or of all."""
    return size.candles / size.symbols if SHARED_BY.get(stage) == "symbol" else size.candles


def at_once(stage: str) -> int:
    """Tasks that the benchmark's machine runs side by side, by data.workers and train.workers."""
    return 2 if stage in SHARED_BY else 1


def wall(seconds: float, size: Size, stage: str, workers: int) -> float:
    """Seconds of the clock: shared out by whole tasks."""
    n_baselines = 2
    tasks = {"symbol": size.symbols, "fold": size.folds, "baseline and fold": n_baselines * size.folds}
    n = tasks.get(SHARED_BY.get(stage, ""), 1)
    rounds = -(-n // min(workers, n))
    return seconds / n * rounds


def main() -> None:
    """Measure, check the model, and print what the large run costs."""
    asked = argparse.ArgumentParser(description="what a large run costs")
    asked.add_argument("--symbols", type=int, default=500)
    asked.add_argument("--years", type=float, default=5)
    asked.add_argument("--workers", type=int, nargs="+", default=[1, 8, 64])
    asked.add_argument("--folder", type=Path, help="keeps the folders of the runs")
    given = asked.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        root = given.folder or Path(temporary)
        runs = [measure(root, *each) for each in MEASURED]
        checked = measure(root, *CHECKED)
    models = {stage: fitted(runs, stage) for stage in MODELLED}
    print_check(models, checked)
    candles = given.symbols * given.years * 365 * MINUTES
    # The project's own recipe: three folds, tests of 15 % in all, 12 epochs of 200,000 labels.
    large = Size(given.symbols, candles, 0.15 * candles, 200_000, folds=3, epochs=12)
    disk = runs[2].bytes_on_disk / runs[2].size.candles * candles
    print_sizes(models, {s: memory_model(runs, s) for s in MODELLED}, large, given.workers)
    mapped = candles * 89 * FEATURE_BYTES
    print(f"\ndisk: {disk / 1e9:,.0f} GB of candles and features, as much again in DVC's cache, and while a")
    print(f"training runs {mapped / 1e9:,.0f} GB of mapped features, once for all that share the folder")


def print_check(models: dict[str, np.ndarray], checked: Measured) -> None:
    """What the model says of a history it was not made from, beside what that took."""
    print(
        f"\n{checked.size.symbols} symbols, {checked.size.candles:,.0f} candles, not among those measured:\n"
    )
    print("| stage | predicted, CPU s | measured | ratio |\n|---|---|---|---|")
    sums = [0.0, 0.0]
    for stage, model in models.items():
        predicted, measured = float(model @ checked.size.terms), checked.costs[stage].cpu_s
        sums = [sums[0] + predicted, sums[1] + measured]
        print(f"| {stage} | {predicted:.1f} | {measured:.1f} | {predicted / measured:.2f} |")
    print(f"| all | {sums[0]:.1f} | {sums[1]:.1f} | {sums[0] / sums[1]:.2f} |")


def print_sizes(
    models: dict[str, np.ndarray],
    memory: dict[str, tuple[float, float]],
    size: Size,
    workers: Sequence[int],
) -> None:
    """Hours of each stage on so many workers, and memory of one of them."""
    print(f"\n{size.symbols} symbols, {size.candles / 1e6:,.0f} million candles, {size.folds} folds:\n")
    heads = " | ".join(f"{n} worker{'s' if n > 1 else ''}, h" for n in workers)
    print(f"| stage | a task is a | {heads} | GB a task |" + "\n|" + "---|" * (len(workers) + 3))
    sums = np.zeros(len(workers))
    for stage, model in models.items():
        seconds = float(model @ size.terms)
        hours = np.array([wall(seconds, size, stage, n) / 3600 for n in workers])
        sums += hours
        fixed, slope = memory[stage]
        held = (fixed + slope * piece(size, stage)) / 1e9
        told = " | ".join(f"{each:,.2f}" for each in hours)
        print(f"| {stage} | {SHARED_BY.get(stage, 'stage')} | {told} | {held:,.1f} |")
    print(f"| all | | {' | '.join(f'{each:,.1f}' for each in sums)} | |")


if __name__ == "__main__":
    main()
