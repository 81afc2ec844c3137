"""Train anew on what live recorded, by the params of the version in production; nothing is promoted."""

import argparse
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
from dvc.utils.hydra import apply_overrides  # what `-S` calls

from tapeline.ending import run_command
from tapeline.errors import ArtifactError
from tapeline.evaluation.params import EvaluationParams
from tapeline.live.records import Records
from tapeline.live.retrain import answered, compare, days_of, sentence, write_recorded
from tapeline.models.start import KEY, NO_START, STARTS
from tapeline.models.table import ARTIFACTS, NETWORKS
from tapeline.outputs import whole_file, whole_folder
from tapeline.params import PARAMS_FILE, Params
from tapeline.promotion.production import PROMOTED, in_production
from tapeline.promotion.registry import Registry, Release
from tapeline.promotion.repository import git
from tapeline.schema import INTERVAL_MINUTES, Horizon, Interval, Symbols
from tapeline.splits.candidate import read_candidate
from tapeline.store.feature_store import FeatureStore

ROOT = Path()


def main() -> None:
    """Add the recorded candles, run the pipeline as production was made, compare; the gates judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", default="")
    parser.add_argument("--model", default="")
    parser.add_argument("--start", default="")
    chosen = parser.parse_args()
    artifact, release = _production(chosen.model)
    changed = git(ROOT, "status", "--porcelain", "--untracked-files=no").strip()
    if changed:
        raise ArtifactError(f"{changed.split()[-1]}: is changed; commit or stash first, a retraining commits")
    text = git(ROOT, "show", f"{release.commit}:{PARAMS_FILE}")
    params = Params.parse(text)
    if params.value("data.source", str) != "files":
        raise ArtifactError(
            f"{release.tag}: was trained on the simulated market, which has no candles to add; `dvc repro` "
            "runs its params anew"
        )
    folder, interval = Path(params.value("data.path", str)), params.value("data.interval", Interval)
    if not folder.is_dir():
        raise ArtifactError(f"{folder}: is not there, of which {release.tag} was made; dvc pull fetches it")
    records = Records(Path(chosen.folder or "live"))
    begin = set_start(chosen.start, artifact, release)
    written = write_recorded(records, folder, interval)
    if not written:
        raise ArtifactError(f"{records.folder}: nothing is recorded; `make live` answers and records")
    print(f"candles: {days_of(params.value('data.symbols', Symbols), written)} in {folder}")
    with whole_file(PARAMS_FILE) as aside:
        aside.write_text(text, encoding="utf-8")
    begin()
    _run("dvc", "add", "--quiet", str(folder))
    git(ROOT, "add", f"{folder}.dvc", str(PARAMS_FILE))
    last = records.days()[-1]
    if git(ROOT, "status", "--porcelain", "--untracked-files=no").strip():
        git(ROOT, "commit", "--quiet", "-m", f"Candles of live until {last}, params of {release.tag}")
    _run("dvc", "repro")
    _run(sys.executable, "-m", "commands.report")
    print(_compared(artifact, release, records, params))
    print("the gates' verdict is in reports/index.html; commit the run, and `make promote` decides")


def set_start(said: str, artifact: str, release: Release) -> Callable[[], None]:
    """What sets `train.start_from` as START says; nothing where it says nothing: as production was made."""
    if said not in ("", "0", "1"):
        raise ArtifactError(f"START: {said!r} is none of 1, the weights in production, 0, fresh ones")
    if not said:
        return lambda: None
    if said == "1" and artifact not in {model.artifact for model in NETWORKS}:
        raise ArtifactError(f"START: {artifact} is no network, it has no weights to begin with; leave it out")
    source = PROMOTED / artifact
    if said == "1" and in_production(ROOT, artifact) != release.record.bundle_id:
        raise ArtifactError(f"{source}: is not the bundle of {release.tag}; `make restore` brings it back")

    def begin() -> None:
        apply_overrides(PARAMS_FILE, [f"++{KEY}={STARTS if said == '1' else NO_START}"])
        if said == "1":
            with whole_folder(STARTS) as aside:
                shutil.copytree(source, aside / artifact)
            _run("dvc", "add", "--quiet", str(STARTS))
            git(ROOT, "add", f"{STARTS}.dvc", str(STARTS.parent / ".gitignore"))

    return begin


def _production(model: str) -> tuple[str, Release]:
    """The version in production of `model`, or of the first that has one."""
    registry = Registry(ROOT, ARTIFACTS)
    for artifact in (model,) if model else ARTIFACTS:
        if artifact not in ARTIFACTS:
            raise ArtifactError(f"MODEL: {artifact!r} is none of {', '.join(ARTIFACTS)}")
        release = registry.production(artifact)
        if release:
            return artifact, release
    raise ArtifactError(f"{model or 'models'}: nothing is in production; `make promote` puts a version there")


def _compared(artifact: str, release: Release, records: Records, params: Params) -> str:
    model, candidate = ARTIFACTS[artifact], read_candidate(params)
    predicted = candidate.rows(pd.read_parquet(f"data/predictions/{model.name}.parquet"))
    span = predicted["timestamp"].min(), predicted["timestamp"].max() + pd.Timedelta(microseconds=1)
    labels = FeatureStore("data/features").read(
        params.value("data.symbols", Symbols), *span, columns=[model.label]
    )
    found = compare(
        answered(records, artifact, release.record.bundle_id),
        predicted.astype({"symbol": str})[["symbol", "timestamp", "prediction"]],
        labels.astype({"symbol": str}),
        model.label,
        params.value("labels.horizon", Horizon),
        INTERVAL_MINUTES[params.value("data.interval", Interval)],
        params.section("evaluation", EvaluationParams).level,
    )
    return sentence(found, artifact)


def _run(*command: str) -> None:
    """Run a command whose output is shown; end as it ends if it fails."""
    status = subprocess.run(command).returncode
    if status:
        sys.exit(status)


if __name__ == "__main__":
    run_command(main)
