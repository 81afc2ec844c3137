"""The candidate's own account: which figures are declared, and what of a test without a prediction."""

import pandas as pd

from tapeline.evaluation.account_metrics import BacktestMetrics, FtmoMetrics
from tapeline.trading import candidate
from tapeline.trading.candidate import candidate_figures, trade_alone
from tests.trading.shipped import read

NO_ROWS = pd.DataFrame(columns=["symbol", "timestamp", "prediction", "tier"])


def test_without_a_prediction_there_is_no_account_and_that_is_said():
    """No trade, every other figure undefined; no file of candles is read."""
    figures, verdict, detail = trade_alone(NO_ROWS, NO_ROWS, read())
    assert {name: value for name, value in figures.items() if value is not None} == {"trades": 0}
    assert set(verdict.values()) == {None}
    assert detail["reason"] == "no candle was predicted"
    assert (detail["from"], detail["until"], detail["daily_net_pnl"], detail["ftmo"]) == (None, None, {}, {})
    assert detail["account"] == figures


def test_declared_figures_stand_beside_those_of_the_pool_by_another_name():
    """Every `candidate_` key of both files and no other; of no predictions, too."""
    declared, _ = candidate_figures(NO_ROWS, NO_ROWS, read())
    for file, metrics in (("backtest", BacktestMetrics), ("ftmo", FtmoMetrics)):
        names = [name for name in metrics.names() if name.startswith("candidate_")]
        assert list(declared[file]) == names
    assert declared["backtest"]["candidate_trades"] == 0


def test_each_declared_figure_is_that_of_its_name_in_its_own_file(monkeypatch):
    """The account's in one, the verdict's in the other; the rest stays in the detail."""
    account = {"trades": 3, "net_pnl": -2.5, "net_pnl_low": -9.0, "max_drawdown_inside": 0.125, "days": 4}
    verdict = {"first_phase_passed": 0, "breached": 1, "program_passed": 0}
    monkeypatch.setattr(candidate, "trade_alone", lambda *arguments: (account, verdict, {"from": "then"}))
    declared, detail = candidate_figures(NO_ROWS, NO_ROWS, read())
    assert declared == {
        "backtest": {
            "candidate_trades": 3, "candidate_net_pnl": -2.5, "candidate_net_pnl_low": -9.0,
            "candidate_max_drawdown_inside": 0.125,
        },
        "ftmo": {"candidate_first_phase_passed": 0, "candidate_breached": 1},
    }  # fmt: skip
    assert detail == {"from": "then"}
