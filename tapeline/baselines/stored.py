"""A fitted baseline on disk: its arrays in safetensors, everything else in JSON."""

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from tapeline.baselines.boosting import Trees
from tapeline.baselines.kinds import BOOSTING
from tapeline.baselines.linear import LinearRule
from tapeline.errors import ArtifactError
from tapeline.outputs import read_json

FITTED, DESCRIPTION = "fitted.safetensors", "model.json"
Baseline = LinearRule | Trees


def save_baseline(folder: Path, model: Baseline, record: dict[str, Any]) -> None:
    """Write `model` and its `record`, of which `kind` and `label` say what it is, into a new `folder`."""
    folder.mkdir(parents=True)
    (folder / FITTED).write_bytes(save(model.arrays()))
    (folder / DESCRIPTION).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def load_baseline(folder: Path) -> tuple[Baseline, dict[str, Any]]:
    """A stored baseline and its record; ArtifactError where it is not whole."""
    try:
        record = read_json(folder / DESCRIPTION)
        kind = Trees if record["kind"] == BOOSTING else LinearRule
        return kind(record["label"], **load_file(folder / FITTED)), record
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise ArtifactError(f"{folder}: no whole baseline: {error}; run the stage train_baselines") from error
