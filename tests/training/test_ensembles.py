"""The mean of several models: rows, columns and what their folds' models share; what can't be averaged."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tapeline.errors import ArtifactError
from tapeline.models.ensembles import ENSEMBLES
from tapeline.outputs import write_table
from tapeline.training import ensembles
from tapeline.training.ensembles import average, combine, describe, mean_of

(ENSEMBLE,) = ENSEMBLES
ONE, OTHER = (member.name for member in ENSEMBLE.members)
TIMES = pd.date_range("2026-01-01", periods=6, freq="min", tz="UTC")
SCALER = {"mean": [0.1 + 0.2, 1 / 3], "std": [1.0, 2.0]}
MADE_FROM = {"data": "d", "features": "f", "code": "c"}


def predictions(seed):
    """Two symbols, two folds; numbers from 0 to 1."""
    rng, parts = np.random.default_rng(seed), []
    for symbol in ("A", "B"):
        table = pd.DataFrame({"symbol": symbol, "timestamp": TIMES, "fold": np.repeat([0, 1], 3)})
        parts.append(table.assign(prediction=rng.random(6)))
    return pd.concat(parts, ignore_index=True).astype({"symbol": "category"})


def record(name, **changes):
    """What a stored model says of itself."""
    told = {
        "network": name, "features": ["one", "two"], "label": "direction", "horizon": 15, "interval": "1m",
        "scaler": SCALER, "span": {"train": ["a", "b"]}, "context": {"sequence_length": 60, "reach": 60},
        "made_from": MADE_FROM | {"code": name},
    }  # fmt: skip
    return told | changes


def write_model(name, fold, **changes):
    """One fold's model of a member."""
    folder = Path(f"models/{name}/{fold}")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.json").write_text(json.dumps(record(name, **changes)))
    (folder / "weights").write_bytes(f"{name} {fold}".encode())


@pytest.fixture
def members(tmp_path, monkeypatch):
    """Both members' files in the current folder."""
    monkeypatch.chdir(tmp_path)
    for seed, name in enumerate((ONE, OTHER)):
        for part in ("", "_validation"):
            write_table(f"data/predictions/{name}{part}.parquet", predictions(seed))
        for fold in ("fold_0", "fold_1"):
            write_model(name, fold)


def stored(part=""):
    """What the ensemble says."""
    return pd.read_parquet(f"data/predictions/{ENSEMBLE.name}{part}.parquet")


def test_every_prediction_is_halfway_between_its_members(members):
    """Of tests and validations; keys and types stay."""
    said = combine(ENSEMBLE)
    assert said == f"{ENSEMBLE.name}: mean of {ONE}, {OTHER} in 2 models, 12 test candles"
    for part in ("", "_validation"):
        one, other = (pd.read_parquet(f"data/predictions/{name}{part}.parquet") for name in (ONE, OTHER))
        table = stored(part)
        assert table.drop(columns="prediction").equals(one.drop(columns="prediction"))
        expected = [(a + b) / 2 for a, b in zip(one["prediction"], other["prediction"], strict=True)]
        assert table["prediction"].tolist() == pytest.approx(expected, abs=1e-15)


def test_a_member_that_began_with_a_bundle_is_told_and_begins_no_other(members):
    """The bundle is part of what the ensemble was made of; what one member's fold began with is not."""
    write_model(ONE, "fold_1", made_from=MADE_FROM | {"start": "fold_0", "bundle": "1a2b"})
    assert describe(ENSEMBLE, "fold_1")["made_from"].keys() == {"data", "features", "code", "bundle"}
    assert describe(ENSEMBLE, "fold_0")["made_from"].keys() == {"data", "features", "code"}


def test_a_model_says_what_its_members_share_and_which_they_are(members):
    """Every digit of the scaler; a member's other byte is another ensemble."""
    combine(ENSEMBLE)
    path = Path(f"models/{ENSEMBLE.name}/fold_1/model.json")
    told = json.loads(path.read_text())
    assert told["scaler"] == SCALER
    assert told["network"] == ENSEMBLE.name
    assert told["context"] == {"sequence_length": 60, "reach": 60}
    assert list(told["members"]) == [ONE, OTHER]
    Path(f"models/{OTHER}/fold_1/weights").write_bytes(b"other")
    combine(ENSEMBLE)
    again = json.loads(path.read_text())
    assert again["members"][ONE] == told["members"][ONE]
    assert again["members"][OTHER] != told["members"][OTHER]
    write_model(OTHER, "fold_1", made_from=MADE_FROM | {"code": "changed"})
    combine(ENSEMBLE)
    assert json.loads(path.read_text())["made_from"]["code"] != told["made_from"]["code"]


def test_it_looks_as_far_back_as_the_member_that_looks_furthest(members):
    """Whichever of them that is."""
    for reaches in ((60, 1), (1, 60)):
        for name, reach in zip((ONE, OTHER), reaches, strict=True):
            write_model(name, "fold_0", context={"sequence_length": 60, "reach": reach})
        assert describe(ENSEMBLE, "fold_0")["context"] == {"sequence_length": 60, "reach": 60}


def test_another_way_to_average_is_other_code(members, monkeypatch):
    """Though no member has changed."""
    before = describe(ENSEMBLE, "fold_0")["made_from"]
    monkeypatch.setattr(ensembles, "definitions_hash", lambda starts: f"changed {list(starts)}")
    after = describe(ENSEMBLE, "fold_0")["made_from"]
    assert before["code"] != after["code"]
    assert before | {"code": ""} == after | {"code": ""} == MADE_FROM | {"code": ""}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("features", ["two", "one"]), ("scaler", SCALER | {"std": [1.0, 2.0000001]}), ("horizon", 10),
        ("label", "trend_strength"), ("interval", "5m"), ("span", {"train": ["a", "c"]}),
        ("made_from.data", "other"), ("made_from.features", "other"), ("context.sequence_length", 61),
    ],
)  # fmt: skip
def test_models_that_are_not_fed_alike_are_not_averaged(members, key, value):
    """One scaled window goes into both: nothing of an ensemble is left, and the line says what differs."""
    of, _, inner = key.partition(".")
    write_model(OTHER, "fold_1", **{of: record(OTHER)[of] | {inner: value} if inner else value})
    with pytest.raises(ArtifactError, match=f"models/{OTHER}/fold_1: {key} is not that of"):
        combine(ENSEMBLE)
    assert not Path(f"models/{ENSEMBLE.name}").exists()


def test_members_of_other_folds_are_named(members):
    """A fold that one of them lacks."""
    write_model(ONE, "refit")
    with pytest.raises(
        ArtifactError, match=f"models/{OTHER}: has fold_0, fold_1, and models/{ONE} fold_0, f"
    ):
        combine(ENSEMBLE)


@pytest.mark.parametrize("part", ["", "_validation"])
def test_a_row_that_one_member_lacks_is_not_averaged(members, part):
    """Nor one at another place, or of another fold's model."""
    path = f"data/predictions/{OTHER}{part}.parquet"
    table = pd.read_parquet(path)
    others = (
        table.drop(index=4).reset_index(drop=True), table.iloc[::-1].reset_index(drop=True),
        table.assign(fold=1 - table["fold"]),
    )  # fmt: skip
    for other in others:
        write_table(path, other)
        with pytest.raises(ArtifactError, match=f"{OTHER}{part}.parquet: predicts other rows than"):
            average(ENSEMBLE)


@pytest.mark.parametrize("content", [None, b"PAR1 and no more"], ids=["missing", "damaged"])
def test_a_member_that_cannot_be_read_is_told_in_one_line(members, content):
    """Its predictions, and what its model says of itself; a record that lacks something says what."""
    table, record = Path(f"data/predictions/{OTHER}.parquet"), Path(f"models/{OTHER}/fold_1/model.json")
    for path, ask in ((table, average), (record, lambda each: describe(each, "fold_1"))):
        path.unlink()
        if content:
            path.write_bytes(content)
        with pytest.raises(ArtifactError, match=f"^{path}: is missing or damaged; run `dvc repro`$"):
            ask(ENSEMBLE)
    record.write_text("{}")
    with pytest.raises(ArtifactError, match=f"^{record}: does not say features; run"):
        describe(ENSEMBLE, "fold_1")


@settings(max_examples=25, deadline=None)
@given(row=st.integers(0, 11), value=st.floats(0, 1))
def test_a_row_hangs_on_its_own_members_alone(row, value):
    """Whatever a member says of another row, fold or symbol: no mean but that row's changes."""
    first = {"one": predictions(0), "two": predictions(1)}
    changed = first["two"].copy()
    changed.loc[row, "prediction"] = value
    before, after = mean_of(first), mean_of(first | {"two": changed})
    others = before.index != row
    assert before.loc[others, "prediction"].equals(after.loc[others, "prediction"])
    assert after.loc[row, "prediction"] == (first["one"].loc[row, "prediction"] + value) / 2
