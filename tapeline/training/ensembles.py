"""The mean of what several models say of one label: predictions, and what each fold's models have in common.

Nothing is fitted, so there is nothing to choose: the members were fitted, stopped and calibrated on their own
fold's past, and every one counts the same.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tapeline.definitions import definitions_hash
from tapeline.errors import ArtifactError
from tapeline.models.entry import EnsembleEntry, ModelEntry
from tapeline.outputs import read_json, whole_folder, write_table
from tapeline.schema import ROW_KEYS

DESCRIPTION = "model.json"
PARTS = "", "_validation"  # ends of the names of files of predictions
# What a model says of itself that must be the same of all members, as one window is put before all of them.
SHARED = "features", "label", "horizon", "interval", "scaler", "span"
# Likewise: the candles of a window, candles with folds that it was made from, and what its features mean.
SHARED_WITHIN = ("context", "sequence_length"), ("made_from", "data"), ("made_from", "features")
KEYS = [*ROW_KEYS, "fold"]
CODE = "tapeline.training.ensembles", "mean_of"


def combine(ensemble: EnsembleEntry) -> str:
    """Write predictions and models' JSON of `ensemble` in the current folder; return a line of what it is.

    ArtifactError where members have not the same folds, rows, features or scaler.
    """
    names = fold_names(ensemble)
    with whole_folder(f"models/{ensemble.name}") as folder:
        for name in names:
            (folder / name).mkdir()
            text = json.dumps(describe(ensemble, name), indent=2) + "\n"  # every digit of the scaler
            (folder / name / DESCRIPTION).write_text(text, encoding="utf-8")
    n_rows = average(ensemble)
    members = ", ".join(member.name for member in ensemble.members)
    return f"{ensemble.name}: mean of {members} in {len(names)} models, {n_rows} test candles"


def average(ensemble: EnsembleEntry) -> int:
    """Write the mean predictions in the current folder; return how many there are of tests."""
    counts = {}
    for part in PARTS:
        paths = [f"data/predictions/{member.name}{part}.parquet" for member in ensemble.members]
        table = mean_of({path: _read_table(path) for path in paths})
        write_table(f"data/predictions/{ensemble.name}{part}.parquet", table)
        counts[part] = len(table)
    return counts[""]


def mean_of(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """The first of `tables`, by path, with the mean of all predictions; ArtifactError names other rows."""
    (first, table), *others = tables.items()
    for path, other in others:
        if not _plain(other).equals(_plain(table)):
            raise ArtifactError(f"{path}: predicts other rows than {first}; run `dvc repro`")
    said = np.array([each["prediction"] for each in tables.values()])
    return table.assign(prediction=said.mean(axis=0))


def fold_names(ensemble: EnsembleEntry) -> list[str]:
    """Names of the folds' models, fold_0, fold_1...; ArtifactError where members have not the same."""
    names = {member.name: sorted(path.parent.name for path in _models(member)) for member in ensemble.members}
    (first, found), *others = names.items()
    for member, own in others:
        if own != found:
            told = f"models/{member}: has {', '.join(own) or 'none'}, and models/{first} {', '.join(found)}"
            raise ArtifactError(f"{told}; run `dvc repro`")
    return found


def describe(ensemble: EnsembleEntry, name: str) -> dict[str, Any]:
    """What the model `name` of `ensemble` says of itself: what its members share, and which they are."""
    folders = {member.name: Path(f"models/{member.name}") / name for member in ensemble.members}
    records = {member: _read_record(folder / DESCRIPTION) for member, folder in folders.items()}
    (first, record), *others = records.items()
    for member, other in others:
        pairs = {key: (other[key], record[key]) for key in SHARED}
        pairs |= {f"{of}.{key}": (other[of][key], record[of][key]) for of, key in SHARED_WITHIN}
        for key, (own, expected) in pairs.items():
            if own != expected:
                told = f"{folders[member]}: {key} is not that of {folders[first]}"
                raise ArtifactError(f"{told}, so one window can't be put before both; run `dvc repro`")
    made_from = [each["made_from"] for each in records.values()]
    codes = [definitions_hash([CODE]), *(each["code"] for each in made_from)]
    code = hashlib.sha256("\n".join(codes).encode()).hexdigest()[:16]
    reach = max(each["context"]["reach"] for each in records.values())
    return {
        "network": ensemble.name,
        "members": {member: {"sha256": content_of(folder)} for member, folder in folders.items()},
        "context": {"sequence_length": record["context"]["sequence_length"], "reach": reach},
        "made_from": _shared_origin(made_from) | {"code": code},
    } | {key: record[key] for key in SHARED}


def _shared_origin(made_from: list[dict[str, str]]) -> dict[str, str]:
    """Of all members' provenance what is the same, and the bundle that one of them began with, if any did."""
    shared = {of: made_from[0][of] for of in ("data", "features")}
    bundles = [each["bundle"] for each in made_from if "bundle" in each]
    return shared | ({"bundle": ", ".join(bundles)} if bundles else {})


def content_of(folder: Path) -> str:
    """A hash of every byte of a stored model."""
    content = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        content.update(f"{path.name} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return content.hexdigest()[:16]


def _read_table(path: str) -> pd.DataFrame:
    try:
        return pd.read_parquet(path, columns=[*KEYS, "prediction"])
    except (OSError, ValueError) as error:
        raise ArtifactError(f"{path}: is missing or damaged; run `dvc repro`") from error


def _read_record(path: Path) -> dict[str, Any]:
    """What a model says of itself, with all that is held together here."""
    try:
        record: dict[str, Any] = read_json(path)
        lacking = [key for key in (*SHARED, *(of for of, _ in SHARED_WITHIN)) if key not in record]
    except (OSError, ValueError) as error:
        raise ArtifactError(f"{path}: is missing or damaged; run `dvc repro`") from error
    if lacking:
        raise ArtifactError(f"{path}: does not say {lacking[0]}; run `dvc repro`")
    return record


def _models(member: ModelEntry) -> list[Path]:
    return list(Path(f"models/{member.name}").glob(f"*/{DESCRIPTION}"))


def _plain(table: pd.DataFrame) -> pd.DataFrame:
    return table[KEYS].astype({"symbol": str, "fold": "int64"})
