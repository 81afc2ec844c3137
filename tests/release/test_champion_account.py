"""A release holds money: on the same days neither the low end of net PnL nor the drawdown may be worse."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from ruamel.yaml import YAML

import tapeline.release.champion_account as account
from tapeline.backtest.tiers import add_tiers
from tapeline.closure import ROOT
from tapeline.outputs import write_table
from tapeline.params import Params
from tapeline.promotion.contract import Tiers
from tapeline.promotion.gates import FAILED, NOT_JUDGED, PASSED
from tapeline.release.champion import ChampionRows
from tapeline.release.release_gates import judge_money
from tapeline.schema import PRICES
from tapeline.trading.candidate import trade_alone
from tapeline.trading.params import TradingParams
from tests.candles import random_candles

DAYS, WARM_UP, HORIZON = 6, 120, 15
N = DAYS * 1440 + WARM_UP


def params(source="simulated", **changes):
    """The shipped params with changes of `signals`, without costs."""
    values = YAML(typ="safe").load((ROOT / "params.yaml").read_text())
    values["data"]["source"], values["costs"]["multiple"] = source, 0.0
    values["signals"] |= changes
    return Params(values)


@pytest.fixture
def candles(tmp_path, monkeypatch):
    """One symbol's candles and validation in a folder."""
    monkeypatch.chdir(tmp_path)
    table = random_candles(N, seed=3)
    table[list(PRICES)] *= 500
    table["timestamp"] = pd.date_range("2026-01-12", periods=N, freq="min", tz="UTC", unit="us")
    table["timestamp"] -= pd.Timedelta(minutes=WARM_UP)
    write_table("data/candles/BTC-USD.parquet", table)
    validation = pd.DataFrame({"fold": 0, "prediction": np.linspace(0.5, 0.9, 500)})
    write_table("data/predictions/lstm_validation.parquet", validation)
    return table


def calls(candles, right, seed=0):
    """Probabilities of every minute of which a share is right."""
    close = candles["close"].to_numpy()
    future = np.roll(close, -HORIZON) > close
    is_right = np.random.default_rng(seed).random(N) < right
    return np.where(future == is_right, 0.85, 0.15)


def tiers(said):
    """As a contract has them."""
    return Tiers.model_validate({"trade_tiers": ()} | said, strict=False)


def champion_rows(candles, ours, theirs, contract=None, label="direction", days=DAYS, network="lstm"):
    """Both, of `network`, on all candles behind the warm-up."""
    rows = candles[["timestamp"]].assign(symbol="BTC-USD", fold=0, prediction=ours, champion=theirs)
    rows = rows.iloc[WARM_UP : WARM_UP + days * 1440].reset_index(drop=True)
    for name in ("lstm", "transformer"):
        rest = rows[["symbol", "timestamp", "fold"]].assign(prediction=0.5)
        write_table(f"data/predictions/{name}.parquet", rest)
    bundle = SimpleNamespace(
        model=SimpleNamespace(label=label, network=network),
        contract=SimpleNamespace(tiers=contract and tiers(contract)),
    )
    return ChampionRows(rows=rows, predictor=SimpleNamespace(bundle=bundle))


def statuses(found):
    """Of the two gates of money."""
    return [verdict.status for verdict in judge_money("lstm-direction", "v1.0.0", found)]


def test_less_money_does_not_replace_more(candles):
    """Six in ten right against seven: refused by what it may earn at least; the other way it passes."""
    worse, better = calls(candles, 0.6), calls(candles, 0.7, seed=1)
    found = account.trade_both(champion_rows(candles, worse, better), params())
    assert found.candidate.net_pnl < found.champion.net_pnl
    assert statuses(found)[0] == FAILED
    assert found.difference[2] < 0
    (money, drawdown) = judge_money("lstm-direction", "v1.0.0", found)
    assert "on 6 days net PnL" in money.reason
    assert "of v1.0.0" in drawdown.reason
    assert statuses(account.trade_both(champion_rows(candles, better, worse), params())) == [PASSED, PASSED]


def test_a_deeper_drawdown_does_not_replace_a_shallower(candles):
    """More money at the end, and a day on which everything went wrong."""
    ours = calls(candles, 0.85)
    ours[WARM_UP + 3000 : WARM_UP + 3400] = 1 - calls(candles, 1.0)[WARM_UP + 3000 : WARM_UP + 3400]
    found = account.trade_both(champion_rows(candles, ours, calls(candles, 0.7, seed=2)), params())
    assert found.candidate.net_pnl > found.champion.net_pnl
    assert found.candidate.max_drawdown > found.champion.max_drawdown
    assert statuses(found)[1] == FAILED


def test_the_same_predictions_are_not_worse(candles):
    """Equal to the cent, so both gates let it pass."""
    same = calls(candles, 0.65)
    found = account.trade_both(champion_rows(candles, same, same), params())
    assert found.candidate.net_pnl == found.champion.net_pnl
    assert statuses(found) == [PASSED, PASSED]


def test_the_candidates_account_is_the_one_that_evaluate_reports(candles):
    """Where all its own test comes after the champion's training."""
    ours = calls(candles, 0.65)
    made = champion_rows(candles, ours, calls(candles, 0.6))
    found, trading = account.trade_both(made, params()).candidate, TradingParams.read(params())
    own = add_tiers(made.rows, trading.signals, pd.DataFrame())
    trend = made.rows.assign(prediction=0.5)
    figures, _, detail = trade_alone(own, trend, trading)
    assert (found.net_pnl, found.net_pnl_low) == (figures["net_pnl"], figures["net_pnl_low"])
    assert found.daily.tolist() == list(detail["daily_net_pnl"].values())


def test_tiers_by_share_are_each_bundles_own(candles):
    """The champion trades by its own thresholds, and not at all by tiers that are not in force."""
    ours, theirs = calls(candles, 0.65), calls(candles, 0.6)
    by_share = params(source="files", trade_tiers=["A", "B", "C"])
    low, high = ({"A": [a, 1.0], "B": [a - 0.1, a], "C": [a - 0.2, a - 0.1]} for a in (0.8, 0.99))
    found = account.trade_both(
        champion_rows(candles, ours, theirs, {"tier_by": "share", "tiers": low}), by_share
    )
    assert min(found.candidate.trades, found.champion.trades) > 0
    out_of_reach = {"tier_by": "share", "tiers": {**high, "C": [0.9, 0.95], "B": [0.95, 0.99]}}
    assert (
        "does not trade"
        in account.trade_both(champion_rows(candles, ours, theirs, out_of_reach), by_share).why
    )
    other = account.trade_both(
        champion_rows(candles, ours, theirs, {"tier_by": "confidence", "tiers": low}), by_share
    )
    assert "not by the same shares" in other.why
    assert statuses(other) == [NOT_JUDGED] * 2


def test_shares_are_of_the_validation_of_the_network_itself(candles):
    """Another direction network, less sure than the LSTM, trades the surest of its own calls."""
    ours, theirs = (0.5 + (calls(candles, right) - 0.5) / 3.5 for right in (0.65, 0.6))  # 0.4 and 0.6
    sure = pd.DataFrame({"fold": 0, "prediction": np.linspace(0.7, 0.9, 500)})
    write_table("data/predictions/lstm_validation.parquet", sure)
    own = pd.DataFrame({"fold": 0, "prediction": np.linspace(0.5, 0.6, 500)})
    write_table("data/predictions/gru_validation.parquet", own)
    contract = {"tier_by": "share", "tiers": {"A": [0.55, 1.0], "B": [0.53, 0.55], "C": [0.51, 0.53]}}
    made = champion_rows(candles, ours, theirs, contract, network="gru")
    found = account.trade_both(made, params(source="files"))
    assert min(found.candidate.trades, found.champion.trades) > 0


def test_what_cannot_be_compared_says_why(candles):
    """Few days, strengths that trade nothing, a champion that is not there: no gate blocks."""
    ours, theirs = calls(candles, 0.65), calls(candles, 0.6)
    few = account.trade_both(champion_rows(candles, ours, theirs, days=4), params())
    assert few.why == "4 days after its training are too few for accounts"
    strength = champion_rows(candles, ours, theirs, label="trend_strength")
    assert "minimum_trend is 0" in account.trade_both(strength, params()).why
    assert (
        account.trade_both(ChampionRows("nothing is in production"), params()).why
        == "nothing is in production"
    )
    for found in (few, account.trade_both(ChampionRows("nothing is in production"), params())):
        assert statuses(found) == [NOT_JUDGED] * 2


def test_strengths_are_traded_where_they_filter(candles):
    """The Transformer's champion under the candidate's directions: what it keeps out costs or spares."""
    strong, weak = np.full(N, 0.9), np.full(N, 0.1)
    made = champion_rows(candles, strong, weak, label="trend_strength")
    write_table(
        "data/predictions/lstm.parquet",
        made.rows[["symbol", "timestamp", "fold"]].assign(
            prediction=calls(candles, 0.6)[WARM_UP : WARM_UP + len(made.rows)]
        ),
    )
    filtered = params(minimum_trend=0.5)
    assert account.trade_both(made, filtered).why == "it does not trade on these days"
    made = champion_rows(candles, weak, strong, label="trend_strength")
    write_table(
        "data/predictions/lstm.parquet",
        made.rows[["symbol", "timestamp", "fold"]].assign(
            prediction=calls(candles, 0.8)[WARM_UP : WARM_UP + len(made.rows)]
        ),
    )
    found = account.trade_both(made, filtered)
    assert (found.candidate.trades, found.candidate.net_pnl) == (0, 0.0)
    assert statuses(found)[0] == FAILED


def test_what_counts_is_the_low_end_of_the_same_days():
    """More money that chance alone could have made is not better than less that is sure."""
    days = pd.Series(np.zeros(6))
    ours, theirs = (
        account.AccountFigures(9, 500.0, 100.0, 0.02, days),
        account.AccountFigures(9, 400.0, 200.0, 0.03, days),
    )
    found = account.Accounts("", ours, theirs, (100.0, -900.0, 1100.0))
    money, drawdown = judge_money("lstm-direction", "v1.0.0", found)
    assert (money.status, money.value, drawdown.status) == (FAILED, -100.0, PASSED)
    assert "paired by day 100 [-900, 1100]" in money.reason
