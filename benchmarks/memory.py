"""How much memory and time each stage takes of longer histories, and of more symbols.

Every stage is run as the pipeline runs it, a process with its own workers, in a folder of its own for each
size, on simulated candles. Folds train on all there is before them; validation and tests
are equally long in all. Memory is what the kernel can't drop, of the stage's whole process tree: anonymous
pages, and those of files in memory, which its processes share (`RssAnon` and `RssShmem` of /proc/PID/status);
the most of it that was seen. Pages of mapped files are the kernel's to drop, and are not counted.

    python -m benchmarks.memory --days 60 120 240 480 --stages features expectations splits --folder FOLDER
    python -m benchmarks.memory --days 30 --symbols 1 2 4 8 16
    python -m benchmarks.memory --days 365 --symbols 50 --folder FOLDER

The last is a year of 50 symbols, 26 million candles, to its verdict: hours, and FOLDER needs 20 GB.
"""

import argparse
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

ROOT = Path(__file__).resolve().parent.parent
BEFORE = ("ingest", "features")  # what the other stages read
STAGES = (
    *BEFORE, "expectations", "splits", "ceilings", "train_lstm", "train_transformer", "train_baselines",
    "ensembles", "evaluate", "promote",
)  # fmt: skip
EVERY_S = 0.02
# A short recipe: memory is that of the long one.
RECIPE = {
    "splits.mode": "expanding",
    "splits.folds": 2,
    "splits.validation": 3.0,
    "splits.test": 5.0,
    "train.epochs": 1,
    "train.labels_per_epoch": 30_000,
    "evaluation.resamples": 200,
    "ftmo.odds_paths": 500,
    "ftmo.control_runs": 20,
}


@dataclass(frozen=True)
class Cost:
    """Of one run of a stage: most bytes at once, seconds of CPU and of the clock, whether it ended well."""

    peak: int
    cpu_s: float
    wall_s: float
    is_done: bool


@dataclass(frozen=True)
class History:
    """How much of the simulated market a run is made on."""

    days: int
    symbols: int

    def __str__(self) -> str:
        return f"{self.days} days, {self.symbols} symbols"


def prepare(folder: Path, of: History, more: dict[str, str]) -> None:
    """A folder whose params.yaml is the project's but for the recipe, its history and what is asked for."""
    (folder / "data" / "raw").mkdir(parents=True, exist_ok=True)
    for name in ("data/raw/README.md", "requirements.lock"):
        (folder / name).write_bytes((ROOT / name).read_bytes())
    lines = (ROOT / "params.yaml").read_text(encoding="utf-8").splitlines()
    at = beginning(lines, "  symbols:") + 1
    end = next(k for k in range(at, len(lines)) if not lines[k].startswith("  - "))
    lines[at:end] = [f"  - S{k + 1:02d}-USD" for k in range(of.symbols)]
    lines.insert(beginning(lines, "instruments:") + 1, "  'S*-USD': BTCUSD")
    for key, value in {**RECIPE, "simulation.days": of.days, **more}.items():
        section, name = key.split(".")
        lines[beginning(lines, f"  {name}:", beginning(lines, f"{section}:"))] = f"  {name}: {value}"
    (folder / "params.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")


def beginning(lines: list[str], text: str, after: int = 0) -> int:
    """Number of the first of `lines` that begins with `text`."""
    return next(k for k in range(after, len(lines)) if lines[k].startswith(text))


def run_stage(stage: str, folder: Path, limit_mb: int | None) -> Cost:
    """Run `stage` in `folder`, its data segments limited to `limit_mb` if there is a limit, and watch it."""

    def limited() -> None:
        if limit_mb is not None:
            resource.setrlimit(resource.RLIMIT_DATA, (limit_mb << 20, limit_mb << 20))

    environment = os.environ | {"PYTHONPATH": str(ROOT), "TAPELINE_LOG_LEVEL": "WARNING"}
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", f"stages.{stage}"], cwd=folder, env=environment, preexec_fn=limited
    )
    peak = 0
    while process.poll() is None:
        peak = max(peak, held(tree(process.pid)))
        time.sleep(EVERY_S)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(peak, used, time.perf_counter() - began, process.returncode == 0)


def tree(root: int) -> list[int]:
    """Process ids of `root` and of all that it started."""
    found = [root]
    for pid in found:
        with suppress(OSError):  # it has ended meanwhile
            for task in Path(f"/proc/{pid}/task").iterdir():
                found += map(int, (task / "children").read_text().split())
    return found


def held(pids: list[int]) -> int:
    """Bytes of processes that the kernel can't drop; files in memory are the same ones for all of them."""
    anonymous, shared = 0, 0
    for pid in pids:
        with suppress(OSError):  # it has ended meanwhile
            text = Path(f"/proc/{pid}/status").read_text()
            kinds = dict(re.findall(r"^Rss(Anon|Shmem):\s+(\d+)", text, re.MULTILINE))
            anonymous += int(kinds.get("Anon", 0))
            shared = max(shared, int(kinds.get("Shmem", 0)))
    return 1024 * (anonymous + shared)


def n_rows(folder: Path) -> int:
    """Rows of all feature tables."""
    tables = (folder / "data" / "features").glob("*.parquet/*.parquet")
    return sum(pq.read_metadata(path).num_rows for path in tables)


def main() -> None:
    """Print a table: of each stage the peak of every history, its growth from first to last, and time."""
    asked = argparse.ArgumentParser(description="memory and time of each stage by the history")
    asked.add_argument("--days", type=int, nargs="+", default=[60, 120, 240, 480])
    asked.add_argument("--symbols", type=int, nargs="+", default=[2])
    asked.add_argument("--stages", nargs="+", default=STAGES, choices=STAGES)
    asked.add_argument(
        "--folder", type=Path, help="keeps each history's folder; a stage before is not run again"
    )
    asked.add_argument("--limit-mb", type=int, help="RLIMIT_DATA of every process of a stage")
    asked.add_argument("--set", nargs="*", default=[], help="SECTION.KEY=VALUE of params.yaml")
    given = asked.parse_args()
    more = dict(each.split("=", 1) for each in given.set)
    histories = [History(days, symbols) for days in given.days for symbols in given.symbols]
    with tempfile.TemporaryDirectory() as temporary:
        root = given.folder or Path(temporary)
        costs: dict[str, list[Cost]] = {stage: [] for stage in given.stages}
        rows = []
        for history in histories:
            folder = root / f"{history.days}_days_{history.symbols}_symbols"
            prepare(folder, history, more)
            for stage in STAGES[: max(map(STAGES.index, given.stages)) + 1]:
                if stage in costs:
                    costs[stage].append(run_stage(stage, folder, given.limit_mb))
                    print(f"{history} {stage}: {told(costs[stage][-1])}", flush=True)
                elif stage in BEFORE and not (folder / "data" / "features").exists():
                    run_stage(stage, folder, None)
            rows.append(n_rows(folder))
    print_table(histories, rows, costs)


def told(cost: Cost) -> str:
    """A cost in words."""
    end = "" if cost.is_done else ", failed"
    return f"{cost.peak >> 20:,} MB, {cost.cpu_s:.0f} CPU s, {cost.wall_s:.0f} s{end}"


def print_table(histories: list[History], rows: list[int], costs: dict[str, list[Cost]]) -> None:
    """Print costs by stage, a column for each history, of as many `rows` of features."""
    heads = [f"{of}, {n:,} rows" for of, n in zip(histories, rows, strict=True)]
    print("\n| stage | " + " | ".join(heads) + " | growth of memory, CPU | bytes a row |")
    print("|---" * (len(heads) + 3) + "|")
    for stage, made in costs.items():
        last, first = made[-1], made[0]
        growth = f"{last.peak / first.peak:.2f}, {last.cpu_s / first.cpu_s:.2f}"
        a_row = (last.peak - first.peak) / max(1, rows[-1] - rows[0])
        print(f"| {stage} | " + " | ".join(map(told, made)) + f" | {growth} | {a_row:,.0f} |")


if __name__ == "__main__":
    main()
