"""The summary of a run: few keys, of the files they are from, on a line that fits a terminal."""

import json

import pytest
from dvc.commands.metrics import DEFAULT_PRECISION
from dvc.compare import show_metrics
from ruamel.yaml import YAML

from tapeline.closure import ROOT
from tapeline.models.metrics import PromotionMetrics, gate_metrics
from tapeline.release.summary import SummaryMetrics, summarize

FILE = "metrics/summary.json"
METRICS = {
    "lstm": {"accuracy_all": 0.61234567, "accuracy_all_low": 0.60004, "accuracy_best_control": 0.58},
    "backtest": {"net_pnl": -12345.6, "net_pnl_low": -1234567.8, "max_drawdown_inside": 0.12344},
    "ftmo": {"pass_probability": 0.25},
}


def test_it_is_what_the_files_say_rounded():
    """Shares to four digits, money to whole units; what is undefined stays so."""
    assert summarize("lstm", METRICS, 3).plain() == {
        "accuracy": 0.6123, "accuracy_low": 0.6, "control": 0.58, "pnl": -12346, "pnl_low": -1234568,
        "drawdown": 0.1234, "pass_probability": 0.25, "failed": 3,
    }  # fmt: skip
    nothing = {file: dict.fromkeys(keys) for file, keys in METRICS.items()}
    assert summarize("lstm", nothing, 0).plain() == dict.fromkeys(SummaryMetrics.names()) | {"failed": 0}


def test_it_has_few_keys_and_none_that_tables_of_runs_read_from_another_file():
    """Eight at most; DVC puts the file before names that two files have, which breaks tables made of them."""
    assert len(SummaryMetrics.names()) <= 8
    others = {key for keys in gate_metrics().values() for key in keys} | set(PromotionMetrics.names())
    assert others & set(SummaryMetrics.names()) == {"pass_probability"}


def test_dvc_shows_it_in_120_columns(capsys):
    """As the widest figures that a run can have; it is the first of the declared metrics."""
    declared = YAML(typ="safe").load((ROOT / "dvc.yaml").read_text())
    assert declared["metrics"][0] == FILE
    assert {FILE: {"cache": False}} in declared["stages"]["promote"]["outs"]
    figures = json.loads(json.dumps(summarize("lstm", METRICS, 12).plain()))
    shown = {"": {"data": {FILE: {"data": figures}}}}
    show_metrics(shown, precision=DEFAULT_PRECISION, round_digits=True)  # as `dvc metrics show` calls it
    heading, line = capsys.readouterr().out.splitlines()
    assert set(heading.split()) == {"Path", *SummaryMetrics.names()}
    assert max(len(heading), len(line)) <= 120


@pytest.mark.parametrize("key", SummaryMetrics.names())
def test_a_key_that_is_left_out_is_an_error(key):
    """Whatever a run has."""
    figures = summarize("lstm", METRICS, 0).plain()
    del figures[key]
    with pytest.raises(ValueError, match=key):
        SummaryMetrics(**figures)
