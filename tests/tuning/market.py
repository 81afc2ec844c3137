"""A small market in files, and the plan of a search on it, without the pipeline."""

import pandas as pd

from tapeline.models.ranges import TuneParams
from tapeline.outputs import write_json
from tapeline.params import Params
from tapeline.splits.folds import fold_record, on_calendar
from tapeline.splits.lengths import Span
from tapeline.splits.params import SplitParams
from tapeline.splits.walk_forward import walk_forward
from tapeline.tuning.plan import plan_tuning
from tests.training.test_read_training import HORIZON, MINUTE, START, VALUES, params_of, write_market

N, EMBARGO = 1600, 9  # candles; left out beside a label's own
RANGES = {
    "model": {"hidden": [2, 4], "layers": [1, 2]},
    "transformer": {"d_model": [8, 16]},
    "train": {"learning_rate": {"low": 1e-4, "high": 0.1, "log": True}},
}
SPLITS = {"mode": "rolling", "folds": 2, "train": 200.0, "validation": 60.0, "test": 50.0, "embargo": EMBARGO}
TRAINING = {
    "sequence_length": 12, "minimum_context": 5, "chunk_length": 32, "epochs": 2, "batch_size": 256,
    "validation_stride": 1,
}  # fmt: skip


def search_params(horizon=HORIZON, hold=None, splits=SPLITS, **changes):
    """Params of a search on the market, keys of `tune` changed."""
    base = params_of(refit="none")._values
    tune = VALUES["tune"] | {"trials": 5, "workers": 1, "unpruned": 2, "folds": 2, "ranges": RANGES} | changes
    return Params(
        base
        | {
            "labels": {"horizon": horizon},
            "signals": base["signals"] | {"hold": hold},
            "splits": base["splits"] | splits,
            "model": base["model"] | {"hidden": 2, "layers": 1},
            "transformer": base["transformer"] | {"d_model": 8, "heads": 2, "layers": 1},
            "train": base["train"] | TRAINING,
            "tune": tune,
        }
    )


def write_folds(tables, splits, horizon):
    """Write a splits file of these params; a day is a candle."""
    n = len(next(iter(tables.values())))
    cut = walk_forward(SplitParams(**splits), Span(n, 0, 1), horizon)
    folds = [on_calendar(fold, START, MINUTE) for fold in cut]
    timestamp = pd.concat([table["timestamp"] for table in tables.values()])
    write_json("data/splits.json", {"folds": [fold_record(fold, timestamp) for fold in folds]})


def make_plan(market=0, horizon=HORIZON, hold=None, splits=SPLITS, **changes):
    """Write the market of seed `market` into the current folder and plan a search on it."""
    tables, _ = write_market(market, N)
    write_folds(tables, splits, horizon)
    params = search_params(horizon, hold, splits, **changes)
    return plan_tuning(params, params.section("tune", TuneParams))
