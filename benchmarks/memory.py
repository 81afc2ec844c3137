"""How much memory each stage takes of histories of 1, 2, 4 and 8 times as many days, and how much CPU.

Every stage is run as the pipeline runs it, a process with its own workers, in a folder of its own for each
length, on simulated candles of two symbols. Folds train on all there is before them; validation and tests
are equally long in all. Memory is what the kernel can't drop, of the stage's whole process tree: anonymous
pages, and those of files in memory, which its processes share (`RssAnon` and `RssShmem` of /proc/PID/status);
the most of it that was seen. Pages of mapped files are the kernel's to drop, and are not counted.

    python -m benchmarks.memory --days 60 120 240 480 --stages features expectations splits --folder FOLDER
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
    "ensembles", "evaluate",
)  # fmt: skip
EVERY_S = 0.02
# A short recipe: memory is that of the long one.
RECIPE = {
    "simulation.days": None,
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
    """Of one run of a stage: most bytes at once, seconds of user and system, whether it ended well."""

    peak: int
    cpu_s: float
    is_done: bool


def prepare(folder: Path, days: int, more: dict[str, str]) -> None:
    """A folder whose params.yaml is the project's but for the recipe, its days and what is asked for."""
    (folder / "data" / "raw").mkdir(parents=True, exist_ok=True)
    for name in ("data/raw/README.md", "requirements.lock"):
        (folder / name).write_bytes((ROOT / name).read_bytes())
    lines = (ROOT / "params.yaml").read_text(encoding="utf-8").splitlines()
    for key, value in {**RECIPE, "simulation.days": days, **more}.items():
        section, name = key.split(".")
        begin = lines.index(f"{section}:")
        at = next(k for k in range(begin, len(lines)) if re.match(rf"  {name}:", lines[k]))
        lines[at] = f"  {name}: {value}"
    (folder / "params.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")


def run_stage(stage: str, folder: Path, limit_mb: int | None) -> Cost:
    """Run `stage` in `folder`, its data segments limited to `limit_mb` if there is a limit, and watch it."""

    def limited() -> None:
        if limit_mb is not None:
            resource.setrlimit(resource.RLIMIT_DATA, (limit_mb << 20, limit_mb << 20))

    environment = os.environ | {"PYTHONPATH": str(ROOT), "TAPELINE_LOG_LEVEL": "WARNING"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    process = subprocess.Popen(
        [sys.executable, "-m", f"stages.{stage}"], cwd=folder, env=environment, preexec_fn=limited
    )
    peak = 0
    while process.poll() is None:
        peak = max(peak, held(tree(process.pid)))
        time.sleep(EVERY_S)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(peak, used, process.returncode == 0)


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
    tables = (folder / "data" / "features").glob("*.parquet")
    return sum(pq.read_metadata(path).num_rows for path in tables)


def main() -> None:
    """Print a table: of each stage the peak of every length, its growth from first to last, and CPU."""
    asked = argparse.ArgumentParser(description="memory of each stage by the length of the history")
    asked.add_argument("--days", type=int, nargs="+", default=[60, 120, 240, 480])
    asked.add_argument("--stages", nargs="+", default=STAGES, choices=STAGES)
    asked.add_argument(
        "--folder", type=Path, help="keeps each length's folder; a stage before is not run again"
    )
    asked.add_argument("--limit-mb", type=int, help="RLIMIT_DATA of every process of a stage")
    asked.add_argument("--set", nargs="*", default=[], help="SECTION.KEY=VALUE of params.yaml")
    given = asked.parse_args()
    more = dict(each.split("=", 1) for each in given.set)
    with tempfile.TemporaryDirectory() as temporary:
        root = given.folder or Path(temporary)
        costs: dict[str, list[Cost]] = {stage: [] for stage in given.stages}
        rows = []
        for days in given.days:
            folder = root / f"{days}_days"
            prepare(folder, days, more)
            for stage in STAGES[: max(map(STAGES.index, given.stages)) + 1]:
                if stage in costs:
                    costs[stage].append(run_stage(stage, folder, given.limit_mb))
                    each = costs[stage][-1]
                    print(f"{days} days {stage}: {each.peak >> 20} MB, {each.cpu_s:.1f} s", flush=True)
                elif stage in BEFORE and not (folder / "data" / "features").exists():
                    run_stage(stage, folder, None)
            rows.append(n_rows(folder))
    print_table(given.days, rows, costs)


def print_table(days: list[int], rows: list[int], costs: dict[str, list[Cost]]) -> None:
    """Print costs by stage, a column for each of `days`, which are `rows` of features."""
    heads = [f"{of} days, {n:,} rows" for of, n in zip(days, rows, strict=True)]
    print("\n| stage | " + " | ".join(heads) + " | growth | bytes a row | CPU s |")
    print("|---" * (len(heads) + 4) + "|")
    for stage, made in costs.items():
        peaks = [f"{each.peak >> 20:,} MB" + ("" if each.is_done else " failed") for each in made]
        growth = made[-1].peak / made[0].peak
        a_row = (made[-1].peak - made[0].peak) / max(1, rows[-1] - rows[0])
        cpu = " ".join(f"{each.cpu_s:.0f}" for each in made)
        print(f"| {stage} | " + " | ".join(peaks) + f" | {growth:.2f} | {a_row:,.0f} | {cpu} |")


if __name__ == "__main__":
    main()
