"""What the networks of the run here were chosen on: its own splits, candles and searches on record."""

import json

import pandas as pd
import pytest

from tapeline.models.lstm import LSTM
from tapeline.models.selected import late_trials, market_name, selection_of
from tapeline.models.table import MODELS
from tapeline.models.transformer import TRANSFORMER
from tapeline.outputs import write_json
from tests.promotion.test_selection import FIRST, OWN, record

ORIGIN = {
    "name": "BINANCE", "source": "files", "interval": "1m", "max_fill": 15, "symbols": {}, "description": "",
}  # fmt: skip
DRAWN = {"name": "simulated", "source": "simulated", "simulation": {"seed": 7, "signal": 0.3, "days": 9}}


@pytest.fixture
def leave(tmp_path, monkeypatch):
    """Write splits, origin and records of searches."""
    monkeypatch.chdir(tmp_path)
    spans = [
        {"start": start.isoformat(), "end": (start + pd.Timedelta(days=6)).isoformat()}
        for start in (FIRST, OWN)
    ]
    write_json("data/splits.json", {"folds": [{"train": s, "validation": s, "test": s} for s in spans]})
    write_json("data/candles/origin.json", ORIGIN)
    (tmp_path / "tuning").mkdir()

    def leave(*records):
        for each in records:
            (tmp_path / "tuning" / each.name).write_text(json.dumps(each.plain()))

    return leave


def test_the_run_s_own_tests_and_market_decide(leave):
    """The first fold's test, and the last's for the candidate, whatever the record says of its time."""
    leave(record(FIRST, "a"), record(FIRST - pd.Timedelta(days=9), "b", trials=2))
    found = selection_of(LSTM, is_refit=False)
    assert (found.judged_on, found.early, found.late) == ("candidate", 2, 3)
    assert selection_of(LSTM, is_refit=True).judged_on == "nothing"
    assert selection_of(TRANSFORMER, is_refit=False).records == ()


def test_an_ensemble_was_chosen_by_the_searches_of_the_network_in_it(leave):
    """What was tuned on a test is no better for being averaged; a baseline has no search."""
    leave(record(FIRST, "a"))
    found = {model.name: selection_of(model, is_refit=False).late for model in MODELS}
    assert found == {
        "lstm": 3, "ensemble_direction": 3, "transformer": 0, "baseline_direction": 0, "baseline_trend": 0,
    }  # fmt: skip


def test_trials_of_all_networks_that_saw_a_test_are_counted(leave):
    """Those of a search that ended before it are not."""
    assert late_trials() == 0
    leave(record(FIRST - pd.Timedelta(days=1), "a", trials=20))
    assert late_trials() == 0
    leave(record(FIRST, "b"), record(OWN, "c", network="transformer", trials=4))
    assert late_trials() == 3 + 4


def test_without_a_search_no_file_of_the_run_is_needed(tmp_path, monkeypatch):
    """A page about a run that left no splits file can still be written."""
    monkeypatch.chdir(tmp_path)
    assert selection_of(LSTM, is_refit=False).statement == "no search is on record"
    assert late_trials() == 0


def test_markets_are_named_by_venue_or_by_what_they_were_drawn_by():
    """A longer simulation of the same seed is the same market."""
    assert market_name(ORIGIN) == "BINANCE"
    assert market_name(DRAWN) == "simulated, trend, seed 7, signal 0.3"
    memory = DRAWN | {"simulation": DRAWN["simulation"] | {"market": "memory"}}
    assert market_name(memory) == "simulated, memory, seed 7, signal 0.3"
    longer = DRAWN | {"simulation": DRAWN["simulation"] | {"days": 20}}
    assert market_name(longer) == market_name(DRAWN)
    assert market_name(None) == "unknown"
