"""What the stage of the baselines fits, chooses and leaves: by its fold's training and validation alone."""

import contextlib
import hashlib
import logging
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tapeline.baselines.kinds import KINDS, file_name
from tapeline.baselines.params import BaselineParams
from tapeline.baselines.stored import load_baseline
from tapeline.errors import SplitError
from tapeline.models.baselines import BASELINES
from tapeline.outputs import read_json, write_json
from tapeline.params import Params
from tapeline.release.same_outputs import Comparison, first_difference
from tapeline.schema import DIRECTION, LABELS
from tapeline.splits.folds import TimeFold
from tapeline.store.feature_store import FeatureStore
from tapeline.training.baseline_plan import plan_baselines
from tapeline.training.baselines import predict_baselines, retrace_baselines, train_baselines
from tapeline.training.train import read_training
from tests.training.test_read_training import SYMBOLS, TRAIN, VALUES, params_of, write_market

LOG = logging.getLogger("test")
NAMES = [file_name(label, kind) for label, kinds in KINDS.items() for kind in kinds]
QUICK = {"stride": 2, "leaf_rows": 10, "trees": 15, "patience": 5, "strengths": [1e-3, 1.0], "leaves": [3, 6]}
OFFERED = [entry.name for entry in BASELINES]
OUTPUTS = (
    "models/baselines", "data/predictions/baselines", "metrics/detail/baselines_training.json",
    *(f"models/{name}" for name in OFFERED),
    *(f"data/predictions/{name}{part}.parquet" for name in OFFERED for part in ("", "_validation")),
    *(f"data/predictions/{name}_shifted.parquet" for name in OFFERED),
)  # fmt: skip


def quick(refit="none", **changes):
    """Params with small grids."""
    sections = {"train": TRAIN.model_dump(), "baselines": VALUES["baselines"] | QUICK | changes}
    return Params(params_of(refit=refit)._values | sections)


def make_market(seed=0):
    """A market whose features are noise, and whose labels hang on them a little; its folds."""
    _, folds = write_market(seed)
    rng = np.random.default_rng(seed)
    change(lambda table: draw(table, rng))
    return folds


def draw(table, rng):
    """Features and labels drawn anew, in place of those of `table`."""
    one, two = rng.normal(size=(2, len(table)))
    up = np.where(table[DIRECTION].isna(), np.nan, (rng.random(len(table)) < 1 / (1 + np.exp(-one))) * 1.0)
    strength = np.clip(0.3 + 0.1 * two + rng.normal(0, 0.1, len(table)), 0, 1)
    return table.assign(one=one, two=two, direction=up, trend_strength=strength)


def change(how):
    """Write every symbol's table as `how` makes it of the one that is there."""
    store = FeatureStore("data/features")
    for symbol in SYMBOLS:
        table = store.read(symbol).drop(columns="symbol")
        store.write(symbol, how(table), store.schema(symbol))


def fitted():
    """Arrays and choice of every stored model, by name and fold."""
    found = {}
    for folder in sorted(Path("models/baselines").glob("*/*")):
        model, record = load_baseline(folder)
        name = f"{folder.parent.name} {folder.name}"
        found[name] = {key: values.tobytes() for key, values in model.arrays().items()}
        found[name] |= {"chosen": str(record["chosen"]), "scaler": str(record["scaler"])}
    return found


def predictions(name):
    """The table of a file."""
    return pd.read_parquet(f"data/predictions/baselines/{name}.parquet")


def digests(root="."):
    """Of every file that the stage leaves."""
    files = [path for out in OUTPUTS for path in [Path(root, out), *Path(root, out).rglob("*")]]
    return {
        str(p.relative_to(root)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files if p.is_file()
    }


@settings(max_examples=5)
@given(seed=st.integers(0, 10**6), stride=st.integers(1, 7), cap=st.integers(100, 400))
def test_rows_are_those_of_a_network_thinned(tmp_path_factory, seed, stride, cap):
    """Of each fold and label: the same scaler, validation and test; every n-th of the same training."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("rows"))
        write_market(seed)
        params = quick(stride=stride, rows=cap)
        plan = plan_baselines(params)
        for label in LABELS:
            _, _, folds = read_training(params, TRAIN, label, ["one"])
            for job in (job for job in plan.jobs if job.label == label):
                network = folds[job.position]
                for part in ("part", "validation", "test"):
                    assert np.array_equal(getattr(job.rows, part), getattr(network, part)), part
                n_th = max(stride, int(np.ceil(network.train.size / cap)))
                assert job.rows.train.tolist() == network.train.tolist()[::n_th]
                assert job.rows.train.size <= cap


def outside(table: pd.DataFrame, fold: TimeFold, parts: tuple[str, ...]) -> "np.ndarray":
    """Rows of a table in none of the `parts` of a fold."""
    return ~np.logical_or.reduce([fold.mask(table["timestamp"], part) for part in parts])


@settings(max_examples=2, phases=[Phase.generate])
@given(seed=st.integers(0, 10**6))
def test_what_lies_outside_training_and_validation_decides_nothing(tmp_path_factory, seed):
    """Other features and labels there, those of the test among them: the fold's models stay, bit for bit."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("outside"))
        folds, rng = make_market(seed % 50), np.random.default_rng([seed, 1])
        record, few = read_json("data/splits.json"), quick(trees=6)
        write_json("data/splits.json", record | {"folds": record["folds"][:1]})
        train_baselines(LOG, few)
        before, told = fitted(), predictions(f"{NAMES[0]}_validation")

        def elsewhere(table):
            is_other = outside(table, folds[0], ("train", "validation"))
            other = draw(table, rng)
            columns = ["one", "two", *LABELS]
            return table.assign(**{c: table[c].where(~is_other, other[c]) for c in columns})

        tested = predictions(NAMES[0])["prediction"]
        change(elsewhere)
        train_baselines(LOG, few)
        assert fitted() == before
        assert predictions(f"{NAMES[0]}_validation").equals(told)
        assert not predictions(NAMES[0])["prediction"].equals(tested)


def test_validation_is_not_learned_from(tmp_path, monkeypatch):
    """Where nothing is left to choose, other features and labels in it leave the same models."""
    monkeypatch.chdir(tmp_path)
    folds, rng = make_market(), np.random.default_rng(5)
    record = read_json("data/splits.json")
    write_json("data/splits.json", record | {"folds": record["folds"][:1]})
    one = quick(strengths=[1.0], leaves=[3], trees=1)
    train_baselines(LOG, one)
    before = fitted()

    def redrawn(part):
        def draw_part(table):
            is_in = folds[0].mask(table["timestamp"], part)
            other = draw(table, rng)
            return table.assign(**{c: table[c].where(~is_in, other[c]) for c in ("one", "two", *LABELS)})

        return draw_part

    change(redrawn("validation"))
    train_baselines(LOG, one)
    assert fitted() == before
    change(redrawn("train"))
    train_baselines(LOG, one)
    assert all(before[name] != now for name, now in fitted().items())


@pytest.mark.parametrize("refit", ["all", pytest.param("none", marks=pytest.mark.slow)])
def test_outputs_are_whole_and_follow_from_the_models(tmp_path, monkeypatch, refit):
    """The same bytes by any number of workers, made again from stored models, and by predicting alone."""
    monkeypatch.chdir(tmp_path)
    folds = make_market()
    params = quick(refit)
    train_baselines(LOG, params)
    first = digests()
    names = [f"fold_{k}" for k in range(len(folds))] + ["refit"] * (refit == "all")
    assert {path for path in first if path.startswith("models")} == {
        f"models/{name}/{fold}/{file}"
        for name in [*(f"baselines/{name}" for name in NAMES), *OFFERED]
        for fold in names
        for file in ("model.json", "fitted.safetensors")
    }
    train_baselines(LOG, Params(params._values | {"train": params._values["train"] | {"workers": 2}}))
    assert digests() == first
    shutil.copytree("data", "again/data")
    with contextlib.chdir("again"):
        retrace_baselines(params, tmp_path)
    found = [first_difference(Path(path), Path(), Path("again"), Comparison()) for path in OUTPUTS]
    assert found == [None] * len(OUTPUTS)
    shutil.rmtree("data/predictions")
    predict_baselines(params)
    assert digests() == {path: of for path, of in first.items() if "_shifted" not in path}


def test_an_edited_loss_or_model_is_not_made_again(tmp_path, monkeypatch):
    """What a summary says of a stored model follows from it."""
    monkeypatch.chdir(tmp_path)
    make_market()
    params = quick()
    train_baselines(LOG, params)
    summary = read_json(OUTPUTS[2])
    summary["folds"]["fold_1"][NAMES[0]]["validation_loss"] = 0.1
    write_json(OUTPUTS[2], summary)
    shutil.copytree("data", "again/data")
    with contextlib.chdir("again"):
        retrace_baselines(params, tmp_path)
    difference = first_difference(Path(OUTPUTS[2]), Path(), Path("again"), Comparison())
    assert difference.startswith(f"{OUTPUTS[2]}: folds.fold_1.{NAMES[0]}.validation_loss is 0.1, and made")


def test_the_summary_says_what_was_chosen_and_which_kind_is_best(tmp_path, monkeypatch):
    """Every place of the grid; the chosen one's loss is that of the stored predictions of validation."""
    monkeypatch.chdir(tmp_path)
    make_market()
    train_baselines(LOG, quick())
    summary = read_json(OUTPUTS[2])
    labels = pd.concat(FeatureStore("data/features").read(symbol) for symbol in SYMBOLS)
    labels = labels.assign(symbol=labels["symbol"].astype(str))
    for label, kinds in KINDS.items():
        own = {}
        for kind in kinds:
            name = file_name(label, kind)
            rows = predictions(f"{name}_validation").astype({"symbol": str})
            rows = rows[rows["fold"] == 1].merge(labels, on=["symbol", "timestamp"])
            p, y = rows["prediction"], rows[label]
            loss = -np.log(np.where(y == 1, p, 1 - p)) if label == DIRECTION else (p - y) ** 2
            figures, grid = summary["folds"]["fold_1"][name], summary["grids"]["fold_1"][name]
            own[kind] = figures["validation_loss"]
            assert own[kind] == pytest.approx(loss.mean(), rel=1e-9)
            assert own[kind] == min(fit["validation_loss"] for fit in grid)
            assert len(grid) == 2
        assert summary["best"]["fold_1"][label] == min(own, key=own.get)


def test_labels_that_are_all_one_teach_that(tmp_path, monkeypatch, recwarn):
    """Nearly certain, and no run ends for it."""
    monkeypatch.chdir(tmp_path)
    make_market()
    change(lambda table: table.assign(direction=table[DIRECTION].where(table[DIRECTION].isna(), 1.0)))
    train_baselines(LOG, quick())
    for kind in KINDS[DIRECTION]:
        said = predictions(file_name(DIRECTION, kind))["prediction"]
        assert said.between(0.9, 1, inclusive="neither").all()
    assert not recwarn.list


def test_a_part_without_rows_is_named(tmp_path, monkeypatch):
    """Fold, label and part."""
    monkeypatch.chdir(tmp_path)
    make_market()
    change(lambda table: table.assign(direction=np.nan))
    with pytest.raises(SplitError, match="baselines of direction fold_0: no candle in train"):
        train_baselines(LOG, quick())


def test_shipped_params_are_in_order():
    """Of the section, with a grid for each kind."""
    shipped = Params(VALUES).section("baselines", BaselineParams)
    assert len(shipped.strengths) > 1
    assert len(shipped.leaves) * len(shipped.learning_rates) > 1
