"""Training: learns what is there, repeats byte for byte, and looks at nothing but its own fold's past."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import StandardScaler

from tapeline.errors import ArtifactError, ParamsError, SplitError
from tapeline.nets.folds import FoldRows, run_fold
from tapeline.nets.loading import load_model
from tapeline.nets.lstm import LSTM
from tapeline.nets.models import DESCRIPTION, WEIGHTS, Description, save_model
from tapeline.nets.params import LstmParams, TrainParams, TransformerParams
from tapeline.nets.scaler import fit_scaler
from tapeline.nets.trainer import make_fabric
from tapeline.nets.transformer import Transformer

LENGTH, N, N_FEATURES = 12, 4000, 3
ROWS = FoldRows(
    scaler=np.arange(2500),
    train=np.arange(LENGTH, 2500),
    validation=np.arange(2600, 3000),
    test=np.arange(3100, N),
)
ARCHITECTURES = {
    "lstm": LstmParams(hidden=8, layers=2, dropout=0.1, bidirectional=False),
    "transformer": TransformerParams(d_model=8, heads=2, layers=2, dropout=0.1, max_length=64),
}


def train_params(**changes):
    """Small training on one thread."""
    values = {
        "sequence_length": LENGTH, "stride": 3, "epochs": 4, "patience": 2, "batch_size": 64,
        "learning_rate": 0.01, "weight_decay": 0.01, "gradient_clip": 1.0, "device": "cpu", "threads": 1,
        "seed": 5,
    }  # fmt: skip
    return TrainParams(**values | changes)


def make_net(network):
    """A builder of one small network."""
    if network == "lstm":
        return lambda: LSTM(N_FEATURES, ARCHITECTURES[network])
    return lambda: Transformer(N_FEATURES, ARCHITECTURES[network], LENGTH)


def problem(seed=0):
    """Features (N, F) on very different scales, and a label that the last five candles of one decide."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(N, N_FEATURES))
    recent = np.convolve(features[:, 0], np.ones(5), mode="full")[:N]
    labels = (recent + rng.normal(size=N) > 0).astype(float)
    return features * [1e-4, 1.0, 50.0] + [0.0, 3.0, 20.0], labels


def run(network, features, labels, params=None, rows=ROWS):
    """Train one fold of `network`."""
    params = params or train_params()
    return run_fold(make_fabric(params), make_net(network), features, labels, rows, params, network)


def weights(result):
    """All weights of a result as bytes."""
    return b"".join(tensor.numpy().tobytes() for tensor in result.trained.net.state_dict().values())


@pytest.mark.parametrize("network", ARCHITECTURES)
def test_a_network_learns_what_a_linear_model_knows(network):
    """On a linear problem the network ranks test rows nearly as well as logistic regression on the window."""
    features, labels = problem()
    result = run(network, features, labels, train_params(epochs=8, stride=1))
    windows = np.lib.stride_tricks.sliding_window_view(features, LENGTH, axis=0).reshape(N - LENGTH + 1, -1)
    scaled = StandardScaler().fit_transform(windows)
    linear = LogisticRegression().fit(scaled[ROWS.train - LENGTH + 1], labels[ROWS.train])
    best = roc_auc_score(labels[ROWS.test], linear.decision_function(scaled[ROWS.test - LENGTH + 1]))
    assert best > 0.9
    assert roc_auc_score(labels[ROWS.test], result.predictions) > best - 0.04


@pytest.mark.parametrize("network", ARCHITECTURES)
def test_the_same_seed_gives_the_same_bytes(network):
    """Weights, history and predictions repeat exactly; another seed gives others."""
    one, two = run(network, *problem()), run(network, *problem())
    assert weights(one) == weights(two)
    assert one.trained.history == two.trained.history
    np.testing.assert_array_equal(one.predictions, two.predictions)
    assert weights(run(network, *problem(), train_params(seed=6))) != weights(one)


@pytest.mark.parametrize("network", ARCHITECTURES)
def test_nothing_after_a_part_is_looked_at(network):
    """Garbage in all rows after validation leaves weights and scaler; after a test row, its prediction."""
    features, labels = problem()
    honest = run(network, features, labels)
    poisoned, poisoned_labels = features.copy(), labels.copy()
    poisoned[3500:] = 1e9
    poisoned_labels[3000:] = 1 - poisoned_labels[3000:]
    other = run(network, poisoned, poisoned_labels)
    assert weights(other) == weights(honest)
    np.testing.assert_array_equal(other.scaler.mean, honest.scaler.mean)
    np.testing.assert_allclose(other.predictions[:400], honest.predictions[:400], atol=1e-6)


def test_the_scaler_knows_training_rows_alone():
    """Mean and deviation equal scikit-learn's on the training rows, whatever the other rows hold."""
    features, labels = problem()
    features[2500:] += 1e3
    scaler = run("lstm", features, labels, train_params(epochs=1)).scaler
    oracle = StandardScaler().fit(features[:2500])
    np.testing.assert_allclose(scaler.mean, oracle.mean_)
    np.testing.assert_allclose(scaler.std, oracle.scale_)


def test_a_constant_feature_is_only_centred_and_outliers_are_clipped():
    """No division by zero, and nothing past ten deviations."""
    scaler = fit_scaler(np.column_stack([np.full(50, 7.0), np.arange(50.0)]), np.arange(50))
    scaled = scaler.transform(np.array([[7.0, 1e9], [8.0, -1e9]]))
    assert scaled.tolist() == [[0.0, 10.0], [1.0, -10.0]]


def test_validation_decides_which_weights_are_kept():
    """Against labels that validation contradicts, training stops early and keeps the best epoch's weights."""
    features, labels = problem()
    labels[2600:3000] = 1 - labels[2600:3000]
    result = run("lstm", features, labels, train_params(epochs=10, patience=2))
    losses = [epoch["validation_loss"] for epoch in result.trained.history]
    assert len(losses) == losses.index(min(losses)) + 1 + 2 < 10
    shorter = run("lstm", features, labels, train_params(epochs=losses.index(min(losses)) + 1))
    assert weights(shorter) == weights(result)


def test_divergence_and_empty_parts_are_said_in_one_line():
    """A rate that blows up names the param; a part without windows names fold and part."""
    features, labels = problem()
    labels[ROWS.train] = np.inf
    with pytest.raises(ParamsError, match=r"train.learning_rate is 0.01: lstm diverged in epoch 1; lower it"):
        run("lstm", features, labels)
    nothing = FoldRows(ROWS.scaler, ROWS.train, np.arange(0), ROWS.test)
    with pytest.raises(
        SplitError, match="lstm: no whole window of train.sequence_length candles in validation"
    ):
        run("lstm", *problem(), rows=nothing)


def describe(network):
    """A description as the training stage writes it."""
    return Description(
        network=network,
        architecture=ARCHITECTURES[network].model_dump(),
        sequence_length=LENGTH,
        features=["a", "b", "c"],
        label="direction",
        horizon=15,
        interval="1m",
        training=train_params().model_dump(),
    )


@pytest.mark.parametrize("network", ARCHITECTURES)
def test_a_model_comes_back_from_disk_as_it_was(tmp_path, network):
    """Weights, scaler and description survive; the version follows content and path does not matter."""
    result = run(network, *problem(), train_params(epochs=1))
    versions = {
        save_model(tmp_path / name, result.trained.net, result.scaler, describe(network)) for name in "ab"
    }
    assert len(versions) == 1
    assert (tmp_path / "a" / WEIGHTS).read_bytes() == (tmp_path / "b" / WEIGHTS).read_bytes()
    net, scaler, description, version = load_model(tmp_path / "a")
    assert {version} == versions
    assert description == describe(network)
    np.testing.assert_array_equal(scaler.std, result.scaler.std)
    for name, tensor in result.trained.net.state_dict().items():
        np.testing.assert_array_equal(net.state_dict()[name], tensor)


@pytest.mark.parametrize("file", [WEIGHTS, DESCRIPTION])
def test_an_altered_or_broken_model_is_refused(tmp_path, file):
    """One flipped byte, or a missing file, names the folder."""
    result = run("lstm", *problem(), train_params(epochs=1))
    save_model(tmp_path / "m", result.trained.net, result.scaler, describe("lstm"))
    content = (tmp_path / "m" / file).read_bytes()
    (tmp_path / "m" / file).write_bytes(
        content.replace(b"15", b"16") if file == DESCRIPTION else content[:-1]
    )
    with pytest.raises(ArtifactError, match=r"m: (content does not match|no whole model)"):
        load_model(tmp_path / "m")
    (tmp_path / "m" / file).unlink()
    with pytest.raises(ArtifactError, match="m: no whole model"):
        load_model(tmp_path / "m")
