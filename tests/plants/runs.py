"""A tiny market's run, and copies in which one mistake is planted and what it touches is run again."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.plants.plants import Plant
from tests.workshop import Workshop

# Short lookbacks, so that many moments fit into few days; tiers by share, whose thresholds are chosen.
MARKET = {
    "simulation": {"days": 6, "gaps_per_day": 12.0},
    "features": {
        "exclude": [
            "weekend", "closed_volatility_1h", "closed_efficiency_1h", "closed_range_position_1h",
            "range_position_720", "ema_distance_60", "ema_cross_12_60", "adx_14", "macd_histogram", "trix_15",
            "rsi_14", "directional_movement_14", "natr_14",
        ]
    },
    "splits": {"folds": 2, "train": 2.0, "validation": 0.75, "test": 0.75},
    "train": {"epochs": 2, "sequence_length": 20, "chunk_length": 64, "minimum_context": 10},
    "signals": {"tier_by": "share", "tier_shares": {"A": 0.2, "B": 0.4, "C": 0.6}},
}  # fmt: skip


def make_run(folder: Path) -> Workshop:
    """The tiny market's run in `folder`, committed."""
    shop = Workshop(folder)
    shop.set_params(MARKET)
    shop.run("dvc repro")
    shop.commit("run")
    return shop


def copy_of(shop: Workshop, folder: Path) -> Path:
    """Copy the run; its files are shared, since a stage replaces whole files."""
    shutil.copytree(
        shop.folder,
        folder,
        copy_function=os.link,
        ignore=shutil.ignore_patterns("cache", "__pycache__", "runs"),
    )
    return folder


def plant(folder: Path, mistake: Plant) -> None:
    """Make the mistake in the code of `folder`."""
    for name, old, new in mistake.changes:
        path = folder / name
        text = path.read_text()
        assert text.count(old) == 1, f"{mistake.name}: {name} has {text.count(old)} times {old!r}"
        path.unlink()  # the link, not the file of the run
        path.write_text(text.replace(old, new))


def run_stages(folder: Path, stages: tuple[str, ...]) -> tuple[str, str] | None:
    """Run `stages` in turn; the one that ended non-zero with its last line, or None."""
    env = os.environ | {"PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1"}
    env.pop("PYTHONPATH", None)
    for stage in stages:
        done = subprocess.run(
            [sys.executable, "-m", f"stages.{stage}"],
            cwd=folder, env=env, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            return stage, (done.stderr.strip().splitlines() or [""])[-1]
    return None
