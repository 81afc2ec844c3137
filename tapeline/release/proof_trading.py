"""What the run's own models say, and trade, on candles whose future is another from inside the test on."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tapeline.baselines.kinds import KINDS, file_name
from tapeline.models.baselines import BASELINES as OFFERED_BASELINES
from tapeline.models.table import MODELS, TRADED
from tapeline.outputs import read_json, write_table
from tapeline.promotion.proofs import ProvedPart
from tapeline.release.proof_compare import ALL, Comparison, Known, say_time
from tapeline.release.proof_copies import ACCOUNTS, FOLD, Copy
from tapeline.release.proof_moments import times_of
from tapeline.release.proof_run import Run, compare_data, microseconds_of

MIDDLE = (0.25, 0.75)  # of the test, where the moment lies: trades before it and after it
# Of models and of predictions, as the networks' are named: folder and file below that of all baselines.
BASELINES = tuple(f"baselines/{file_name(label, kind)}" for label, kinds in KINDS.items() for kind in kinds)
OFFERED = tuple(entry.name for entry in OFFERED_BASELINES)
AT_ENTRY = ("symbol", "side", "tier", "decision_bar", "entry_bar", "quantity", "entry_price")
Records = NDArray[np.void]


@dataclass(frozen=True)
class Judged:
    """What a copy said by stored models: predictions by network and part, thresholds, accounts in order."""

    predictions: dict[tuple[str, str], pd.DataFrame]
    thresholds: dict[str, Any]
    accounts: list[dict[str, Records]]


def prove_inside_test(run: Run, rng: np.random.Generator) -> ProvedPart:
    """Replace all candles from a moment inside the test on: what was predicted and traded before it stays."""
    start, end = (microseconds_of(time) for time in run.fold.test)
    n_bars = (end - start) // run.interval
    low, high = (int(share * n_bars) for share in MIDDLE)
    moment = start + int(rng.integers(low, max(high, low + 1))) * run.interval
    comparison, changed = Comparison(), run.replaced(moment, rng)
    base = judged_unchanged(run)
    copy = run.copies.make("inside_test", changed, extras=run.replaced_extras(moment, rng))
    copy.run("ingest", "features")
    known = run.known(changed, moment)
    compare_data(run, copy, known, comparison)
    other = judge(run, copy)
    for (network, part), rows in base.predictions.items():
        sides = rows, other.predictions[network, part]
        compare_by_symbol(comparison, f"predict {network} {part}", sides, known)
    comparison.figures("evaluate", (base.thresholds, other.thresholds), moment)
    compare_accounts(run, base.accounts, other.accounts, moment, comparison)
    return ProvedPart(name="inside the test", moment=say_time(moment), trials=1, values=comparison.compared)


def judged_unchanged(run: Run) -> Judged:
    """What the run's models say on its own candles; ProofError where that is not what the run stored."""
    copy = run.unchanged
    kept = run.judged.get(run.fold_name)
    if kept is None:
        kept = run.judged[run.fold_name] = judge(run, copy)
        never = int(times_of(run.candles[run.symbols[0]])[-1]) + 10**15
        known, comparison = run.known(run.candles, never), Comparison()
        for (network, part), rows in kept.predictions.items():
            sides = stored_predictions(run, network, part), rows
            compare_by_symbol(comparison, f"predict {network} {part}", sides, known)
    return kept


def judge(run: Run, copy: Copy) -> Judged:
    """Let the run's models predict in a copy that has features, and trade what they say."""
    run.write_splits(copy)
    for model in MODELS:
        target = copy.folder / "models" / model.name / FOLD
        shutil.rmtree(target.parent, ignore_errors=True)
        shutil.copytree(run.root / "models" / model.name / run.fold_name, target)
        path = f"data/predictions/{model.name}_shifted.parquet"
        if (run.root / path).exists():  # an ensemble has none
            shifted = pd.read_parquet(run.root / path)
            own = shifted[shifted["fold"] == len(run.folds) - 1].assign(fold=0).reset_index(drop=True)
            write_table(copy.folder / path, own)
    for name in BASELINES:
        target = copy.folder / "models" / name / FOLD
        shutil.rmtree(target.parent, ignore_errors=True)
        shutil.copytree(run.root / "models" / name / run.fold_name, target)
    shutil.rmtree(copy.folder / ACCOUNTS, ignore_errors=True)
    copy.run("predict", "accounts")
    predictions = {
        (name, part): pd.read_parquet(copy.folder / f"data/predictions/{name}{suffix}.parquet")
        for name in (*(model.name for model in MODELS), *BASELINES)
        for part, suffix in (("test", ""), ("validation", "_validation"))
    }
    return Judged(predictions, thresholds(copy.folder), read_accounts(copy.folder / ACCOUNTS))


def thresholds(root: Path) -> dict[str, Any]:
    """Ranges of confidence of the candidate's tiers, as evaluate wrote them into the project at `root`."""
    own = read_json(root / "metrics/detail/evaluation.json")["candidate"][TRADED[0].name]
    return {f"threshold {name}": ends for name, ends in own["tier_ranges"].items()}


def read_accounts(folder: Path) -> list[dict[str, Records]]:
    """Signals, trades and bars of every account that was kept, in order."""
    parts = ("signals", "trades", "bars")
    names = sorted({path.name.split("_")[0] for path in folder.glob("*.npy")})
    return [{part: np.load(folder / f"{name}_{part}.npy") for part in parts} for name in names]


def stored_predictions(run: Run, network: str, part: str) -> pd.DataFrame:
    """What the run stored of one part of the proved fold."""
    suffix = "" if part == "test" else f"_{part}"
    table = pd.read_parquet(run.root / f"data/predictions/{network}{suffix}.parquet")
    return table[table["fold"] == len(run.folds) - 1].reset_index(drop=True)


def compare_by_symbol(
    comparison: Comparison, stage: str, sides: Sequence[pd.DataFrame], known: dict[str, Known]
) -> None:
    """Compare predictions by symbol and candle."""
    for symbol, of_symbol in known.items():
        rows = [table.loc[table["symbol"] == symbol, ["timestamp", "prediction"]] for table in sides]
        comparison.tables(stage, symbol, rows, of_symbol)


def compare_accounts(
    run: Run,
    base: list[dict[str, Records]],
    changed: list[dict[str, Records]],
    moment: int,
    comparison: Comparison,
) -> None:
    """Compare every account up to `moment`: what it was given, its trades, what it held on every bar."""
    counts = [{"accounts": len(each), **bars_of(each)} for each in (base, changed)]
    comparison.figures("evaluate", counts, moment)
    end = run.clock.time(run.clock.n_bars)
    for number, (mine, theirs) in enumerate(zip(base, changed, strict=True)):
        n_bars = len(mine["bars"])
        first = end - n_bars * run.interval
        before = int(np.clip((moment - first) // run.interval, 0, n_bars))
        times = first + np.arange(before) * run.interval
        for part in ("signals", "bars"):
            records = [each[part][:before] for each in (mine, theirs)]
            comparison.arrays("evaluate", ALL, f"account {number} {part}", records, times, moment)
        trades = [each["trades"] for each in (mine, theirs)]
        compare_trades(comparison, f"account {number}", trades, times, moment)


def bars_of(accounts: list[dict[str, Records]]) -> dict[str, int]:
    """Bars of each account."""
    return {f"bars of account {number}": len(each["bars"]) for number, each in enumerate(accounts)}


def compare_trades(
    comparison: Comparison, name: str, sides: Sequence[Records], times: NDArray[np.int64], moment: int
) -> None:
    """Compare trades that ended on the bars that open at `times`, and how those began that were open then."""
    before = len(times)
    every = list(sides[0].dtype.names or ())
    begun = [trades[trades["entry_bar"] < before] for trades in sides]
    for fields, is_over in ((every, True), (list(AT_ENTRY), False)):
        rows = [trades[(trades["exit_bar"] < before) == is_over] for trades in begun]
        n_rows = min(map(len, rows))
        at = times[rows[0]["entry_bar"][:n_rows]]
        records = [each[fields][:n_rows] for each in rows]
        comparison.arrays("evaluate", ALL, f"{name} trade", records, at, moment)
        comparison.figures("evaluate", [{f"{name} trades": len(each)} for each in rows], moment)
