"""The table of models: names that belong together, networks that are what their entry says."""

import pytest
from ruamel.yaml import YAML

from tapeline.closure import ROOT
from tapeline.errors import ArtifactError, ParamsError
from tapeline.models.lstm import LSTM
from tapeline.models.table import ARTIFACTS, FILES, MODELS, NETWORKS, TRADED
from tapeline.models.transformer import TRANSFORMER
from tapeline.nets.models import Description
from tapeline.nets.params import TrainParams
from tapeline.params import Params
from tapeline.schema import DIRECTION, LABELS, TREND_STRENGTH

PARAMS = Params(YAML(typ="safe").load((ROOT / "params.yaml").read_text()))
TRAIN = PARAMS.section("train", TrainParams)


def test_names_of_models_are_their_own():
    """Two of one name would overwrite each other's files and tags."""
    for names in ([m.name for m in MODELS], [m.artifact for m in MODELS], [m.title for m in MODELS]):
        assert len(set(names)) == len(MODELS)
    assert len({model.section for model in NETWORKS}) == len(NETWORKS)
    assert [ARTIFACTS[model.artifact] for model in MODELS] == list(MODELS)
    assert all(model.label in LABELS and model.name in model.metrics for model in MODELS)
    assert set(FILES) == {file for model in MODELS for file in model.metrics} | {"promotion"}


def test_sides_and_strengths_are_traded_by_the_first_that_predict_them():
    """One model each."""
    assert [model.label for model in TRADED] == [DIRECTION, TREND_STRENGTH]


@pytest.mark.parametrize("model", NETWORKS, ids=lambda model: model.name)
def test_an_entry_builds_its_network_from_its_section(model):
    """And again from what was saved of it; a model of another network is refused."""
    architecture = model.read(PARAMS)
    net = model.build(7, architecture, TRAIN.sequence_length)
    described = Description(
        model.name, architecture.model_dump(), {"sequence_length": TRAIN.sequence_length}, ["f"] * 7,
        model.label, 15, "1m", {}, {}, {},
    )  # fmt: skip
    again = model.build_described(described)
    assert type(net) is type(again)
    assert [p.shape for p in net.parameters()] == [p.shape for p in again.parameters()]
    other = next(each for each in NETWORKS if each is not model)
    with pytest.raises(ArtifactError, match=f"a model of {model.name} is none of {other.name}"):
        other.build_described(described)


def test_training_is_adapted_to_the_architecture():
    """A bidirectional LSTM sees no candle after the scored one; a Transformer no longer chunk than it can."""
    both = LSTM.read(PARAMS).model_copy(update={"bidirectional": True})
    windows = LSTM.adapt(TRAIN, both)
    assert windows.chunk_length == windows.minimum_context == TRAIN.sequence_length
    assert LSTM.adapt(TRAIN, LSTM.read(PARAMS)) == TRAIN
    short = TRANSFORMER.read(PARAMS).model_copy(update={"max_length": TRAIN.chunk_length - 1})
    with pytest.raises(ParamsError, match="chunk_length"):
        TRANSFORMER.adapt(TRAIN, short)
