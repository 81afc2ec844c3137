"""The account of the candidate beside that of the champion: the same days, costs and rules."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from tapeline.backtest.signals import SHARE
from tapeline.backtest.tiers import add_tiers
from tapeline.evaluation.performance import daily_pnl, interval_of_total
from tapeline.models.table import TRADED
from tapeline.params import Params
from tapeline.release.champion import ChampionRows
from tapeline.schema import DIRECTION, ROW_KEYS
from tapeline.serving.predictor import Predictor
from tapeline.tiers import tier_numbers
from tapeline.trading.accounts import align_inputs
from tapeline.trading.figures import account_figures
from tapeline.trading.params import TradingParams

MIN_DAYS = 5  # UTC days; over fewer an interval is not reliable


@dataclass(frozen=True)
class AccountFigures:
    """Result of one account: money in account currency; drawdown a fraction, at the worst intrabar prices."""

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
    candidate: AccountFigures | None = None
    champion: AccountFigures | None = None
    difference: tuple[float, float | None, float | None] = (np.nan, None, None)


def trade_both(both: ChampionRows, params: Params) -> Accounts:
    """Trade the predictions of both under the candidate's params, flat at the first common row.

    The prediction that the artifact does not make (strength for the LSTM, direction for the Transformer) is
    the candidate's for both. Tiers by share are each bundle's own, as it would trade them.
    """
    if both.rows is None or both.predictor is None:
        return Accounts(both.why)
    trading = TradingParams.read(params)
    is_direction = both.predictor.bundle.model.label == DIRECTION
    if not is_direction and not trading.signals.minimum_trend:
        return Accounts("its predictions trade nothing: signals.minimum_trend is 0")
    n_days = both.rows["timestamp"].dt.floor("D").nunique()
    if n_days < MIN_DAYS:
        return Accounts(f"{n_days} days after its training are too few for accounts")
    try:
        candidate, champion = (
            trade(*predictions(both.rows, both.predictor, name, trading, is_direction), trading)
            for name in ("prediction", "champion")
        )
    except NoTiersError as error:
        return Accounts(str(error))
    if not champion.trades:
        return Accounts("it does not trade on these days")
    if candidate.net_pnl_low is None or champion.net_pnl_low is None:
        return Accounts("all days of an account are alike, so its net PnL has no interval")
    difference = candidate.daily - champion.daily
    ends = interval_of_total(difference, trading.evaluation.level)
    return Accounts("", candidate, champion, (float(difference.sum()), *ends))


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
        champion_tiers = predictor.bundle.contract.tiers
        if (
            champion_tiers is None
            or champion_tiers.tier_by != SHARE
            or tuple(champion_tiers.tiers) != signals.tier_names
        ):
            raise NoTiersError("its tiers are not by the same shares, so it would trade others")
        tier = tier_numbers(direction["prediction"].to_numpy(), champion_tiers.tiers)
        return direction.assign(tier=tier), trend
    network = predictor.bundle.model.network if is_direction else traded.name
    validation = pd.read_parquet(f"data/predictions/{network}_validation.parquet")
    return add_tiers(direction, signals, validation), trend


def trade(direction: pd.DataFrame, trend: pd.DataFrame, trading: TradingParams) -> AccountFigures:
    """Run the backtest of one account and return its figures; without trades they are 0."""
    inputs = align_inputs(direction, trend, trading)
    result = inputs.trade(trading)
    figures = account_figures(result, inputs, trading)
    equity = pd.Series(result.bars["equity"], index=inputs.market.timestamp)
    daily = daily_pnl(equity, trading.signals.initial_balance)
    if not figures["trades"]:
        return AccountFigures(0, 0.0, 0.0, 0.0, daily)
    low, drawdown = figures["net_pnl_low"], figures["max_drawdown_inside"]
    return AccountFigures(figures["trades"], figures["net_pnl"], low, drawdown, daily)
