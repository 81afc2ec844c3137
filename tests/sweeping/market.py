"""A market of two symbols with predictions of two folds, and a sweep on it, without the pipeline."""

import numpy as np
import pandas as pd

from tapeline.backtest.portfolio import align_candles
from tapeline.backtest.tiers import add_tiers
from tapeline.models.swept import SweepParams
from tapeline.params import Params
from tapeline.schema import PRICES
from tapeline.sweeping.accounts import SweptMarket
from tapeline.sweeping.calls import sort_calls
from tapeline.sweeping.plan import plan_sweep
from tapeline.tiers import NO_TIER
from tapeline.trading.accounts import TradingInputs
from tests.candles import random_candles
from tests.trading.shipped import SECTIONS, SHIPPED

WARM_UP = 120
QUICK = {"ftmo": {"odds_paths": 200, "odds_days": 20}}


def params_of(**sections):
    """The shipped sections that trading reads, some keys of them set; few paths, so that tests are quick."""
    return Params({name: SHIPPED[name] | QUICK.get(name, {}) | sections.get(name, {}) for name in SECTIONS})


def make_sweep(params, ranges, **changes):
    """The plan of a sweep over `ranges`."""
    section = {"mode": "grid", "draws": 20, "seed": 3, "workers": 1, "ranges": ranges} | changes
    return plan_sweep(params, SweepParams(**section))


def tables_of(days, seed):
    """Candles of two symbols; the second is listed later and has holes."""
    tables = {}
    for k, symbol in enumerate(("BTC-USD", "ETH-USD")):
        table = random_candles(days * 1440 + WARM_UP, seed=seed + k)
        table[list(PRICES)] *= 500
        table["timestamp"] = pd.date_range("2026-01-12", periods=len(table), freq="min", tz="UTC", unit="us")
        tables[symbol] = table
    rng = np.random.default_rng(seed)
    kept = np.sort(rng.choice(len(table), len(table) - 50, replace=False))
    tables["ETH-USD"] = tables["ETH-USD"].iloc[kept[300:]].reset_index(drop=True)
    return tables


class Market:
    """Candles, predictions with and without a tier, and what each fold's model says of its validation."""

    def __init__(self, days=4, seed=0):
        self.tables, rng = tables_of(days, seed), np.random.default_rng(seed)
        self.first = self.tables["BTC-USD"]["timestamp"][WARM_UP]
        shape = self._aligned(60, 60).sigma.shape
        self.probability = rng.uniform(0.2, 0.8, shape).round(3)  # so that some are equally confident
        self.probability[rng.random(shape) < 0.2] = np.nan
        self.probability[rng.random(shape) < 0.001] = 1.0
        self.strength = rng.uniform(0, 1, shape)
        self.fold = np.where(
            np.isnan(self.probability), np.nan, (np.arange(shape[0]) > shape[0] / 2)[:, None]
        )
        self.validation = {k: rng.uniform(0.2, 0.8, 300).round(2) for k in (0, 1)}

    def _aligned(self, volatility, atr):
        return align_candles(self.tables, self.first, 1, volatility, atr)

    def read(self, params):
        """Candles and predictions."""
        market = self._aligned(params.execution.volatility_candles, params.signals.atr_candles)
        return TradingInputs(market, self.probability, self.strength)

    def plainly(self, params):
        """The same with the tier of each prediction, as the stage evaluate has it."""
        inputs = self.read(params)
        bar, symbol = np.nonzero(~np.isnan(self.probability))
        rows = pd.DataFrame({"fold": self.fold[bar, symbol], "prediction": self.probability[bar, symbol]})
        validation = pd.concat(
            [pd.DataFrame({"fold": k, "prediction": values}) for k, values in self.validation.items()]
        )
        tier = np.full(self.probability.shape, NO_TIER, np.int8)
        tier[bar, symbol] = add_tiers(rows, params.signals, validation)["tier"]
        return TradingInputs(inputs.market, self.probability, self.strength, tier)

    @property
    def swept(self):
        """As a sweep takes it."""
        base = self.read(make_params())
        return SweptMarket(sort_calls(base, self.fold, self.validation), self.read)


def make_params(**sections):
    """Params of trading, read."""
    return make_sweep(params_of(**sections), {"signals": {"stop": [2.0, 3.0]}}).present
