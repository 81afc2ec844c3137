"""Every fold's stored predictions are what its stored model gives for the candles that lead up to them."""

import re
import shutil
from contextlib import chdir
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

import tapeline.release.fold_predictions as fold_predictions
from tapeline.baselines.kinds import file_name
from tapeline.baselines.linear import LinearRule
from tapeline.baselines.stored import save_baseline
from tapeline.errors import ArtifactError
from tapeline.models.baselines import BASELINES
from tapeline.models.ensembles import ENSEMBLES
from tapeline.models.table import NETWORKS
from tapeline.nets.models import Description, save_model
from tapeline.nets.scaler import Scaler
from tapeline.params import Params
from tapeline.release.fold_predictions import check_folds, draw
from tapeline.splits.candidate import Candidate

SYMBOLS, NAMES, LENGTH = ("A", "B"), ["one", "two", "three"], 6
PARAMS = Params({"data": {"symbols": list(SYMBOLS), "interval": "1m"}})
LINEAR = {"direction": ("logistic_regression",), "trend_strength": ("ridge_regression",)}
SMALL = {
    "lstm": {"hidden": 4, "layers": 1, "dropout": 0.0, "bidirectional": False},
    "transformer": {"d_model": 4, "heads": 2, "layers": 1, "dropout": 0.0, "max_length": 16},
}
VALIDATION, TEST = (range(10, 30), range(50, 70)), (range(30, 50), range(70, 90))  # rows of each fold


def by_hand(net, slope, mean, std, window):
    """A prediction of one window (LENGTH, F), from the rule: scaled, clipped, the last logit, Platt's map."""
    scaled = np.clip((window - mean) / std, -10, 10).astype(np.float32)
    with torch.no_grad():
        logit = float(net.eval().last(torch.from_numpy(scaled)[None])[0])
    return 1 / (1 + np.exp(-slope * logit))


def write_baselines(rng, tables, folders):
    """Linear rules of both labels, and what they say of single rows, from the rule."""
    for label, (kind,) in LINEAR.items():
        name = file_name(label, kind)
        parts = {"": [], "_validation": []}
        for fold, folder in enumerate(folders):
            weights, bias = rng.normal(0, 0.05, 3).astype(np.float32), np.array([0.25], np.float32)
            scaler = {"mean": [0.5, 0.25, 0.0], "std": [1.5, 2.0, 3.0]}
            record = {"kind": kind, "label": label, "features": NAMES, "scaler": scaler}
            model = LinearRule(label, weights, bias)
            save_baseline(Path("models/baselines") / name / folder, model, record)
            for suffix, rows in (("", TEST[fold]), ("_validation", VALIDATION[fold])):
                if folder == "refit" and not suffix:
                    continue
                for symbol, table in tables.items():
                    x = (table.loc[list(rows), NAMES] - scaler["mean"]) / scaler["std"]
                    score = x.to_numpy() @ weights + 0.25
                    said = 1 / (1 + np.exp(-score)) if label == "direction" else np.clip(score, 0, 1)
                    part = table.loc[list(rows), ["timestamp"]].assign(symbol=symbol, fold=fold)
                    parts[suffix].append(part.assign(prediction=said))
        for suffix, tests in parts.items():
            stored = pd.concat(tests, ignore_index=True).astype({"symbol": "category"})
            stored.to_parquet(f"data/predictions/baselines/{name}{suffix}.parquet")
    for entry in BASELINES:  # those that are offered, of the one kind that there is
        name = file_name(entry.label, *LINEAR[entry.label])
        shutil.copytree(f"models/baselines/{name}", f"models/{entry.name}")
        for suffix in ("", "_validation"):
            source = f"data/predictions/baselines/{name}{suffix}.parquet"
            shutil.copy(source, f"data/predictions/{entry.name}{suffix}.parquet")


def make_run(is_refit):
    """A run's features, models and predictions in the current folder."""
    rng, tables = np.random.default_rng(4), {}
    Path("data/features").mkdir(parents=True)
    Path("data/predictions/baselines").mkdir(parents=True)
    for k, symbol in enumerate(SYMBOLS):
        start = pd.Timestamp("2026-01-01", tz="UTC") + k * pd.Timedelta(minutes=3)
        table = pd.DataFrame(rng.normal(0, 3, (90, 3)), columns=NAMES)
        table.insert(0, "timestamp", pd.date_range(start, periods=90, freq="min", unit="us"))
        tables[symbol] = table.assign(segment=0)
        tables[symbol].to_parquet(f"data/features/{symbol}.parquet")
    folders = ("fold_0", "refit") if is_refit else ("fold_0", "fold_1")
    write_baselines(rng, tables, folders)
    for entry in NETWORKS:
        tests, validations = [], []
        for fold, folder in enumerate(folders):
            description = Description(
                entry.name, SMALL[entry.name], {"sequence_length": LENGTH}, NAMES[::-1], entry.label, 5,
                "1m", {}, {}, {},
            )  # fmt: skip
            torch.manual_seed(fold)
            net, slope, mean, std = entry.build_described(description), 2.0 + fold, rng.normal(0, 1, 3), 0.7
            calibration = {"kind": "platt", "slope": slope, "intercept": 0.0}
            scaler = Scaler(mean, np.full(3, std))
            save_model(Path("models") / entry.name / folder, net, scaler, calibration, description)
            for rows, out in ((TEST[fold], tests), (VALIDATION[fold], validations)):
                if rows is TEST[1] and is_refit:
                    continue
                for symbol, table in tables.items():
                    values = table[NAMES[::-1]].to_numpy()
                    said = [by_hand(net, slope, mean, std, values[r - LENGTH + 1 : r + 1]) for r in rows]
                    part = table.loc[list(rows), ["timestamp"]].assign(symbol=symbol, fold=fold)
                    out.append(part.assign(prediction=said))
        for suffix, parts in (("", tests), ("_validation", validations)):
            stored = pd.concat(parts, ignore_index=True).astype({"symbol": "category"})
            stored.to_parquet(f"data/predictions/{entry.name}{suffix}.parquet")
    write_ensembles()


def write_ensembles():
    """What their members say, halved and added, row by row."""
    for entry in ENSEMBLES:
        for suffix in ("", "_validation"):
            one, other = (
                pd.read_parquet(f"data/predictions/{member.name}{suffix}.parquet") for member in entry.members
            )
            said = [a / 2 + b / 2 for a, b in zip(one["prediction"], other["prediction"], strict=True)]
            one.assign(prediction=said).to_parquet(f"data/predictions/{entry.name}{suffix}.parquet")


@pytest.fixture(
    scope="module", params=["two folds", pytest.param("a fold and a refit", marks=pytest.mark.slow)]
)
def made(request, tmp_path_factory):
    """Folder of such a run, to be copied, and its candidate."""
    folder, is_refit = tmp_path_factory.mktemp("made"), request.param != "two folds"
    with chdir(folder):
        make_run(is_refit)
    return folder, Candidate(1 if is_refit else 2, is_refit)


@pytest.fixture
def run(made, tmp_path, monkeypatch):
    """A copy in the current folder; its candidate."""
    folder, candidate = made
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(fold_predictions, "KINDS", LINEAR)
    return candidate


def change(path, changed):
    """Store `changed(table)` in place of a table of predictions."""
    table = pd.read_parquet(path)
    changed(table).to_parquet(path)


def test_what_the_models_give_is_accepted_and_counted(run):
    """Every fold, test and validation of every model and baseline; the cost is said before."""
    told, n_rows = [], 7 * 2 * 20 * (3 if run.is_refit else 4)
    compared = check_folds(run, PARAMS, told.append)
    assert (compared.rows, compared.of) == (n_rows, n_rows)
    assert compared.largest_difference < 1e-6
    assert told == [f"predictions: {n_rows:,} of {n_rows:,}, of every fold, anew from its model: about 0 s"]


EARLIER = [
    "lstm", "lstm_validation", "transformer", "transformer_validation",
    "baselines/direction_logistic_regression", "baselines/trend_strength_ridge_regression_validation",
    "baseline_direction", "baseline_trend_validation", "ensemble_direction", "ensemble_direction_validation",
]  # fmt: skip


@pytest.mark.parametrize("name", EARLIER)
def test_an_earlier_fold_written_rows_ahead_is_found(run, name):
    """The last fold's are right: file, symbol, time, fold and both numbers are named."""
    path = f"data/predictions/{name}.parquet"
    before = pd.read_parquet(path)
    first = before.loc[before["fold"] == 0, "prediction"].shift(-5).fillna(0.5)
    change(path, lambda table: table.assign(prediction=first.combine_first(table["prediction"])))
    row, folder = before.iloc[0], f"models/{name.removesuffix('_validation')}/fold_0"
    with pytest.raises(ArtifactError) as caught:
        check_folds(run, PARAMS, print)
    told = f"{path}: {first[0]:.8g} at A {row['timestamp']} of fold_0, and {folder} gives "
    assert str(caught.value).startswith(told)
    gives, more = str(caught.value).removeprefix(told).split(", as at ")
    assert float(gives) == pytest.approx(row["prediction"], abs=1e-6)
    assert re.fullmatch(r"3\d more of 40", more)


def test_one_row_of_one_symbol_is_found(run):
    """By 2e-5, and not by 5e-6."""
    path = "data/predictions/transformer.parquet"
    at = 33  # of the second symbol
    change(path, lambda table: table.assign(prediction=table["prediction"] + 5e-6 * (table.index == at)))
    assert 4e-6 < check_folds(run, PARAMS, print).largest_difference < 6e-6
    change(path, lambda table: table.assign(prediction=table["prediction"] + 2e-5 * (table.index == at)))
    with pytest.raises(ArtifactError, match=rf"^{path}: 0\.\d+ at B .* of fold_0, and [^,]*$"):
        check_folds(run, PARAMS, print)


def test_predictions_of_another_folds_model_are_found(run):
    """Rows of the first fold that are called the last's."""
    path = "data/predictions/lstm_validation.parquet"
    change(path, lambda table: table.assign(fold=1 - table["fold"]))
    with pytest.raises(ArtifactError, match=f"{path}: "):
        check_folds(run, PARAMS, print)


@pytest.mark.parametrize("flaw", ["another segment", "a minute is missing", "no such row"])
def test_a_prediction_that_no_window_leads_up_to_is_found(run, flaw):
    """The windows of the first rows of a validation reach across, or begin before the table."""
    path = "data/features/B.parquet"
    if flaw == "another segment":
        change(path, lambda table: table.assign(segment=(table.index >= 8).astype(int)))
    elif flaw == "a minute is missing":
        change(path, lambda table: table.drop(index=7).reset_index(drop=True))
    else:
        change(path, lambda table: table.drop(index=12).reset_index(drop=True))
    named = "00:15" if flaw == "no such row" else "00:13"
    told = rf"models/lstm/fold_0: no 6 candles of B lead up to 2026-01-01 {named}:00\+00:00, predicted"
    with pytest.raises(ArtifactError, match=told):
        check_folds(run, PARAMS, print)


def test_of_many_rows_their_content_draws_some(run, monkeypatch):
    """The same for the same bytes, others for others; in order, each once."""
    monkeypatch.setattr(fold_predictions, "ROWS", 8)
    told = []
    compared = check_folds(run, PARAMS, told.append)
    assert compared.rows == 8 * (21 if run.is_refit else 28)
    assert compared.of == 5 * compared.rows
    rows = pd.read_parquet("data/predictions/lstm.parquet").reset_index()
    drawn = draw(rows, "v")["index"].tolist()
    assert drawn == draw(rows, "v")["index"].tolist() == sorted(set(drawn))
    assert len(drawn) == 8
    other = rows.assign(prediction=rows["prediction"] + 1e-9 * (rows.index == 3))
    assert drawn != draw(other, "v")["index"].tolist()
    assert drawn != draw(rows, "w")["index"].tolist()
