"""Market, run and verdict above the cards."""

import subprocess

import pandas as pd
import pytest

from tapeline.outputs import write_json
from tapeline.promotion.contract import Origin
from tapeline.promotion.gates import Verdict
from tapeline.promotion.release_record import RunRecord
from tapeline.reports.run_head import count_gates, identify, market_words
from tapeline.reports.wording import Wording

WORDING = Wording("USD")
EQUITY = pd.DataFrame({"timestamp": pd.date_range("2024-04-12", periods=30, freq="h", tz="UTC")})
FEW = "18 traded days do not block before 60"
SPAN = {"first": "2024-01-01T00:00:00Z", "last": "2024-04-29T23:59:00Z"}
RUN = RunRecord(
    bundles={
        "lstm-direction": {"bundle_id": "b1", "fingerprints": {"data": "d1"}, "span": {}, "refit": False}
    },
    gates=(),
)


def origin(**changes):
    """An origin of two symbols."""
    symbols = {name: {"market": "BINANCE", "files": 1, **SPAN} for name in ("BTC-USDT", "ETH-USDT")}
    return Origin(**{"name": "BINANCE", "source": "files", "interval": "1m", "symbols": symbols} | changes)


def gate(gate, status, reason="", artifact="lstm-direction", value=0.5):
    """A verdict."""
    return Verdict(artifact, gate, value, ">= 0.68", None, status, reason)


def test_a_market_is_told_with_its_span_and_its_test_days():
    """The exchange, or that it is simulated; both spans as days with their dates."""
    words = market_words(origin(), EQUITY)
    assert words["name"] == "BINANCE"
    assert words["symbols"] == "BTC-USDT, ETH-USDT"
    assert words["span"] == "1-minute candles, 120 days, 2024-01-01 to 2024-04-29"
    assert words["tested"] == "2 days, 2024-04-12 to 2024-04-13"
    assert market_words(origin(source="simulated", name="simulated"), EQUITY)["name"] == "Simulated market"
    assert market_words(None, EQUITY.iloc[:1]) == {
        "name": "Market not known: the run is an older one's",
        "tested": "1 day, 2024-04-12",
    }


def test_gates_are_counted_with_the_reasons_of_those_without_a_verdict():
    """The traded model's failures first; the same reason once, with how often."""
    gates = [
        gate("lstm.accuracy_all", "passed"),
        gate("transformer.mae", "failed", artifact="transformer-trend"),
        gate("lstm.accuracy_all", "failed"),
        gate("lstm.ece", "not_judged", "not defined on these candles, which is allowed", value=None),
        gate("lstm.brier", "not_judged", "not defined on these candles, which is allowed", value=None),
        gate("ftmo.pass_probability_gain", "insufficient_data", f"0.08 is >= 0; {FEW}"),
    ]  # fmt: skip
    counted = count_gates(gates, "lstm-direction", WORDING)
    assert (counted.passed, counted.failed, counted.unjudged) == (1, 2, 3)
    assert [failure[0] for failure in counted.failures] == ["LSTM", "Transformer"]
    assert counted.failures[0][1:] == ("accuracy", "50 %", "≥ 68 %")
    assert counted.why == [("not defined on these candles, which is allowed", 2), (FEW, 1)]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a run's record."""
    monkeypatch.chdir(tmp_path)
    write_json("metrics/detail/promotion.json", {})
    return tmp_path


def _git(folder, *command):
    subprocess.run(["git", *command], cwd=folder, check=True, capture_output=True)


def test_a_run_is_told_by_its_commit_and_whether_that_holds_its_figures(folder):
    """Outside a repository by its time alone; changed figures are said to be of no commit."""
    outside = identify(RUN, "lstm-direction")
    assert (outside.commit, outside.is_committed, outside.version) == (None, False, "not promoted")
    _git(folder, "init", "-q")
    assert identify(RUN, "lstm-direction").commit is None  # no commit yet
    _git(folder, "add", ".")
    author = ("-c", "user.name=a", "-c", "user.email=a@b")
    _git(folder, *author, "commit", "-q", "-m", "run", "--date", "2024-05-01T12:00:00Z")
    inside = identify(RUN, "lstm-direction")
    assert inside.commit
    assert inside.is_committed
    assert inside.champion is None
    write_json("metrics/ftmo.json", {"passed": 1})
    assert not identify(RUN, "lstm-direction").is_committed
