"""A trained model on disk: weights in safetensors, everything else in JSON."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import save
from torch import nn

from tapeline.nets.scaler import Scaler

WEIGHTS, DESCRIPTION = "weights.safetensors", "model.json"


@dataclass(frozen=True)
class Description:
    """What a model needs beside its weights, and what it predicts.

    network : "lstm" or "transformer", with its section of params.yaml in `architecture`
    context : `sequence_length`, the candles a prediction is made from; `reach`, how many of them the
        network can tell apart from others (the Transformer's layers may stop short of the first);
        `chunk_length` and `minimum_context` of the training
    features : input columns in order
    label, horizon : what is predicted, candles ahead
    span : by part of the fold, open times of its first and last row; rows of `test` were not seen
    made_from : hashes of the candles (`data`), of the features' meaning (`features`) and of the code; where
        its weights were another model's at first, whose (`start`), and the id of the `bundle` behind them
    """

    network: str
    architecture: dict[str, Any]
    context: dict[str, int]
    features: list[str]
    label: str
    horizon: int
    interval: str
    training: dict[str, Any]
    span: dict[str, list[str]]
    made_from: dict[str, str]


def save_model(
    folder: Path, net: nn.Module, scaler: Scaler, calibration: dict[str, Any], description: Description
) -> str:
    """Write weights and everything else into `folder`; return the version, a hash of their content."""
    folder.mkdir(parents=True)
    weights = save({name: tensor.contiguous() for name, tensor in net.state_dict().items()})
    fitted = {
        "scaler": {"mean": scaler.mean.tolist(), "std": scaler.std.tolist()},
        "calibration": calibration,
    }
    record = asdict(description) | fitted
    version = content_version(weights, record)
    (folder / WEIGHTS).write_bytes(weights)
    (folder / DESCRIPTION).write_text(json.dumps({"version": version} | record, indent=2) + "\n")
    return version


def content_version(weights: bytes, record: dict[str, Any]) -> str:
    """Hash of a model's weights and of everything its JSON says beside the version."""
    return hashlib.sha256(weights + json.dumps(record).encode()).hexdigest()[:16]
