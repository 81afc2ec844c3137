"""A small training problem that the tests of this folder share."""

import numpy as np

from tapeline.nets.devices import make_fabric
from tapeline.nets.folds import FoldRows, TrainingTable, run_fold
from tapeline.nets.lstm import LSTM
from tapeline.nets.params import LstmParams, TrainParams, TransformerParams
from tapeline.nets.transformer import Transformer

LENGTH, N, N_FEATURES = 12, 4000, 3
DAY = 40  # candles
ROWS = FoldRows(
    part=np.arange(2500),
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
        "sequence_length": LENGTH, "chunk_length": 40, "minimum_context": 6, "epochs": 4, "patience": 2,
        "batch_size": 256, "accumulation": 1, "labels_per_epoch": 100_000, "validation_stride": 2,
        "learning_rate": 0.02, "warm_up": 0.1, "weight_decay": 0.01, "gradient_clip": 1.0, "averaging": 0.5,
        "label_weights": "uniform", "balance_classes": False, "warm_start": False, "start_from": "none",
        "calibration": "platt",
        "importance_rows": 0, "device": "cpu", "precision": "32-true", "compile": False,
        "deterministic": True, "processes": 1, "threads": 1, "workers": 1, "seed": 5, "seeds": 1,
    }  # fmt: skip
    return TrainParams(**values | changes)


def make_net(network, **changes):
    """A builder of one small network."""
    architecture = ARCHITECTURES[network].model_copy(update=changes)
    if network == "lstm":
        return lambda: LSTM(N_FEATURES, architecture)
    return lambda: Transformer(N_FEATURES, architecture, LENGTH)


def problem(seed=0):
    """Features (N, F) on very different scales, and a label that the last five candles of one decide."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(N, N_FEATURES))
    recent = np.convolve(features[:, 0], np.ones(5), mode="full")[:N]
    labels = (recent + rng.normal(size=N) > 0).astype(float)
    return features * [1e-4, 1.0, 50.0] + [0.0, 3.0, 20.0], labels


def table_of(features, labels, segment=None):
    """One symbol's candles, of one segment unless `segment` says otherwise."""
    zeros = np.zeros(len(labels), dtype=np.int64)
    segment = zeros if segment is None else segment
    day = np.arange(len(labels)) // DAY
    return TrainingTable(features, labels, zeros, segment, day, horizon=3, is_direction=True)


def run(network, features, labels, params=None, rows=ROWS, segment=None, **more):
    """Train one fold of `network`."""
    params = params or train_params()
    table = table_of(features, labels, segment)
    return run_fold(make_fabric(params), make_net(network), table, rows, params, network, **more)


def weights(result):
    """All weights of a result as bytes."""
    net = result.predictor.net
    return b"".join(tensor.numpy().tobytes() for tensor in net.state_dict().values())
