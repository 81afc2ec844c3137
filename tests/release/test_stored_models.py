"""A stored model as it is packed, an ensemble above all; params and seeds that its version hangs on."""

import copy
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from ruamel.yaml import YAML

from tapeline.baselines.linear import LinearRule
from tapeline.baselines.stored import save_baseline
from tapeline.closure import ROOT
from tapeline.errors import ArtifactError
from tapeline.models.ensembles import ENSEMBLES
from tapeline.models.lstm import LSTM
from tapeline.nets.models import Description, save_model
from tapeline.nets.scaler import Scaler
from tapeline.outputs import write_json
from tapeline.params import Params
from tapeline.promotion.bundle import WINDOWS, open_graph
from tapeline.promotion.versions import FIRST, fingerprint, next_version
from tapeline.release.packing import read_params_used, without_seed
from tapeline.release.stored_models import params_of, read_stored
from tapeline.training.ensembles import describe

VALUES = YAML(typ="safe").load((ROOT / "params.yaml").read_text())
CHANGES = {
    "model.hidden": (65, "minor"), "model.bidirectional": (True, "minor"),
    "train.learning_rate": (0.0016, "minor"), "train.epochs": (13, "minor"), "train.seeds": (2, "minor"),
    "train.start_from": ("models/start", "minor"),
    "train.calibration": ("isotonic", "minor"), "train.sequence_length": (61, "minor"),
    "baselines.trees": (777, "minor"), "baselines.stride": (4, "minor"),
    "train.seed": (18, "patch"), "baselines.seed": (99, "patch"),
    "train.workers": (1, None), "transformer.d_model": (16, None),
}  # fmt: skip


def fingerprints(entry, change=None):
    """As a bundle of `entry` has them, of params with one `change`; code and data are as they were."""
    values = copy.deepcopy(VALUES)
    if change:
        section, name = change.split(".")
        assert values[section][name] != CHANGES[change][0]
        values[section][name] = CHANGES[change][0]
    used, seed = read_params_used(entry, Params(values))
    params = fingerprint({name: without_seed(section) for name, section in used.items()})
    return {"contract": "", "params": params, "code": "", "data": "", "seed": fingerprint(seed)}


@pytest.mark.parametrize("entry", ENSEMBLES, ids=lambda entry: entry.name)
@pytest.mark.parametrize("change", CHANGES)
def test_what_changes_a_member_changes_the_ensemble(entry, change):
    """At the level of that change, whichever member's it is; and what changes neither changes nothing."""
    level = CHANGES[change][1]
    before, after = fingerprints(entry), fingerprints(entry, change)
    if level is None:
        assert after == before
        return
    version, why = next_version(after, before, {FIRST: before})
    assert version == FIRST.raised(level), why


@pytest.mark.parametrize("entry", ENSEMBLES, ids=lambda entry: entry.name)
def test_an_ensembles_params_are_those_of_all_members(entry):
    """Nothing of what one reads is lost to what another reads of the same section."""
    params = Params(VALUES)
    sections, seeds = params_of(entry, params)
    for member in entry.members:
        own, seed = params_of(member, params)
        assert seed in seeds
        for name, values in own.items():
            assert values.items() <= sections[name].items()


(ENSEMBLE,) = ENSEMBLES
NETWORK, RULE = (member.name for member in ENSEMBLE.members)
LENGTH, NAMES, FOLDS = 6, ["one", "two", "three"], ("fold_0", "fold_1", "refit")
SCALER = Scaler(np.array([0.5, 0.25, 0.0]), np.array([1.5, 2.0, 3.0]))
MADE_FROM = {"data": "d", "features": "f", "code": "c"}


@pytest.fixture
def said(tmp_path, monkeypatch):
    """An ensemble and its members in the current folder; by fold, what the mean of both is of windows."""
    monkeypatch.chdir(tmp_path)
    means = {}
    for seed, fold in enumerate(FOLDS):
        torch.manual_seed(seed)
        small = {"hidden": 4, "layers": 1, "dropout": 0.0, "bidirectional": False}
        description = Description(
            NETWORK, small, {"sequence_length": LENGTH, "reach": LENGTH}, NAMES, "direction", 5, "1m",
            dict.fromkeys(("epochs", "learning_rate", "batch_size", "seed", "seeds"), 1), {}, MADE_FROM,
        )  # fmt: skip
        net = LSTM.build_described(description).eval()
        save_model(Path("models") / NETWORK / fold, net, SCALER, {"kind": "none"}, description)
        rule = LinearRule("direction", torch.randn(3).numpy(), np.array([0.25], np.float32))
        record = {
            "network": RULE, "kind": "logistic_regression", "label": "direction", "features": NAMES,
            "horizon": 5, "interval": "1m", "span": {}, "made_from": MADE_FROM, "chosen": {"strength": 1.0},
            "scaler": {"mean": SCALER.mean.tolist(), "std": SCALER.std.tolist()},
            "context": {"sequence_length": LENGTH, "minimum_context": 3, "reach": 1},
        }  # fmt: skip
        save_baseline(Path("models") / RULE / fold, rule, record)
        write_json(f"models/{ENSEMBLE.name}/{fold}/model.json", describe(ENSEMBLE, fold))
        means[fold] = (net, rule)
    skill = {"has_skill": 0, "skill": -0.1, "skill_low": None, "skill_high": None, "validation_days": 1}
    write_json(
        f"metrics/detail/{NETWORK}_training.json",
        {"folds": {"refit": skill} | {fold: {} for fold in FOLDS[:2]}},
    )

    def mean(fold, windows):
        net, rule = means[fold]
        with torch.no_grad():
            one = torch.sigmoid(net.last(torch.from_numpy(windows))).numpy()
        score = windows[:, -1].astype(float) @ rule.weights + 0.25
        return (one + 1 / (1 + np.exp(-score))) / 2

    return mean


@pytest.mark.parametrize("fold", FOLDS)
def test_an_ensemble_of_a_fold_is_the_mean_of_that_folds_members(said, fold):
    """By its graph as by what the graph is held against; the bundle holds what members were stored as."""
    stored = read_stored(ENSEMBLE, fold)
    assert stored.window == (LENGTH, len(NAMES))
    windows = np.random.default_rng(1).normal(size=(9, *stored.window)).astype(np.float32)
    expected = said(fold, windows)
    assert np.ptp(expected) > 0.01
    np.testing.assert_allclose(stored.outputs(windows), expected, rtol=0, atol=1e-6)
    served = open_graph(stored.to_graph()).run(None, {WINDOWS: windows})[0]
    np.testing.assert_allclose(served, expected, rtol=0, atol=1e-6)
    for name in (NETWORK, RULE):
        own = Path(f"models/{name}/{fold}/model.json").read_bytes()
        assert stored.files[f"{name}.model.json"] == own
    assert stored.files["model.json"] == Path(f"models/{ENSEMBLE.name}/{fold}/model.json").read_bytes()


def test_what_is_wrong_with_a_member_is_wrong_with_the_ensemble(said):
    """A network that learned nothing is no better for being averaged; another fold's is not meant."""
    assert read_stored(ENSEMBLE, "refit").warning.startswith("no skill on validation")
    assert read_stored(ENSEMBLE, "fold_1").warning is None


@pytest.mark.parametrize("name", [NETWORK, RULE])
def test_a_member_that_was_trained_anew_is_not_packed_as_what_was_averaged(said, name):
    """Its predictions are not those that were scored: the line says which, and what to run."""
    shutil.rmtree(f"models/{name}/fold_1")
    shutil.copytree(f"models/{name}/fold_0", f"models/{name}/fold_1")  # whole, and another
    with pytest.raises(
        ArtifactError, match=f"^models/{name}/fold_1: is not what models/{ENSEMBLE.name}/fold_1"
    ):
        read_stored(ENSEMBLE, "fold_1")
    read_stored(ENSEMBLE, "fold_0")
