"""Proof that nothing of a run depends on the future: its candles are changed, its commands run again.

The same inputs give the same bytes, so whatever knows the future changes with it, wherever the mistake was
made: in ingest, features, labels, splits, training, calibration, thresholds, predictions or trades.
"""

import hashlib
import re
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from tapeline.errors import ArtifactError, ProofError
from tapeline.models.table import NETWORKS
from tapeline.outputs import write_json
from tapeline.params import Params
from tapeline.promotion.proofs import ProofParams, ProofRecord, ProvedPart
from tapeline.promotion.release_record import RunRecord
from tapeline.release.proof_ceiling import prove_ceiling
from tapeline.release.proof_copies import PROOFS, TRAININGS, open_copies, sources_hash
from tapeline.release.proof_orders import prove_orders
from tapeline.release.proof_run import Run
from tapeline.release.proof_segments import pairs_needed, prove_moments
from tapeline.release.proof_trading import prove_inside_test
from tapeline.release.recorded import RECORDED

LARGEST_SEED = 2**32
REFIT = "the model that ships was trained once more up to the end; proved is the training of the last fold"
DONE = re.compile(r"done in ([\d.]+) s\s*$")
# Seconds a candle (a symbol's), and a label and epoch, where no log says how long this machine takes.
PER_CANDLE, PER_LABEL = 2.5e-5, 2e-5
START = 6.0  # seconds until a process of a copy has begun

Tell = Callable[[str], None]


def prove(root: Path, seed: int | None, tell: Tell) -> ProofRecord:
    """Prove the run of the project at `root` and record it; ProofError names the first value that differs.

    `seed` decides the moments and what candles are replaced by; None: a fresh one. `tell` is given the cost
    before anything begins.
    """
    # Imported here: it takes torch, and a promotion of a run that is proved already does not wait for that.
    from tapeline.release.proof_training import prove_test, prove_validation

    seed, proved = secrets.randbelow(LARGEST_SEED) if seed is None else seed, identity(root)
    with open_copies(root) as copies:
        run = Run(root, copies)
        n_moments = run.params.section("proof", ProofParams).moments
        n_runs = count_runs(run, n_moments)
        tell(f"seed {seed}: {n_runs} runs of stages in copies, {say_cost(run, n_moments)}")
        streams = [np.random.default_rng([seed, part]) for part in range(6)]
        with tqdm(total=n_runs, desc="proving", unit="run", disable=None, leave=False) as bar:
            copies.on_run = bar.update
            parts = (
                prove_moments(run, streams[0], n_moments),
                prove_inside_test(run, streams[1]),
                prove_orders(run, streams[4]),
                prove_validation(run, streams[2]),
                prove_test(run, streams[3]),
                *prove_ceiling(run, streams[5]),
            )
    if identity(root) != proved:
        raise ProofError(f"{root.resolve().name}: sources, dvc.lock or bundles changed while it was proved")
    record = make_record(run, seed, n_moments, parts)
    write_json(proof_path(root), record.plain())
    return record


def make_record(run: Run, seed: int, n_asked: int, parts: tuple[ProvedPart, ...]) -> ProofRecord:
    """The record of a proof of `run` that found no difference."""
    return ProofRecord(
        seed=seed,
        asked=n_asked,
        moments=sum(part.trials for part in parts),
        values=sum(part.values for part in parts),
        parts=parts,
        proved_on=run.fold_name,
        note=REFIT if run.is_refit else "",
        **identity(run.root),
    )


def identity(root: Path) -> dict[str, Any]:
    """Of what a proof is: the run's bundles and lock, the sources that made it and that prove it."""
    recorded = RunRecord.read_file(root / RECORDED)
    return {
        "bundles": {artifact: packed.bundle_id for artifact, packed in recorded.bundles.items()},
        "lock_sha256": hashlib.sha256((root / "dvc.lock").read_bytes()).hexdigest(),
        "code": sources_hash(root),
    }


def proof_path(root: Path) -> Path:
    """Where the proof of the run at `root` is recorded."""
    ids = sorted(packed.bundle_id for packed in RunRecord.read_file(root / RECORDED).bundles.values())
    return root / PROOFS / f"{'-'.join(ids)}.json"


def require_proof(root: Path, tell: Tell) -> ProofRecord:
    """The recorded proof of this very run, else one that is made now; ProofError where it fails."""
    path, expected = proof_path(root), identity(root)
    asked = Params.read(root / "params.yaml").section("proof", ProofParams).moments
    with suppress(ArtifactError):  # none, or a broken one, which is as good as none
        recorded = ProofRecord.read_file(path)
        if expected == {name: getattr(recorded, name) for name in expected} and recorded.asked >= asked:
            tell(f"proved before: {summary(recorded)}")
            return recorded
    record = prove(root, None, tell)
    tell(f"proved: {summary(record)}")
    return record


def summary(record: ProofRecord) -> str:
    """A proof in a line."""
    return f"{record.moments} moments, {record.values:,} values equal, seed {record.seed}"


def lines(record: ProofRecord) -> list[str]:
    """A proof as a table, a line a part."""
    rows = [("candles replaced from", "moments", "values equal")]
    for part in record.parts:
        when = part.name if part.moment is None else f"{part.name}, {part.moment}"
        rows.append((when, f"{part.trials:,}", f"{part.values:,}"))
    rows.append(("all", f"{record.moments:,}", f"{record.values:,}"))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    table = [f"{a:<{widths[0]}}  {b:>{widths[1]}}  {c:>{widths[2]}}" for a, b, c in rows]
    return [*table, *([record.note] if record.note else [])]


def count_runs(run: Run, n_moments: int) -> int:
    """Processes that a proof starts: of every part, each copy's groups of stages."""
    n_models = len(TRAININGS)
    inside_test = 2 + 2  # unchanged, and other candles: up to features, then predictions and accounts
    validation, test = 1 + 2 * n_models, 1 + n_models + 2
    return 2 * pairs_needed(run, n_moments) + inside_test + validation + test


def say_cost(run: Run, n_moments: int) -> str:
    """About how long a proof takes, by what the run's own logs say of this machine, if they are there."""
    logged = [logged_seconds(run.root, stage) for stage in ("ingest", "features", "evaluate")]
    trainings = [logged_seconds(run.root, stage) for stage in TRAININGS]
    n_candles = sum(map(len, run.candles.values()))
    cheap, evaluate = 2 * PER_CANDLE * n_candles, PER_CANDLE * n_candles
    if None not in logged:
        cheap, evaluate = sum(logged[:2]), logged[2] / len(run.folds)  # type: ignore[operator, arg-type]
    if None not in trainings:
        fold = sum(trainings) / len(run.folds) * min(run.workers, len(run.folds))  # type: ignore[arg-type]
    else:
        epochs = run.params.value("train.epochs", int) * run.params.value("train.seeds", int)
        fold = PER_LABEL * n_candles * epochs * len(NETWORKS)
    n_cheap = 2 * pairs_needed(run, n_moments) + 4
    wall = (n_cheap * cheap + fold * 1.5 + 3 * evaluate) / min(2, run.workers)
    wall += START * count_runs(run, n_moments) / min(2, run.workers)
    told = f"{wall / 60:.0f} minutes" if wall >= 120 else f"{wall:.0f} seconds"
    return f"about {told}, more where the machine is busy"


def logged_seconds(root: Path, stage: str) -> float | None:
    """How long a stage took when it ran last; None where its log does not say."""
    path = root / f"logs/{stage}.log"
    if not path.is_file():
        return None
    found = DONE.search(path.read_text(encoding="utf-8", errors="replace"))
    return float(found[1]) if found else None
