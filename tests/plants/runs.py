"""A tiny market's run, and copies in which one mistake is planted and what it touches is run again."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd

from tapeline.schema import OHLCV, PRICES
from tests.plants.plants import Plant
from tests.warm import warm_python
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
GAP = 25  # candles that are missing at once, more than are filled


def make_run(folder: Path) -> Workshop:
    """The tiny market's run in `folder`, committed."""
    shop = Workshop(folder)
    shop.set_params(MARKET)
    shop.run("dvc repro")
    shop.commit("run")
    return shop


def make_rough_run(shop: Workshop, folder: Path) -> Workshop:
    """The run of the same candles from files, in prices of some 7 basis points a step and with long gaps."""
    rough = Workshop(folder)
    for k, path in enumerate(sorted((shop.folder / "data/candles").glob("*.parquet"))):
        candles = pd.read_parquet(path).query("not is_filled")[["timestamp", *OHLCV]]
        is_gap = (np.arange(len(candles)) + 600 * k) % 1900 >= 1900 - GAP
        step = float(f"{7e-4 * candles['close'].iloc[0]:.0e}")
        candles[list(PRICES)] = (candles[list(PRICES)] / step).round() * step
        (folder / "data/raw/ROUGH" / path.stem).mkdir(parents=True)
        candles[~is_gap].to_parquet(folder / "data/raw/ROUGH" / path.stem / "1m.parquet", index=False)
    rough.set_params(MARKET | {"data": {"source": "files", "path": "data/raw/ROUGH"}})
    rough.run("dvc repro")
    rough.commit("run")
    return rough


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


def find(folder: Path, mistake: Plant, seed: int = 7) -> tuple[str, str]:
    """Who finds the mistake in `folder`, and what is said: a stage, the proof, the replay, or nobody.

    The stages that it touches are run again, their audits and the referee among them, then what is run at a
    promotion, by the code of `folder`.
    """
    for stage in mistake.stages:
        ended = _run(folder, "-m", f"stages.{stage}")
        if ended:
            return stage, ended
    for name, parts in (("replay", REPLAY), ("proof", PROOF)):
        if name == "replay" and mistake.stages and "promote" not in mistake.stages:
            _run(folder, "-m", "stages.promote")  # packs what was trained anew
        ended = _run(folder, "-c", parts.format(seed=seed, moments=MOMENTS))
        if ended:
            return name, ended
    return "nobody", ""


REPLAY = """
from pathlib import Path
from tapeline.errors import TapelineError
from tapeline.params import Params
from tapeline.release.fold_predictions import check_folds
from tapeline.release.replay import replay
from tapeline.schema import Refit
from tapeline.splits.candidate import Candidate
params = Params.read()
candidate = Candidate(params.value("splits.folds", int), False)
try:
    replay(Path("models/candidate"), candidate, params, print)
    check_folds(candidate, params, print)
except TapelineError as error:
    raise SystemExit(str(error))
"""
PROOF = """
from pathlib import Path
import numpy as np
from tapeline.errors import TapelineError
from tapeline.release.proof_ceiling import prove_ceiling
from tapeline.release.proof_copies import open_copies
from tapeline.release.proof_orders import prove_orders
from tapeline.release.proof_run import Run
from tapeline.release.proof_segments import prove_moments
from tapeline.release.proof_trading import prove_inside_test
from tapeline.release.proof_training import prove_test, prove_validation
rng = np.random.default_rng({seed})
try:
    with open_copies(Path().resolve()) as copies:
        run = Run(Path().resolve(), copies)
        prove_ceiling(run, rng)
        prove_moments(run, rng, {moments})
        for part in (prove_inside_test, prove_orders, prove_test, prove_validation):
            part(run, rng)
except TapelineError as error:
    raise SystemExit(str(error))
"""
MOMENTS = 200


def _run(folder: Path, *arguments: str) -> str | None:
    """Run Python in `folder`; the last line that it said if it ended non-zero."""
    env = os.environ | {"PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1", "DVC_NO_ANALYTICS": "1"}
    env.pop("PYTHONPATH", None)
    done = subprocess.run(
        [warm_python(), *arguments], cwd=folder, env=env, capture_output=True, text=True, check=False
    )
    lines = [line for line in re.split(r"[\r\n]+", done.stderr) if line.strip()]
    return (lines or [""])[-1].strip() if done.returncode else None
