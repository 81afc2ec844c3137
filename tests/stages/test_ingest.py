"""The ingest stage as a process: outputs whole or not at all, whatever stops it."""

import json
import os
import resource
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest

from stages.ingest import main
from tapeline.closure import ROOT
from tapeline.schema import OHLCV
from tapeline.stage import run_stage
from tests.candles import random_candles
from tests.warm import warm_python

PARAMS = """
data: {source: simulated, path: none, layout: auto, columns: {}, timezone: null, symbols: [A, B],
  interval: 1m, max_fill: 15, max_filled_share: 0.2, max_rejected_share: 0.01, workers: 1,
  extra: {}, extra_path: none, memory_gb: null}
simulation: {market: trend, signal: 0.34, seed: 1, days: DAYS, start: "2024-01-01", regime_minutes: 240,
  volatility_bps: 7.0, volatility_spread: 0.3, correlation: 0.7, gaps_per_day: 2.0}
labels: {horizon: 15}
"""

TWO = pytest.param(2, marks=pytest.mark.slow)  # processes that each import all they need


def put_raw(folder, symbol, seed):
    """Candles of `symbol` as a file under raw/."""
    (folder / "raw").mkdir(parents=True, exist_ok=True)
    candles = random_candles(3000, seed=seed)[["timestamp", *OHLCV]]
    candles.drop(index=range(50, 60)).to_csv(folder / f"raw/{symbol}.csv", index=False)


def start(folder, days=2, limit=None, workers=1):
    """Start the stage in `folder`, on its raw candles if there are any; files may grow to `limit` bytes."""
    params = PARAMS.replace("DAYS", str(days)).replace("workers: 1", f"workers: {workers}")
    if (folder / "raw").is_dir():
        params = params.replace("source: simulated, path: none", "source: files, path: raw")
    (folder / "params.yaml").write_text(params)
    return subprocess.Popen(
        [sys.executable if limit else warm_python(), "-m", "stages.ingest"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=limit and (lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))),
    )


def outputs(folder):
    """Everything under data and metrics, partial files included."""
    return sorted(
        str(path.relative_to(folder))
        for root in ("data", "metrics")
        for path in (folder / root).rglob("*")
        if path.is_file()
    )


def test_candles_ceiling_and_cards_are_written(tmp_path):
    """One table a symbol, the ceiling beside it, a card each."""
    stage = start(tmp_path)
    assert stage.wait() == 0, stage.stdout.read()
    assert outputs(tmp_path) == [
        "data/candles/A.parquet/2024-01.parquet",
        "data/candles/B.parquet/2024-01.parquet",
        "data/candles/ceiling/A.parquet",
        "data/candles/ceiling/B.parquet",
        "data/candles/manifest.json",
        "data/candles/origin.json",
        "metrics/data.json",
        "metrics/detail/data.json",
    ]
    card = json.loads((tmp_path / "metrics/data.json").read_text())["A"]
    candles = pd.read_parquet(tmp_path / "data/candles/A.parquet")
    assert card["rows"] + card["filled"] == len(candles)
    assert card["filled"] == candles["is_filled"].sum()


@pytest.mark.slow
def test_any_number_of_workers_writes_the_same_bytes(tmp_path):
    """Candles and cards of one, two and three processes are equal."""
    written = []
    for workers in (1, 2, 3):
        folder = tmp_path / str(workers)
        put_raw(folder, "A", seed=1)
        put_raw(folder, "B", seed=2)
        stage = start(folder, workers=workers)
        assert "B: files 1, first 2025-03-28T20:00:00Z" in stage.communicate()[0]
        assert stage.returncode == 0
        written.append({name: (folder / name).read_bytes() for name in outputs(folder)})
    metrics = ["metrics/data.json", "metrics/detail/data.json"]
    names = "A.parquet/2025-03.parquet", "B.parquet/2025-03.parquet", "manifest.json", "origin.json"
    tables = [f"data/candles/{name}" for name in names]
    assert list(written[0]) == [*tables, *metrics]
    assert written[0] == written[1] == written[2]


def test_what_is_odd_is_logged_and_written(tmp_path):
    """One line a rule, with both rows; the count stands on the card."""
    put_raw(tmp_path, "B", seed=2)
    (tmp_path / "raw/A").mkdir()
    candles = random_candles(3000, seed=1)[["timestamp", *OHLCV]]
    candles.iloc[:2000].to_csv(tmp_path / "raw/A/x_2.csv", index=False)
    candles.loc[1500, "volume"] += 1
    candles.iloc[1000:].to_csv(tmp_path / "raw/A/x_10.csv", index=False)
    stage = start(tmp_path)
    said = stage.communicate()[0]
    assert stage.returncode == 0, said
    told = "raw/A/x_10.csv, row 501: stays, not raw/A/x_2.csv, row 1501 of the same time, volume "
    assert f"stages.ingest: A: {told}" in said
    assert json.loads((tmp_path / "metrics/data.json").read_text())["A"]["settled_later_file"] == 1
    found = json.loads((tmp_path / "metrics/detail/data.json").read_text())
    assert found["B"] == []
    assert [(f["rule"], f["count"], f["told"].startswith(told)) for f in found["A"]] == [
        ("settled_later_file", 1, True)
    ]


@pytest.mark.parametrize("workers", [1, TWO])
def test_an_error_in_one_symbol_leaves_no_output(tmp_path, workers):
    """The sound symbol's candles vanish with the broken one's; one line says why."""
    put_raw(tmp_path, "A", seed=1)
    (tmp_path / "raw/B.csv").write_text("timestamp,open\n1514764800,1\n")
    stage = start(tmp_path, workers=workers)
    said = stage.communicate()[0]
    assert stage.returncode == 1
    assert said.startswith("stages.ingest: raw/B.csv: lacks high, low, close, volume; its columns are ")
    assert said.count("\n") == 1
    assert outputs(tmp_path) == []


@pytest.mark.parametrize("workers", [1, TWO])
def test_a_disk_that_fills_leaves_nothing_half_written(tmp_path, workers):
    """A write that fails half way ends in one line, and no file is left."""
    put_raw(tmp_path, "A", seed=1)
    put_raw(tmp_path, "B", seed=2)
    stage = start(tmp_path, limit=50_000, workers=workers)
    said = stage.communicate()[0]
    assert stage.returncode == 1
    assert "File too large" in said
    assert said.count("\n") == 1
    assert "Traceback" not in said
    assert outputs(tmp_path) == []


def test_outputs_that_may_not_be_written_are_told_in_one_line(tmp_path, monkeypatch, capsys):
    """A folder of another user ends the stage in the system's words."""
    put_raw(tmp_path, "A", seed=1)
    put_raw(tmp_path, "B", seed=2)
    start(tmp_path).communicate()
    before = outputs(tmp_path)
    monkeypatch.chdir(tmp_path)

    def deny(path, *args, **options):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("tapeline.outputs.Path.mkdir", lambda path, **_: path.name == "logs" or deny(path))
    with pytest.raises(SystemExit):
        run_stage("ingest", main)
    assert capsys.readouterr().err == "stages.ingest: [Errno 13] Permission denied: 'data'\n"
    assert outputs(tmp_path) == before


@pytest.mark.slow
def test_an_interrupted_stage_leaves_nothing_half_written(tmp_path):
    """Ctrl-C in the middle of the work ends in one line with status 130."""
    stage = start(tmp_path, days=3000)
    while not (tmp_path / "logs/ingest.log").exists():
        time.sleep(0.05)
    time.sleep(2)
    stage.send_signal(signal.SIGINT)
    said = stage.communicate()[0]
    assert stage.returncode == 130, said
    assert "interrupted; nothing half-written is left" in said
    assert outputs(tmp_path) == []
