"""A model on disk: everything comes back, and nothing that was altered does."""

import json

import numpy as np
import pytest

from tapeline.errors import ArtifactError
from tapeline.models.lstm import LSTM
from tapeline.models.table import NETWORKS
from tapeline.nets.loading import load_model
from tapeline.nets.models import DESCRIPTION, WEIGHTS, Description, save_model
from tests.nets.problem import ARCHITECTURES, LENGTH, problem, run, train_params

ENTRIES = {model.name: model for model in NETWORKS}


def describe(network):
    """A description as the training stage writes it."""
    return Description(
        network=network,
        architecture=ARCHITECTURES[network].model_dump(),
        context={"sequence_length": LENGTH, "reach": LENGTH, "chunk_length": 40, "minimum_context": 6},
        features=["a", "b", "c"],
        label="direction",
        horizon=15,
        interval="1m",
        training=train_params().model_dump(),
        span={"train": ["2026-01-01T00:00:00+00:00", "2026-01-02T00:00:00+00:00"]},
        made_from={"data": "a", "features": "b", "code": "c"},
    )


def save(folder, result, network):
    """Save a result as the training stage does."""
    return save_model(folder, result.predictor.net, result.scaler, result.calibration, describe(network))


@pytest.mark.parametrize("network", ARCHITECTURES)
@pytest.mark.parametrize("calibration", ["none", "platt", "isotonic"])
def test_a_model_comes_back_from_disk_as_it_was(tmp_path, network, calibration):
    """Weights, scaler, calibration and description survive; the version follows content, not the path."""
    result = run(network, *problem(), train_params(epochs=1, calibration=calibration))
    versions = {save(tmp_path / name, result, network) for name in "ab"}
    assert len(versions) == 1
    assert (tmp_path / "a" / WEIGHTS).read_bytes() == (tmp_path / "b" / WEIGHTS).read_bytes()
    model = load_model(tmp_path / "a", ENTRIES[network].build_described)
    assert {model.version} == versions
    assert model.description == describe(network)
    np.testing.assert_array_equal(model.scaler.std, result.scaler.std)
    windows = result.predictor.features[3000:3048].reshape(4, 12, 3)
    ours = result.predictor.calibration(result.predictor.net.last(windows))
    np.testing.assert_array_equal(model.calibration(model.net.last(windows)).detach(), ours.detach())
    context = json.loads((tmp_path / "a" / DESCRIPTION).read_text())["context"]
    assert context["sequence_length"] == LENGTH


@pytest.mark.parametrize("file", [WEIGHTS, DESCRIPTION])
def test_an_altered_or_broken_model_is_refused(tmp_path, file):
    """One flipped byte, or a missing file, names the folder."""
    save(tmp_path / "m", run("lstm", *problem(), train_params(epochs=1)), "lstm")
    content = (tmp_path / "m" / file).read_bytes()
    (tmp_path / "m" / file).write_bytes(
        content.replace(b"15", b"16") if file == DESCRIPTION else content[:-1]
    )
    with pytest.raises(ArtifactError, match=r"m: (content does not match|no whole model)"):
        load_model(tmp_path / "m", LSTM.build_described)
    (tmp_path / "m" / file).unlink()
    with pytest.raises(ArtifactError, match="m: no whole model"):
        load_model(tmp_path / "m", LSTM.build_described)
