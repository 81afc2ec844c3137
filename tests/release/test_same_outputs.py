"""Two roots of outputs: the first value that differs is named; rounding is none, and hashes of it neither."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tapeline.outputs import write_csv, write_json, write_table
from tapeline.release.same_outputs import Comparison, first_difference

TIMES = pd.date_range("2026-01-01", periods=5, freq="min", tz="UTC")
TABLE = pd.DataFrame({"symbol": "BTC-USD", "timestamp": TIMES, "prediction": np.linspace(0.1, 0.9, 5)})
EDITED = TABLE.assign(prediction=[0.1, 0.3, 0.5, 0.7, 0.8])
FIGURES = {"accuracy_all": 0.73, "folds": {"fold_0": {"version": "a1"}}, "trades": [1, 2, None]}


@pytest.fixture
def roots(tmp_path):
    """Two folders of the same outputs."""
    for name in ("recorded", "again"):
        root = tmp_path / name
        write_json(root / "metrics/lstm.json", FIGURES)
        write_table(root / "data/predictions/lstm.parquet", TABLE)
        write_csv(root / "plots/days.csv", TABLE.drop(columns="timestamp"))
        (root / "models/candidate").mkdir(parents=True)
        (root / "models/candidate/model.onnx").write_bytes(b"graph")
    return tmp_path / "recorded", tmp_path / "again"


def difference(roots, path, so_far=None):
    """Of the two roots."""
    return first_difference(Path(path), *roots, so_far or Comparison())


def test_the_same_bytes_are_the_same(roots):
    """Files and folders, counted."""
    so_far = Comparison()
    for path in ("metrics/lstm.json", "data/predictions", "plots/days.csv", "models"):
        assert difference(roots, path, so_far) is None
    assert (so_far.files, so_far.rounded, so_far.hashes) == (4, 0, [])


@pytest.mark.parametrize(
    ("path", "edit", "message"),
    [
        (
            "metrics/lstm.json",
            lambda path: write_json(path, FIGURES | {"accuracy_all": 0.99}),
            "metrics/lstm.json: accuracy_all is 0.99, and made again 0.73",
        ),
        (
            "metrics/lstm.json",
            lambda path: write_json(path, FIGURES | {"trades": [1, 3, None]}),
            "metrics/lstm.json: trades[1] is 3, and made again 2",
        ),
        (
            "metrics/lstm.json",
            lambda path: write_json(path, FIGURES | {"more": 1}),
            'metrics/lstm.json: more is 1, and made again "nothing"',
        ),
        (
            "data/predictions",
            lambda path: write_table(path / "lstm.parquet", EDITED),
            "data/predictions/lstm.parquet: prediction of row 4, BTC-USD 2026-01-01 00:04:00+00:00, is 0.8, "
            "and made again 0.9",
        ),
        (
            "data/predictions",
            lambda path: write_table(path / "lstm.parquet", TABLE.iloc[1:]),
            "data/predictions/lstm.parquet: has 4 rows, and made again 5",
        ),
        (
            "models",
            lambda path: (path / "candidate/model.onnx").write_bytes(b"other"),
            "models/candidate/model.onnx: content differs from what is made again",
        ),
        (
            "models",
            lambda path: (path / "candidate/more").write_bytes(b""),
            "models/candidate/more: is recorded, and not made again",
        ),
        (
            "models",
            lambda path: (path / "candidate/model.onnx").unlink(),
            "models/candidate/model.onnx: is missing, and made again",
        ),
    ],
)
def test_what_was_edited_is_named_with_its_value(roots, path, edit, message):
    """Key or row, what it is, and what it is made again."""
    edit(roots[0] / path)
    assert difference(roots, path) == message


def test_rounding_is_no_difference_and_explains_other_hashes(roots):
    """As another processor leaves it; a hash that differs alone is put off."""
    so_far = Comparison()
    write_table(
        roots[0] / "data/predictions/lstm.parquet", TABLE.assign(prediction=TABLE["prediction"] + 1e-9)
    )
    assert difference(roots, "data/predictions", so_far) is None
    assert (so_far.rounded, so_far.hashes) == (1, [])
    write_json(roots[0] / "metrics/lstm.json", FIGURES | {"folds": {"fold_0": {"version": "b2"}}})
    assert difference(roots, "metrics/lstm.json", so_far) is None
    assert so_far.hashes == ['metrics/lstm.json: folds.fold_0.version is "b2", and made again "a1"']
    text = json.loads((roots[0] / "metrics/lstm.json").read_text())
    write_json(roots[0] / "metrics/lstm.json", text | {"accuracy_all": 0.74})
    assert difference(roots, "metrics/lstm.json").startswith("metrics/lstm.json: accuracy_all is 0.74")
