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

from tests.closure import ROOT

PARAMS = """
data: {source: simulated, path: none, layout: auto, symbols: [A, B], interval: 1m, max_fill: 15,
  max_filled_share: 0.2, max_rejected_share: 0.01}
simulation: {signal: 0.34, seed: 1, days: DAYS, start: "2024-01-01", regime_minutes: 240, volatility_bps: 7.0,
  volatility_spread: 0.3, correlation: 0.7, gaps_per_day: 2.0}
labels: {horizon: 15}
"""


def start(folder, days=2, limit=None):
    """Start the stage in `folder`; files may grow to `limit` bytes."""
    (folder / "params.yaml").write_text(PARAMS.replace("DAYS", str(days)))
    return subprocess.Popen(
        [sys.executable, "-m", "stages.ingest"],
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
        "data/candles/A.parquet",
        "data/candles/B.parquet",
        "data/candles/ceiling/A.parquet",
        "data/candles/ceiling/B.parquet",
        "metrics/data.json",
    ]
    card = json.loads((tmp_path / "metrics/data.json").read_text())["A"]
    candles = pd.read_parquet(tmp_path / "data/candles/A.parquet")
    assert card["rows"] + card["filled"] == len(candles)
    assert card["filled"] == candles["is_filled"].sum()


def test_a_disk_that_fills_leaves_nothing_half_written(tmp_path):
    """A write that fails half way ends in one line, and no file is left."""
    stage = start(tmp_path, limit=50_000)
    said = stage.communicate()[0]
    assert stage.returncode == 1
    assert "File too large" in said
    assert said.count("\n") == 1
    assert "Traceback" not in said
    assert outputs(tmp_path) == []


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
