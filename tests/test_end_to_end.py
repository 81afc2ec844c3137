"""The whole pipeline on a tiny market, by the commands its users type."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest
from ruamel.yaml import YAML

from tapeline.models.metrics import PromotionMetrics, gate_metrics
from tapeline.models.table import FILES, MODELS
from tapeline.referee.examine import NEEDED
from tests.candles import random_candles
from tests.tiny_run import tiny_run
from tests.workshop import EASY, TREND, Workshop

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("end_to_end")]


@pytest.fixture(scope="module")
def workshop(tmp_path_factory):
    """A tiny pipeline, run once from clean and committed."""
    shop = Workshop(tmp_path_factory.mktemp("first"))
    shop.set_params({"gates": EASY})
    shop.run("make repro")
    shop.commit("run")
    return shop


def locked(folder: Path) -> dict:
    """Stages of dvc.lock, without the output of the latency stage."""
    stages = YAML(typ="safe").load((folder / "dvc.lock").read_text())["stages"]
    stages["latency"].pop("outs")
    return stages


def test_two_runs_in_two_folders_are_identical(workshop, tmp_path_factory):
    """From clean, elsewhere, the same inputs give the same hashes of everything but the timings."""
    assert locked(tiny_run(tmp_path_factory)) == locked(workshop.folder)


def test_a_second_run_has_nothing_to_do(workshop):
    """DVC says up to date, and after committing neither git nor DVC sees a change."""
    output = workshop.run("dvc repro")
    assert workshop.stages_run(output) == []
    assert "up to date" in output
    assert workshop.run("git status --porcelain") == ""
    assert "up to date" in workshop.run("dvc status")


def test_every_declared_metric_is_there_and_numeric(workshop):
    """At most 30 numbers a file, null where undefined; but all models' times stand in one."""
    for name in ("summary", *FILES, "latency"):
        metrics = json.loads((workshop.folder / f"metrics/{name}.json").read_text())
        assert 3 <= len(metrics) <= (9 + 8 * len(MODELS) if name == "latency" else 30)
        assert all(value is None or isinstance(value, int | float) for value in metrics.values()), name
        declared = PromotionMetrics.names() if name == "promotion" else gate_metrics().get(name)
        assert declared is None or tuple(metrics) == declared
    assert "accuracy_all" in workshop.run("dvc metrics show --json")
    shown = workshop.run("dvc metrics show metrics/summary.json").splitlines()
    assert "accuracy_low" in shown[0]
    assert max(map(len, shown)) <= 120
    assert "passed" in workshop.run("dvc exp show --csv").splitlines()[0].split(",")  # one file's alone
    plots = workshop.run("dvc plots show -o /dev/null --json")
    assert "WARNING" not in plots
    for network in ("lstm", "transformer"):
        assert f"plots/{network}_history/losses.csv" in plots  # all folds' curves, one plot a network
        curves = pd.read_csv(workshop.folder / f"plots/{network}_history/losses.csv")["curve"]
        assert set(curves) == {"fold_0", "fold_1"}


class Addresses(HTMLParser):
    """Everything in a page that a browser would load or follow, and the charts' places."""

    def __init__(self):
        super().__init__()
        self.found, self.charts, self.text = [], [], ""

    def handle_starttag(self, tag, attrs):
        """Note addresses and places."""
        for name, value in attrs:
            if name in ("src", "href", "srcset", "data", "action", "poster", "background", "xlink:href"):
                self.found.append(value)
            if name == "id" and value.startswith("chart-"):
                self.charts.append(value)

    def handle_data(self, data):
        """Keep what stands between tags, scripts left out."""
        if self.cdata_elem is None:
            self.text += data


def test_the_report_names_no_outside_address(workshop):
    """Links go to its own sections and the data's page; every figure has its file; policy bars the rest."""
    page = (workshop.folder / "reports/index.html").read_text()
    parser = Addresses()
    parser.feed(page)
    assert {address for address in parser.found if not address.startswith("#")} == {"data.html"}
    assert "default-src 'none'" in page
    assert len(parser.charts) == 11
    for name in ("plots/equity.csv", "plots/odds.csv", "metrics/ftmo.json", "metrics/detail/backtest.json"):
        assert name in parser.text
    assert (workshop.folder / "reports/data.html").is_file()


def test_what_the_market_was_is_said_everywhere(workshop):
    """Beside the candles, on the cards, in both pages, in the bundle and its card."""
    origin = json.loads((workshop.folder / "data/candles/origin.json").read_text())
    assert origin["name"] == "simulated"
    assert origin["simulation"].items() >= TREND.items()
    assert "simulated market (trend, seed 1105, signal 0.34, 4 days from 2024-01-01)" in origin["description"]
    for page in ("reports/index.html", "reports/data.html", "models/candidate/lstm-direction/model_card.md"):
        assert origin["description"] in (workshop.folder / page).read_text(), page
    bundle = workshop.folder / "models/candidate/transformer-trend"
    assert json.loads((bundle / "contract.json").read_text())["market"] == origin
    recorded = json.loads((workshop.folder / "metrics/detail/promotion.json").read_text())
    assert all(packed["market"] == origin for packed in recorded["bundles"].values())
    cards = json.loads((workshop.folder / "metrics/data.json").read_text())
    assert {card["market"] for card in cards.values()} == {"simulated"}
    said = workshop.run("make predict CANDLES=data/candles LAST=1", status=2)  # nothing was promoted
    assert "models/promoted: holds no bundle" in said
    asked = "python -m commands.predict --models models/candidate --candles data/candles --last 1"
    answers = [json.loads(line) for line in workshop.run(asked).splitlines()]
    assert {answer["market"] for answer in answers} == {"simulated"}


def test_a_browser_draws_the_report_alone(workshop, tmp_path):
    """Headless Chromium: every chart is there, the console is silent, no request leaves the page."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no Chromium is installed")
    flags = [
        "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync",
        "--disable-background-networking", "--disable-component-update", "--virtual-time-budget=20000",
        "--window-size=390,800", "--enable-logging=stderr",
        f"--user-data-dir={tmp_path / 'profile'}", f"--log-net-log={tmp_path / 'net'}",
    ]  # fmt: skip
    report = workshop.folder / "reports/index.html"
    shown = subprocess.run(
        [browser, *flags, "--dump-dom", report.as_uri()],
        capture_output=True,
        text=True,
        timeout=180,
        check=True,
    )
    still = report.read_text().partition("<script")[0].count('class="marks"')  # the cards' pictures
    assert still >= 8
    assert shown.stdout.count('class="marks"') == still + 11
    assert "CONSOLE" not in shown.stderr
    asked = set(re.findall(r'"url":"(https?://[^/"]+)', (tmp_path / "net").read_text()))
    assert {host for host in asked if not host.endswith((".google.com", ".googleapis.com"))} == set()
    leak = tmp_path / "leak.html"
    leak.write_text(report.read_text().replace("</html>", "<img src='http://example.org/a.png'></html>"))
    shown = subprocess.run(
        [browser, *flags, "--dump-dom", leak.as_uri()],
        capture_output=True,
        text=True,
        timeout=180,
        check=True,
    )
    assert "CONSOLE" in shown.stderr  # the same look sees a planted address


def test_every_test_candle_with_a_window_is_predicted_once(workshop):
    """Predictions of the folds neither repeat nor leave out a candle of a test part."""
    folds = json.loads((workshop.folder / "data/splits.json").read_text())["folds"]
    expected = sum(fold["test"]["rows"] for fold in folds)
    for model in MODELS:
        predictions = pd.read_parquet(workshop.folder / f"data/predictions/{model.name}.parquet")
        assert not predictions.duplicated(["symbol", "timestamp"]).any()
        assert predictions["prediction"].between(0, 1).all()
        assert 0.9 * expected < len(predictions) <= expected


def test_a_changed_lstm_retrains_the_lstm_alone(workshop):
    """`-S model.hidden` runs what hangs on it and nothing else; `dvc metrics diff` shows the change."""
    output = workshop.run("dvc exp run -S model.hidden=6")
    assert workshop.stages_run(output) == ["train_lstm", "ensembles", "evaluate", "promote", "latency"]
    assert "metrics/lstm.json" in workshop.run("dvc metrics diff")
    workshop.run("git checkout -q . && dvc checkout -q")


def test_a_features_switch_runs_from_features_on(workshop):
    """One feature left out: ingest stays, features and all that follows run, on a column less."""
    column = "rsi_14"
    output = workshop.run(f"dvc exp run -S 'features.exclude=[weekend,{column}]'")
    assert workshop.stages_run(output) == [
        "features", "expectations", "splits", "train_lstm", "train_transformer",
        "train_baselines", "ensembles", "evaluate", "promote", "latency",
    ]  # fmt: skip
    assert column not in pd.read_parquet(workshop.folder / "data/features/BTC-USD.parquet").columns
    workshop.run("git checkout -q . && dvc checkout -q")


def test_the_page_about_the_data_says_why_a_run_ended(workshop):
    """A run that fails at the expectations leaves a page with the failure, and `make repro` its status."""
    workshop.set_params({"quality": {"max_quiet": 1, "max_filled_share": 0.0, "warnings": ["label_missing"]}})
    output = workshop.run("make repro", status=2)
    assert "fails expect_column_values_to_be_in_set (filled_share)" in output
    page = (workshop.folder / "reports/data.html").read_text()
    assert "filled_share" in page
    assert "<script" not in page
    workshop.run("git checkout -q . && dvc checkout -q")


def test_the_audits_ran_and_are_on_record(workshop):
    """All ten, for every symbol and fold, each of which compared something."""
    found = []
    for name in ("expectations", "splits"):
        report = json.loads((workshop.folder / f"metrics/detail/{name}.json").read_text())
        assert report["leaks"] == []
        assert all(audit["cells"] > 0 for audit in report["audits"])
        found += [audit["name"] for audit in report["audits"]]
    assert set(found) == {
        "files", "stored", "truncation", "poison", "warm_up", "streaming", "label_reach", "random_walk",
        "overlap", "scaler",
    }  # fmt: skip
    assert ": all as recorded, not whether" in workshop.run("make verify")


def test_the_referee_agrees_and_is_on_record(workshop):
    """Nothing differs, and what every run has was compared, though so small a one may trade nothing."""
    found = json.loads((workshop.folder / "metrics/detail/referee.json").read_text())
    assert (found["passed"], found["differences"]) == (True, [])
    for name in (*NEEDED, "labels", "learned labels", "validation loss", "calibration", "scalers", "tiers"):
        assert found["checks"][name]["compared"] > 0, name


def test_any_number_of_workers_trains_the_same_bytes(workshop):
    """Folds side by side leave what folds one after the other in one process left; nothing is stale."""
    names = [f"data/predictions/lstm{part}.parquet" for part in ("", "_validation", "_shifted")]
    names += [f"models/lstm/fold_{k}/weights.safetensors" for k in (0, 1)]
    names += ["metrics/detail/lstm_training.json"]
    before = {name: (workshop.folder / name).read_bytes() for name in names}
    workshop.set_params({"train": {"workers": 2}, "data": {"workers": 3}})
    assert "up to date" in workshop.run("dvc status")
    workshop.run("python -m stages.train_lstm")
    assert {name: (workshop.folder / name).read_bytes() for name in names} == before
    workshop.run("git checkout -q . && dvc checkout -q --force")


def test_an_interrupted_training_goes_on(workshop):
    """Ctrl-C says in a line what is kept; run again, the stage ends with the bytes of an unbroken one."""
    workshop.set_params({"train": {"epochs": 30, "patience": 30}})
    shutil.rmtree(workshop.folder / "models/lstm")
    workshop.run("python -m stages.train_lstm")
    weights = {
        path.name + path.parent.name: path.read_bytes()
        for path in sorted((workshop.folder / "models/lstm").rglob("*.*"))
    }
    shutil.rmtree(workshop.folder / "models/lstm")
    workshop.set_params({"train": {"workers": 2}})
    process = subprocess.Popen(
        [sys.executable, "-m", "stages.train_lstm"], cwd=workshop.folder, text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"}, stderr=subprocess.PIPE,
    )  # fmt: skip
    while len(list((workshop.folder / ".checkpoints/lstm").glob("*/fold_[01].*.pt"))) < 2:
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    said = process.communicate()[1].splitlines()[-1]
    assert process.returncode == 130
    assert re.search(r"interrupted; 2 folds begun or done are kept in \.checkpoints/lstm/\w+: run", said)
    assert not (workshop.folder / "models/lstm").exists()
    workshop.set_params({"train": {"workers": 1}})  # which decides no byte
    assert "goes on from what was ended before: 2 folds" in workshop.run("python -m stages.train_lstm")
    for path in (workshop.folder / "models/lstm").rglob("*.*"):
        assert path.read_bytes() == weights[path.name + path.parent.name]
    assert not list((workshop.folder / ".checkpoints/lstm").iterdir())
    workshop.run("git checkout -q . && dvc checkout -q --force")


def test_an_experiment_in_a_temporary_folder_runs_its_own_code(workshop):
    """With `--temp` the code that runs is the experiment's copy, not the workspace's."""
    script = workshop.folder / "stages/train_lstm.py"
    script.write_text(
        script.read_text().replace(
            "    train_model(", "    log.info('own code: %s', __file__)\n    train_model("
        )
    )
    output = workshop.run("dvc exp run --temp train_lstm -S model.hidden=8")
    (line,) = {line for line in output.splitlines() if "own code:" in line}
    assert "/.dvc/tmp/exps/" in line
    workshop.run("git checkout -q . && dvc checkout -q")


def test_a_trainer_is_steered_on_one_line(workshop):
    """Symbols, epochs, batch size, sequence length and horizon by `-S`, up to one stage."""
    output = workshop.run(
        "dvc exp run train_lstm -S 'data.symbols=[BTC-USD]' -S train.epochs=1 -S train.batch_size=32 "
        "-S train.sequence_length=30 -S labels.horizon=5"
    )
    assert workshop.stages_run(output)[-1] == "train_lstm"
    predictions = pd.read_parquet(workshop.folder / "data/predictions/lstm.parquet")
    assert set(predictions["symbol"]) == {"BTC-USD"}
    workshop.run("git checkout -q . && dvc checkout -q")


def test_own_candles_go_the_same_way(workshop):
    """A folder of files, tracked with `dvc add`, gives a verdict with no ceiling; then all comes back."""
    for k, symbol in enumerate(("AAA-USD", "BBB-USD")):
        folder = workshop.folder / "data/raw/KRAKEN" / symbol
        folder.mkdir(parents=True)
        candles = random_candles(4 * 1440, seed=k).drop(columns=["is_filled", "segment", "file"])
        candles.to_csv(folder / "1m.csv", index=False)
    workshop.run("dvc add -q data/raw/KRAKEN")
    files = {"source": "files", "path": "data/raw/KRAKEN", "symbols": ["AAA-USD", "BBB-USD"]}
    workshop.set_params({"data": files})
    refused = workshop.run("make repro", status=2)
    assert "must name an instrument for the symbol AAA-USD" in refused
    assert "Traceback" not in refused
    workshop.set_params({"instruments": {"AAA-USD": "BTCUSD", "BBB-USD": "ETHUSD"}})
    workshop.set_params({"gates": EASY | {"lstm-direction": {"lstm.accuracy_all": {"min": 0.68}}}})
    workshop.run("dvc repro")
    metrics = json.loads((workshop.folder / "metrics/lstm.json").read_text())
    assert metrics["ceiling"] is None
    assert metrics["accuracy_all_low"] < 0.5 < metrics["accuracy_all_high"]
    assert json.loads((workshop.folder / "metrics/promotion.json").read_text())["passed"] == 0
    workshop.run("git checkout -q . && git clean -qfd && dvc checkout -q")
    assert "up to date" in workshop.run("dvc status")


def test_a_failed_stage_leaves_nothing_half_written_and_says_how_to_go_back(workshop):
    """A stage that fails ends in one line; its old outputs come back by the commands it names."""
    workshop.set_params({"splits": {"train": 30.0}})
    output = workshop.run("dvc repro", status=None)
    (line,) = [line for line in output.splitlines() if line.startswith("stages.splits: ") and "fewer" in line]
    assert "`git checkout metrics && dvc checkout`" in line
    assert "Traceback" not in output
    assert not Path(workshop.folder / "data/splits.json").exists()
    workshop.run("git checkout -q params.yaml && git checkout metrics && dvc checkout -q")
    assert "up to date" in workshop.run("dvc status")
