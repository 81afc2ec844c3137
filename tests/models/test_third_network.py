"""A third network: a module, an entry of the table, a section of params and a stage; no more names it."""

import json
import shutil
from pathlib import Path

import pytest
from ruamel.yaml import YAML
from safetensors.numpy import load_file

from tapeline.features.catalog import GROUPS
from tapeline.promotion.bundle import PREDICTING
from tests.workshop import EASY, Workshop

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("third_network")]

GRU = Path(__file__).parent / "gru"  # what a scratch copy of the project is given, in its own folders
PREDICTIONS = [f"data/predictions/gru{part}.parquet" for part in ("", "_validation", "_shifted")]
PLAIN = {"cache": False}
# What makes the run short: one symbol, few features, nothing resampled often. A model is of two networks.
SHORT = {
    "train": {"seeds": 2},
    "data": {"symbols": ["BTC-USD"]},
    "features": {"groups": dict.fromkeys(GROUPS, False) | {"returns": True, "sessions": True}},
    "ftmo": {"odds_paths": 100, "odds_days": 10, "control_runs": 2},
}


def edit_yaml(path, change):
    """Change a YAML file by a function of its content."""
    yaml = YAML()
    content = yaml.load(path.read_text())
    change(content)
    with path.open("w") as file:
        yaml.dump(content, file)


def add_stage(pipeline):
    """The stage that trains it, and its name among what evaluate and promote read and write."""
    stages = pipeline["stages"]
    outs = ["models/gru", *PREDICTIONS, "plots/gru_history", {"metrics/detail/gru_training.json": PLAIN}]
    at = list(stages).index("train_baselines")
    deps = ["${train.start_from}", "data/features", "data/splits.json", "requirements.lock"]
    stages.insert(at, "train_gru", {"cmd": "python -m stages.train_gru", "deps": deps, "outs": outs})
    stages["evaluate"]["deps"] += [*PREDICTIONS, "models/gru", "metrics/detail/gru_training.json"]
    stages["evaluate"]["outs"].append({"metrics/gru.json": PLAIN})
    stages["promote"]["deps"] += [
        "models/gru", "metrics/gru.json", "metrics/detail/gru_training.json", PREDICTIONS[1],
    ]  # fmt: skip
    stages["latency"]["deps"] += [f"models/candidate/gru-direction/{name}" for name in PREDICTING]
    pipeline["metrics"].append("metrics/gru.json")
    losses = {"template": "losses", "x": "epoch", "y": {"plots/gru_history/losses.csv": "loss"}}
    pipeline["plots"].append({"loss of the GRU": losses})


def add_params(params):
    """Its section, and its gate beside the others'."""
    params["gru"] = {"hidden": 4}
    params["gates"] = EASY | {"gru-direction": {"gru.accuracy_all": {"min": 0.0}}}


def add_gru(shop):
    """What a developer does."""
    shutil.copytree(GRU, shop.folder, dirs_exist_ok=True)
    table = shop.folder / "tapeline/models/table.py"
    text = table.read_text().replace("(LSTM, TRANSFORMER)", "(LSTM, TRANSFORMER, GRU)")
    table.write_text(
        text.replace(
            "from tapeline.models.lstm", "from tapeline.models.gru import GRU\nfrom tapeline.models.lstm"
        )
    )
    edit_yaml(shop.folder / "params.yaml", add_params)
    edit_yaml(shop.folder / "dvc.yaml", add_stage)
    shop.run("python -m commands.deps")


def lock(shop):
    """Stages of dvc.lock."""
    return YAML(typ="safe").load((shop.folder / "dvc.lock").read_text())["stages"]


def read(shop, name):
    """A JSON file of the copy."""
    return json.loads((shop.folder / name).read_text())


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A tiny pipeline whose two networks were trained before the third came; then all of it was run."""
    shop = Workshop(tmp_path_factory.mktemp("third"))
    shop.set_params(SHORT)
    shop.run("dvc repro ceilings train_lstm train_transformer ensembles")
    shop.before = lock(shop)
    add_gru(shop)
    shop.ran = shop.stages_run(shop.run("make repro"))
    shop.commit("third")
    return shop


def test_the_other_networks_are_not_trained_again(shop):
    """Only what is new, and what looks at all models, ran; DVC has nothing to say of it after."""
    assert shop.ran == ["train_gru", "evaluate", "promote", "latency"]
    after = lock(shop)
    for stage in ("train_lstm", "train_transformer"):
        assert after[stage] == shop.before[stage]
    assert "up to date" in shop.run("dvc status")


def test_it_is_evaluated_gated_packed_and_timed_beside_the_others(shop):
    """By the same figures as the other direction model, in every file that speaks of models."""
    figures = read(shop, "metrics/gru.json")
    assert list(figures) == list(read(shop, "metrics/lstm.json"))
    assert 0 < figures["accuracy_all"] < 1
    gates = {
        gate["artifact"]: gate["status"] for gate in read(shop, "metrics/detail/promotion.json")["gates"]
    }
    assert gates == dict.fromkeys(EASY | {"gru-direction": None}, "passed")
    assert read(shop, "metrics/promotion.json")["gru_onnx_difference"] < 1e-5
    contract = read(shop, "models/candidate/gru-direction/contract.json")
    assert (contract["artifact"], contract["label"]["name"]) == ("gru-direction", "direction")
    assert read(shop, "metrics/latency.json")["gru_latency_p99_ms"] > 0
    page = (shop.folder / "reports/index.html").read_text()
    for title in ("LSTM", "GRU"):
        assert f">Probabilities ({title})</h2>" in page
        assert f"Loss of the {title}" in page


def test_each_is_the_average_of_two_seeds_in_one_bundle(shop):
    """Weights of both, one graph that says what they say, and every member's losses."""
    differences = read(shop, "metrics/promotion.json")
    for name, artifact in (
        ("lstm", "lstm-direction"), ("transformer", "transformer-trend"), ("gru", "gru-direction"),
    ):  # fmt: skip
        bundle = shop.folder / "models/candidate" / artifact
        of = {weight.rpartition(".")[0].split(".")[1] for weight in load_file(bundle / "weights.safetensors")}
        assert of == {"0", "1"}
        assert "- seeds: 2" in (bundle / "model_card.md").read_text()
        assert differences[f"{name}_onnx_difference"] < 1e-5
        trained = read(shop, f"metrics/detail/{name}_training.json")["folds"]
        assert all(len(figures["best_epoch"]) == 2 for figures in trained.values())
        losses = list((shop.folder / f"plots/{name}_history/fold_1").glob("member_*/plots/metrics/*.tsv"))
        assert len(losses) == 4


def test_each_serves_its_own_numbers(shop):
    """Promoted and asked together each bundle says what it says alone."""
    shop.run("make promote")
    together = predict(shop)
    names = {*EASY, "gru-direction"}
    assert set(together["bundles"]) == names
    assert {name: entry["version"] for name, entry in together["bundles"].items()} == dict.fromkeys(
        names, "v1.0.0"
    )
    for name in ("lstm-direction", "gru-direction"):
        alone = predict(shop, f"--models models/promoted/{name}")
        own = {key: alone[key] for key in ("probability", "tier") if key in alone}
        assert own.items() <= together["bundles"][name].items(), name
        assert "probability" in own
    said = [together["bundles"][name]["probability"] for name in ("lstm-direction", "gru-direction")]
    assert said[0] != said[1]
    assert (
        together["bundles"]["transformer-trend"]["trend_strength"]
        == predict(shop, "--models models/promoted/transformer-trend")["trend_strength"]
    )


def predict(shop, options=""):
    """The answer to the newest candle of the first symbol."""
    command = f"python -m commands.predict {options} --candles data/candles --symbols BTC-USD --last 1"
    return json.loads(shop.run(command))


def test_the_contract_and_the_layers_hold_with_it(shop):
    """Deps, params, paths, scripts and imports are judged with no word of it in the tests."""
    shop.run("python -m pytest -q tests/test_pipeline_contract.py")
    shop.run("lint-imports")
