"""Load a trained model from disk, without running code of the file."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.torch import load

from tapeline.ending import one_line
from tapeline.errors import ArtifactError
from tapeline.nets.calibration import Calibration
from tapeline.nets.ensemble import as_one
from tapeline.nets.models import DESCRIPTION, WEIGHTS, Description, content_version
from tapeline.nets.network import Network
from tapeline.nets.scaler import Scaler


@dataclass(frozen=True)
class Model:
    """A model as it was saved; network in evaluation mode, `version` a hash of its content."""

    net: Network
    calibration: Calibration
    scaler: Scaler
    description: Description
    version: str


def load_model(folder: Path, build: Callable[[Description], Network]) -> Model:
    """Read a model back, its network, or each of its members, made by `build`.

    ArtifactError where a file is missing or content is not what the version says.
    """
    try:
        record = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
        weights = (folder / WEIGHTS).read_bytes()
        version = record.pop("version")
        if content_version(weights, record) != version:
            raise ArtifactError(f"{folder}: content does not match version {version}; train again")
        scaler, calibration = record.pop("scaler"), Calibration(record.pop("calibration"))
        description = Description(**record)
        n_members = description.training.get("seeds", 1)  # models before had one, and did not say so
        net = as_one([build(description) for _ in range(n_members)])
        net.load_state_dict(load(weights))
    except (OSError, KeyError, TypeError, json.JSONDecodeError, SafetensorError, RuntimeError) as error:
        raise ArtifactError(f"{folder}: no whole model: {one_line(error)}") from error
    fitted = Scaler(np.array(scaler["mean"]), np.array(scaler["std"]))
    return Model(net.eval(), calibration, fitted, description, version)
