"""The single trades of the run in this folder, made again from its candles and predictions."""

import pandas as pd

from tapeline.models.table import TRADED
from tapeline.params import Params
from tapeline.scoring.models import Scoring
from tapeline.splits.candidate import read_candidate
from tapeline.splits.folds import read_folds
from tapeline.trading.accounts import align_inputs
from tapeline.trading.params import TradingParams
from tapeline.trading.refereed import trades_table


def run_trades() -> pd.DataFrame:
    """Trades on all tests on one account, in order of entry; FileNotFoundError names what is missing.

    symbol, side (1 or -1), quantity (units), entry_price, exit_price, money in account currency, reason, and
    decision_time, entry_time, exit_time, open times of candles
    """
    params = Params.read()
    trading, folds = TradingParams.read(params), read_folds("data/splits.json")
    scoring = Scoring.of_run(params, folds, read_candidate(params), trading.signals, trading.evaluation)
    direction, trend = (scoring.read(model) for model in TRADED)
    inputs = align_inputs(direction.test, trend.test, trading)
    table = trades_table(inputs.trade(trading).trades, inputs.market)
    return table.sort_values(["entry_time", "symbol"], kind="stable", ignore_index=True)
