"""`make compare`: what differs between two runs, in a page that can be read on a desk and a phone."""

from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fsspec.implementations.dirfs import DirFileSystem
from fsspec.implementations.local import LocalFileSystem

from tapeline.models.table import TRADED
from tapeline.outputs import write_csv, write_json
from tapeline.promotion.gates import FAILED, PASSED, Verdict
from tapeline.reports.recorded_run import RecordedRun
from tapeline.reports.run_compare import PAGE, different, flipped, write_comparison
from tests.browser import faults_of, find_browser
from tests.reports import whole_run

LSTM, N = TRADED[0].name, 400
PARAMS = """
data: {{symbols: [BTC-USDT], interval: 1m}}
instruments: {{BTC-USDT: BTCUSD}}
labels: {{horizon: 15}}
signals: {{stop: {stop}}}
ftmo: {{control_runs: 100}}
evaluation:
  {{level: 0.95, block: 60, resamples: 1000, bins: 15, edge_shares: [1.0], edge_holds: [5], seed: 1}}
"""


def recorded(folder, name, stop, right):
    """A run in a folder of its own, whose LSTM is `right` with that probability."""
    rng = np.random.default_rng(1)
    place = folder / name
    (place / "data/features").mkdir(parents=True)
    (place / "data/predictions").mkdir()
    (place / "params.yaml").write_text(PARAMS.format(stop=stop))
    for file, table in whole_run.plots().items():
        write_csv(place / f"plots/{file}.csv", table)
    metrics = deepcopy(whole_run.metrics())
    metrics["backtest"]["trades"] = int(stop)
    for file, values in metrics.items():
        write_json(place / f"metrics/{file}.json", values)
    promotion = deepcopy(whole_run.detail()["promotion"])
    promotion["gates"][0] |= {"status": PASSED if stop > 5 else FAILED}
    write_json(place / "metrics/detail/promotion.json", promotion)
    times = pd.date_range("2024-01-01", periods=N, freq="min", tz="UTC")
    true = rng.integers(0, 2, N).astype(float)
    features = pd.DataFrame({"timestamp": times, "is_filled": False, "direction": true})
    features.to_parquet(place / "data/features/BTC-USDT.parquet")
    said = np.where(np.random.default_rng(int(stop)).random(N) < right, true, 1 - true)
    predicted = pd.DataFrame({"symbol": "BTC-USDT", "timestamp": times, "prediction": 0.3 + 0.4 * said})
    predicted.to_parquet(place / f"data/predictions/{LSTM}.parquet")
    files = DirFileSystem(path=str(place), fs=LocalFileSystem())
    return RecordedRun(name, f"the run {name}", files)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The page of two runs, and what it shows."""
    folder = tmp_path_factory.mktemp("compared")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        first, second = recorded(folder, "former", 6.0, 0.5), recorded(folder, "later", 4.0, 0.9)
        Path("params.yaml").write_text((folder / "later/params.yaml").read_text())
        _, compared, _ = write_comparison(first, second)
    return folder / PAGE, compared


def test_the_page_names_what_differs_and_by_how_much(written):
    """The param, the figure, the gate, and a difference on the same rows with its interval."""
    page, compared = written
    assert compared.params == {"signals.stop": (6.0, 4.0)}
    assert compared.figures == {"backtest.trades": (6, 4)}
    assert [(flip.first.status, flip.second.status) for flip in compared.flips] == [(PASSED, FAILED)]
    pairs = {(pair.what, pair.key): pair for pair in compared.paired}
    accuracy = pairs[TRADED[0].title, "accuracy_all"]
    assert (accuracy.number, accuracy.verdict) == (N, "differs")
    assert 0.2 < accuracy.low < accuracy.difference < accuracy.high < 0.6
    assert pairs["Account", "net_pnl"].verdict == "the same"
    text = page.read_text()
    for said in ("signals.stop", "1 param of params.yaml", "<b>differs</b>", "Equity", "chosen on the test"):
        assert said in text
    assert "<script src" not in text


def test_what_can_not_be_had_is_one_line_a_run(written):
    """Predictions of four models are not there: named together, once."""
    page, compared = written
    (line,) = compared.not_compared
    assert line.startswith("data/predictions/transformer.parquet, ")
    assert line.count("dvc fetch") == 1
    assert "Not compared: data/predictions/transformer.parquet" in page.read_text()


def test_keys_of_one_run_alone_are_told():
    """A param or a gate that is new, or gone, differs."""
    assert different({"a": 1, "b": 2}, {"b": 2, "c": None}) == {
        "a": (1, "not there"),
        "c": ("not there", None),
    }
    gate = Verdict("x", "lstm.brier", 0.2, "<= 0.3", 0.1, PASSED, "")
    other = replace(gate, gate="lstm.ece")
    flips, number = flipped((gate,), (gate, other))
    assert [(flip.gate, flip.first, flip.second) for flip in flips] == [("lstm.ece", None, other)]
    assert number == 2


@pytest.mark.slow
@pytest.mark.skipif(find_browser() is None, reason="no Chromium is installed")
def test_it_is_read_on_a_desk_and_on_a_phone(written, tmp_path):
    """Nothing clipped, every text of AA's contrast, nothing complained of."""
    assert faults_of(written[0], tmp_path) == []
