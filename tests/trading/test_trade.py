"""Everything that trading comes to: which rows are whose, and under which name it is written."""

import numpy as np
import pandas as pd
import pytest
from ruamel.yaml import YAML

from tapeline.backtest.tiers import add_tiers
from tapeline.closure import ROOT
from tapeline.outputs import write_table
from tapeline.params import Params
from tapeline.schema import PRICES, TIMESTAMP_TYPE
from tapeline.splits.candidate import Candidate
from tapeline.trading.candidate import trade_alone
from tapeline.trading.params import TradingParams
from tapeline.trading.trade import trade
from tests.candles import random_candles

N, WARM_UP, SYMBOLS = 2400, 300, ("BTC-USD", "ETH-USD")
QUICK = {
    "ftmo": {"odds_paths": 100, "odds_days": 5, "control_runs": 3},
    "evaluation": {"resamples": 100, "block": 60},
}


@pytest.fixture
def inputs(tmp_path, monkeypatch):
    """Predictions of two folds by coins, candles on disk: direction, strength, validation, params."""
    monkeypatch.chdir(tmp_path)
    values = YAML(typ="safe").load((ROOT / "params.yaml").read_text())
    params = TradingParams.read(Params(values | {name: values[name] | more for name, more in QUICK.items()}))
    rng, parts = np.random.default_rng(5), []
    for k, symbol in enumerate(SYMBOLS):
        candles = random_candles(N, seed=k)
        candles[list(PRICES)] *= 500
        candles["timestamp"] = pd.date_range("2026-01-12", periods=N, freq="min", tz="UTC", unit="us")
        write_table(f"data/candles/{symbol}.parquet", candles)
        bars = np.arange(WARM_UP, N)
        parts.append(
            pd.DataFrame({"symbol": symbol, "timestamp": candles["timestamp"][bars], "fold": bars // 1350})
        )
    rows = pd.concat(parts, ignore_index=True).astype({"symbol": "category", "timestamp": TIMESTAMP_TYPE})
    direction = rows.assign(prediction=rng.uniform(0.1, 0.9, len(rows)))
    validation = pd.DataFrame({"fold": np.repeat([0, 1], 500), "prediction": rng.uniform(0.1, 0.9, 1000)})
    return add_tiers(direction, params.signals, validation), rows.assign(prediction=0.9), validation, params


def test_the_candidate_has_the_last_folds_account_and_the_pool_all_of_them(inputs):
    """Its figures are those of an account that never knew the others; both stand in one file."""
    direction, trend, validation, params = inputs
    traded = trade(direction, trend, validation, Candidate(2, is_refit=False), params)
    last = (rows[rows["fold"] == 1].reset_index(drop=True) for rows in (direction, trend))
    account, verdict, detail = trade_alone(*last, params)
    backtest = traded.metrics["backtest"].plain()
    for name in ("trades", "net_pnl", "net_pnl_low", "max_drawdown_inside"):
        assert backtest[f"candidate_{name}"] == account[name]
    assert traded.metrics["ftmo"].candidate_breached == verdict["breached"]
    assert 0 < account["trades"] < backtest["trades"]
    own = traded.details["backtest"]["candidate"]
    assert (own["model"], own["figures_of"]) == ("fold_1", "fold_1")
    assert own["from"] == detail["from"] == str(direction.loc[direction["fold"] == 1, "timestamp"].min())


def test_a_later_fold_decides_nothing_of_an_earlier_ones_calls(inputs):
    """The table of edges takes how confident a call is from its own fold's validation."""
    direction, trend, validation, params = inputs
    candidate = Candidate(2, is_refit=False)
    first = trade(direction, trend, validation, candidate, params).details["edge"]
    other = validation.assign(prediction=validation["prediction"].where(validation["fold"] == 0, 0.5))
    alike = direction["fold"] == 0
    early = direction[alike].reset_index(drop=True), trend[alike].reset_index(drop=True)
    assert (
        trade(*early, validation, candidate, params).details["edge"]
        == (trade(*early, other, candidate, params).details["edge"])
    )
    assert trade(direction, trend, other, candidate, params).details["edge"] != first


def test_every_plot_has_its_table(inputs):
    """By the names that dvc.yaml draws them under."""
    direction, trend, validation, params = inputs
    traded = trade(direction, trend, validation, Candidate(2, is_refit=False), params)
    assert set(traded.plots) == {"equity", "odds", "daily_pnl", "latency", "cost_stress"}
    assert set(traded.metrics) == {"backtest", "ftmo"}
    assert set(traded.details) == {"backtest", "edge"}


def test_an_account_without_a_predicted_candle_has_no_figures(inputs):
    """Null but for the count of trades, with the reason."""
    direction, trend, _, params = inputs
    account, verdict, detail = trade_alone(direction[:0], trend[:0], params)
    assert account["trades"] == 0
    assert {account["net_pnl"], account["net_pnl_low"], *verdict.values()} == {None}
    assert detail["reason"] == "no candle was predicted"
