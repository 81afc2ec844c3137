"""The account of the candidate beside that of the champion: the same days, costs and rules."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from tapeline.backtest.signals import SHARE
from tapeline.backtest.tiers import add_tiers
from tapeline.evaluation.performance import daily_pnl, interval_of_total
from tapeline.models.table import TRADED
from tapeline.params import Params
from tapeline.release.champion import Duel
from tapeline.schema import DIRECTION, ROW_KEYS
from tapeline.serving.predictor import Predictor
from tapeline.tiers import tier_numbers
from tapeline.trading.accounts import align_inputs
from tapeline.trading.figures import account_figures
from tapeline.trading.params import TradingParams

ENOUGH_DAYS = 5  # UTC days; an interval over fewer says nothing


@dataclass(frozen=True)
class Account:
    """What one came to: money in account currency, drawdown as a fraction at the worst inside candles."""

    trades: int
    net_pnl: float
    net_pnl_low: float | None
    max_drawdown: float
    daily: pd.Series


@dataclass(frozen=True)
class Accounts:
    """Both accounts over the same days, or `why` there are none.

    difference : the candidate's net PnL less the champion's, and the interval of it over paired days
    """

    why: str = ""
    candidate: Account | None = None
    champion: Account | None = None
    difference: tuple[float, float | None, float | None] = (np.nan, None, None)


def trade_both(duel: Duel, params: Params) -> Accounts:
    """Trade the predictions of both under the candidate's params, flat at the first common row.

    What the artifact does not predict, strength for the LSTM and direction for the Transformer, is the
    candidate's for both. Tiers by share are each bundle's own, those that it would trade by.
    """
    if duel.rows is None or duel.predictor is None:
        return Accounts(duel.why)
    trading = TradingParams.read(params)
    is_direction = duel.predictor.bundle.model.label == DIRECTION
    if not is_direction and not trading.signals.minimum_trend:
        return Accounts("its predictions trade nothing: signals.minimum_trend is 0")
    n_days = duel.rows["timestamp"].dt.floor("D").nunique()
    if n_days < ENOUGH_DAYS:
        return Accounts(f"{n_days} days after its training are too few for accounts")
    try:
        candidate, champion = (
            trade(*predictions(duel.rows, duel.predictor, name, trading, is_direction), trading)
            for name in ("prediction", "champion")
        )
    except NoTiersError as error:
        return Accounts(str(error))
    if not champion.trades:
        return Accounts("it does not trade on these days")
    if candidate.net_pnl_low is None or champion.net_pnl_low is None:
        return Accounts("all days of an account are alike, so its net PnL has no interval")
    apart = candidate.daily - champion.daily
    ends = interval_of_total(apart, trading.evaluation.level)
    return Accounts("", candidate, champion, (float(apart.sum()), *ends))


class NoTiersError(Exception):
    """The champion's bundle has no tiers that the candidate's params could trade."""


def predictions(
    rows: pd.DataFrame, predictor: Predictor, name: str, trading: TradingParams, is_direction: bool
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Directions with their tiers, and strengths, that the account `name` is traded on."""
    own = rows.assign(prediction=rows[name])[[*ROW_KEYS, "fold", "prediction"]]
    traded, allowing = TRADED
    other = allowing if is_direction else traded
    rest = pd.read_parquet(f"data/predictions/{other.name}.parquet").drop(columns="fold")
    rest = own[[*ROW_KEYS, "fold"]].merge(rest, on=ROW_KEYS, how="inner")
    direction, trend = (own, rest) if is_direction else (rest, own)
    signals = trading.signals
    if is_direction and name == "champion" and signals.tier_by == SHARE:
        of = predictor.bundle.contract.tiers
        if of is None or of.tier_by != SHARE or tuple(of.tiers) != signals.tier_names:
            raise NoTiersError("its tiers are not by the same shares, so it would trade others")
        tier = tier_numbers(direction["prediction"].to_numpy(), of.tiers)
        return direction.assign(tier=tier), trend
    network = predictor.bundle.model.network if is_direction else traded.name
    validation = pd.read_parquet(f"data/predictions/{network}_validation.parquet")
    return add_tiers(direction, signals, validation), trend


def trade(direction: pd.DataFrame, trend: pd.DataFrame, trading: TradingParams) -> Account:
    """Run one account; one without trades keeps its balance."""
    inputs = align_inputs(direction, trend, trading)
    result = inputs.trade(trading)
    figures = account_figures(result, inputs, trading)
    equity = pd.Series(result.bars["equity"], index=inputs.market.timestamp)
    daily = daily_pnl(equity, trading.signals.initial_balance)
    if not figures["trades"]:
        return Account(0, 0.0, 0.0, 0.0, daily)
    low, drawdown = figures["net_pnl_low"], figures["max_drawdown_inside"]
    return Account(figures["trades"], figures["net_pnl"], low, drawdown, daily)
