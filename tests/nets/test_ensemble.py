"""Networks of several seeds as one: each trained as if alone; their mean in logits, on disk, in the graph."""

from dataclasses import asdict

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from tapeline.errors import ArtifactError
from tapeline.models.table import NETWORKS
from tapeline.nets.chunks import Series
from tapeline.nets.devices import make_fabric
from tapeline.nets.ensemble import Ensemble, as_one, members_of
from tapeline.nets.export import Served, reference_outputs, to_onnx
from tapeline.nets.loading import load_model
from tapeline.nets.models import WEIGHTS, Description, save_model
from tapeline.nets.trainer import TrainingData, train
from tapeline.promotion.bundle import open_graph
from tests.nets.problem import ARCHITECTURES, LENGTH, ROWS, N, make_net, problem, run, train_params, weights

pytestmark = pytest.mark.xdist_group("ensemble")  # trained once
SEED, SEEDS = 5, 3  # that `train_params` begins with; members
ENTRIES = {model.name: model for model in NETWORKS}


def alone(network, seed, start=None):
    """A network trained by hand: scaled by its training part, the trainer called on what that gives."""
    features, labels = problem()
    part = features[ROWS.part]
    scaled = np.clip((features - part.mean(axis=0)) / part.std(axis=0), -10, 10).astype(np.float32)
    is_trained = np.isin(np.arange(N), ROWS.train).astype(np.float32)
    arrays = (torch.from_numpy(each) for each in (scaled, labels.astype(np.float32), is_trained))
    segment, params = np.zeros(N, np.int64), train_params(seed=seed)
    data = TrainingData(Series(*arrays), segment, np.array([[0, 2500]]), ROWS.validation[::2])
    fabric = make_fabric(params)
    torch.manual_seed(seed)
    net = make_net(network)()
    if start is not None:
        net.load_state_dict(start.state_dict())
    history = train(fabric, net, data, params, network)
    return net.eval(), history


def bytes_of(net):
    """Names and bytes of all weights, in order."""
    return [(name, tensor.numpy().tobytes()) for name, tensor in net.state_dict().items()]


EACH = ["lstm", pytest.param("transformer", marks=pytest.mark.slow)]


@pytest.fixture(scope="module", params=EACH)
def together(request):
    """A network's name, an ensemble of it, and its members trained by hand."""
    members = [alone(request.param, SEED + k) for k in range(SEEDS)]
    return request.param, run(request.param, *problem(), train_params(seeds=SEEDS)), members


@torch.no_grad()
def mean_of(nets, windows):
    """What the members say of windows (B, T, F), one by one, and the mean of it by NumPy."""
    return np.mean([net.eval().last(windows).numpy() for net in nets], axis=0)


def windows_at(result, rows):
    """Scaled windows (B, LENGTH, F) that end at `rows`."""
    return result.predictor.features[torch.from_numpy(rows[:, None] + np.arange(1 - LENGTH, 1))]


def test_of_one_seed_it_is_the_network_itself(together):
    """Bytes, names and epochs of one that was trained by hand; nothing is wrapped around it."""
    network, _, [(net, history), *_] = together
    result = run(network, *problem())
    assert bytes_of(result.predictor.net) == bytes_of(net)
    assert result.history == [epoch | {"member": 0} for epoch in history]


def test_its_logits_are_the_mean_of_networks_trained_alone_with_these_seeds(together):
    """On all test rows, to 1e-6; its members are these networks to the bit, and so are their epochs."""
    network, result, members = together
    assert [bytes_of(each) for each in members_of(result.predictor.net)] == [bytes_of(n) for n, _ in members]
    assert len({bytes_of(net)[0] for net, _ in members}) == SEEDS
    expected = mean_of([net for net, _ in members], windows_at(result, ROWS.test))
    np.testing.assert_allclose(result.predictor.logits(ROWS.test).numpy(), expected, rtol=0, atol=1e-6)
    told = [epoch | {"member": k} for k, (_, history) in enumerate(members) for epoch in history]
    assert result.history == told
    logits = mean_of([net for net, _ in members], windows_at(result, ROWS.validation))
    labels = problem()[1][ROWS.validation]
    loss = np.mean(np.logaddexp(0, logits) - labels * logits)  # cross-entropy of the mean, not a mean of them
    assert result.losses[0] == pytest.approx(loss, abs=1e-6)
    assert result.predictor.net.reach(LENGTH) == make_net(network)().reach(LENGTH)


def save(folder, network, result, training):
    """Save a result as the training stage does; `training` is what it says of its recipe."""
    architecture, context = ARCHITECTURES[network].model_dump(), {"sequence_length": LENGTH}
    of_features = ["a", "b", "c"], "direction", 15, "1m"
    description = Description(network, architecture, context, *of_features, training, {}, {})
    save_model(folder, result.predictor.net, result.scaler, result.calibration, description)
    return description


def test_it_is_one_model_on_disk(together, tmp_path):
    """Read back it is the same to the bit; where as many members are not there, it is refused."""
    network, result, _ = together
    save(tmp_path / "whole", network, result, {"seeds": SEEDS})
    model = load_model(tmp_path / "whole", ENTRIES[network].build_described)
    assert bytes_of(model.net) == bytes_of(result.predictor.net)
    for seeds in (SEEDS - 1, SEEDS + 1, "many"):
        save(tmp_path / f"{seeds}", network, result, {"seeds": seeds})
        with pytest.raises(ArtifactError, match=f"{seeds}: no whole model"):
            load_model(tmp_path / f"{seeds}", ENTRIES[network].build_described)


def test_it_is_one_graph(together):
    """Exported it says what torch says, and that is the mean of all members, calibrated."""
    _, result, members = together
    served = Served(result.predictor.net, result.predictor.calibration)
    windows = windows_at(result, ROWS.test[:100]).contiguous()
    graph = open_graph(to_onnx(served, LENGTH, 3)).run(None, {"windows": windows.numpy()})[0]
    np.testing.assert_allclose(graph, reference_outputs(served, windows), rtol=0, atol=1e-6)
    logits = mean_of([net for net, _ in members], windows)
    record = result.calibration
    slope, intercept = (record["slope"], record["intercept"]) if record["kind"] == "platt" else (1.0, 0.0)
    np.testing.assert_allclose(graph, 1 / (1 + np.exp(-slope * logits - intercept)), rtol=0, atol=1e-6)


def test_a_model_that_does_not_say_how_many_it_is_has_one_network(tmp_path):
    """As models before, whose weights have the names of the network itself."""
    result = run("lstm", *problem(), train_params(epochs=1))
    description = save(tmp_path / "m", "lstm", result, {"seed": SEED})
    model = load_model(tmp_path / "m", ENTRIES["lstm"].build_described)
    assert asdict(model.description) == asdict(description)
    assert not isinstance(model.net, Ensemble)
    assert set(load_file(tmp_path / "m" / WEIGHTS)) == set(make_net("lstm")().state_dict())


@pytest.mark.parametrize("network", EACH)
def test_every_member_goes_on_from_its_own_predecessor(network):
    """Of a network that begins with the weights of another, member k is that of member k, trained by hand."""
    torch.manual_seed(1)
    before = as_one([make_net(network)() for _ in range(2)])
    result = run(network, *problem(), train_params(seeds=2), start=before)
    for k, (member, start) in enumerate(
        zip(members_of(result.predictor.net), members_of(before), strict=True)
    ):
        assert bytes_of(member) == bytes_of(alone(network, SEED + k, start)[0])


@pytest.mark.parametrize("network", EACH)
def test_a_killed_one_goes_on_within_its_member(tmp_path, network):
    """What is done is not trained again, and the bytes are those of an unbroken training."""
    params, heard = train_params(seeds=2), []
    whole = run(network, *problem(), params)

    def stop(epoch):
        heard.append((epoch["member"], epoch["epoch"]))
        if heard[-1] == (1, 2):
            raise RuntimeError("as if the machine went away")

    with pytest.raises(RuntimeError):
        run(network, *problem(), params, checkpoint=tmp_path / "fold_0.pt", on_epoch=stop)
    resumed = run(network, *problem(), params, checkpoint=tmp_path / "fold_0.pt", on_epoch=stop)
    assert heard == [(epoch["member"], epoch["epoch"]) for epoch in whole.history]
    assert resumed.history == whole.history
    assert weights(resumed) == weights(whole)
    assert resumed.calibration == whole.calibration
