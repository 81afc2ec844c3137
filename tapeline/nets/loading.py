"""A trained model back from disk. Loading runs no code of the file's."""

import json
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.torch import load
from torch import nn

from tapeline.errors import ArtifactError
from tapeline.nets.lstm import LSTM
from tapeline.nets.models import DESCRIPTION, WEIGHTS, Description, content_version
from tapeline.nets.params import LstmParams, TransformerParams
from tapeline.nets.scaler import Scaler
from tapeline.nets.transformer import Transformer


def build_net(description: Description) -> nn.Module:
    """Build the network that `description` describes, with fresh weights."""
    n_features = len(description.features)
    if description.network == "lstm":
        return LSTM(n_features, LstmParams(**description.architecture))
    params = TransformerParams(**description.architecture)
    return Transformer(n_features, params, description.sequence_length)


def load_model(folder: Path) -> tuple[nn.Module, Scaler, Description, str]:
    """Read a model back: network in evaluation mode, scaler, description, version.

    Raises ArtifactError where a file is missing or its content is not what the version says.
    """
    try:
        record = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
        weights = (folder / WEIGHTS).read_bytes()
        version, scaler = record.pop("version"), record["scaler"]
        if content_version(weights, record) != version:
            raise ArtifactError(f"{folder}: content does not match version {version}; train again")
        description = Description(**{key: item for key, item in record.items() if key != "scaler"})
        net = build_net(description)
        net.load_state_dict(load(weights))
    except (OSError, KeyError, TypeError, json.JSONDecodeError, SafetensorError) as error:
        raise ArtifactError(f"{folder}: no whole model: {error}") from error
    return net.eval(), Scaler(np.array(scaler["mean"]), np.array(scaler["std"])), description, version
