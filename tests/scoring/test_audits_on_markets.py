"""On clean candles no audit raises an alarm, whatever the seed: a sample here, all of it by `make torture`.

Real candles of every market that is at hand, as ingest makes them, and the project's own features.
"""

from functools import lru_cache

import numpy as np
import pandas as pd
import pytest

from tapeline.closure import ROOT
from tapeline.features.catalog import FEATURES
from tapeline.market.cleaning import clean
from tapeline.market.data_params import DataParams
from tapeline.market.files import read_symbol
from tapeline.params import Params
from tapeline.quality.label_reach import audit_label_reach
from tapeline.quality.ledger import History
from tapeline.quality.params import QualityParams
from tapeline.quality.report import judge_leaks
from tapeline.schema import LABELS
from tapeline.scoring.audits import Audited, audit_symbol

MARKET = ROOT.parent / "shared/market"
PARAMS = Params.read(ROOT / "params.yaml")
QUALITY = PARAMS.section("quality", QualityParams)
AUDITED = Audited(list(FEATURES.values()), horizon=15, max_fill=PARAMS.section("data", DataParams).max_fill)
REACH = max(feature.lookback for feature in AUDITED.features)
SYMBOLS = {
    "BINANCE": ("BTC-USDT", "DOGE-USDT", "ETH-USDT", "SOL-USDT"),
    "BINANCE-USDM": ("BTC-USDT", "ETH-USDT", "LTC-USDT", "SOL-USDT", "XRP-USDT"),
    "BITFINEX": ("BTC-USD", "ETH-USD", "LTC-USD", "XRP-USD"),
}
EVERY = [(exchange, symbol) for exchange, symbols in SYMBOLS.items() for symbol in symbols]

pytestmark = pytest.mark.skipif(not MARKET.is_dir(), reason="no market data beside the checkout")


@lru_cache(maxsize=5)
def candles_of(exchange, symbol):
    """Canonical candles of a whole file."""
    shipped = PARAMS.section("data", DataParams)
    changes = {"source": "files", "path": str(MARKET / exchange), "symbols": (symbol,)}
    data = shipped.model_copy(update=changes)
    return clean(read_symbol(data, symbol), data).candles


def days_of(exchange, symbol, n_days, seed):
    """Some days of `symbol` behind a leader, both drawn: itself, a thin one, one that starts late."""
    rng = np.random.default_rng(seed)
    leader = str(rng.choice(SYMBOLS[exchange]))
    own, leading = candles_of(exchange, symbol), candles_of(exchange, leader)
    times = own["timestamp"]
    days = int((times.iloc[-1] - times.iloc[0]).days) - n_days
    start = times.iloc[0].floor("D") + pd.Timedelta(days=int(rng.integers(1, days)))
    end, late = start + pd.Timedelta(days=n_days), pd.Timedelta(minutes=int(rng.integers(-4000, 4000)))
    parts = [own[(times >= start) & (times < end)]]
    parts.append(leading[(leading["timestamp"] >= start + late) & (leading["timestamp"] < end + late)])
    own, leading = (part.reset_index(drop=True) for part in parts)
    return History(symbol, own, own if leader == symbol else leading)


def require_no_alarm(history, seed, n_cuts=QUALITY.leak_cuts):
    """Run the five audits on one symbol."""
    quality = QUALITY.model_copy(update={"seed": seed, "leak_cuts": n_cuts})
    table = AUDITED.build(history.candles, history.leader)
    judge_leaks(audit_symbol(AUDITED, history, table, quality))


def require_no_alarm_of_labels(exchange, symbol, seed, n_cuts=QUALITY.leak_cuts):
    """Run label reach on a whole file."""
    candles = candles_of(exchange, symbol)
    quality = QUALITY.model_copy(update={"seed": seed, "leak_cuts": n_cuts})
    history = History(symbol, candles, candles)
    judge_leaks([audit_label_reach(AUDITED.build_labels, history, LABELS, REACH, 15, quality)])


@pytest.mark.parametrize("seed", [0, 1])
def test_a_thin_market_raises_no_alarm(seed):
    """Two minutes in five without a trade, behind a leader that is silent as often."""
    require_no_alarm(days_of("BITFINEX", "LTC-USD", 4, seed), seed, n_cuts=8)


def test_labels_of_a_thin_market_raise_no_alarm():
    """A year in which prices often stand still before one move."""
    require_no_alarm_of_labels("BITFINEX", "LTC-USD", seed=3, n_cuts=16)


@pytest.mark.torture
@pytest.mark.parametrize(("exchange", "symbol"), EVERY)
@pytest.mark.parametrize("first", range(0, 100, 10))
def test_labels_of_every_market_raise_no_alarm(exchange, symbol, first):
    """Whole files, at a hundred seeds."""
    for seed in range(first, first + 10):
        require_no_alarm_of_labels(exchange, symbol, seed)


@pytest.mark.torture
@pytest.mark.parametrize(("exchange", "symbol"), EVERY)
@pytest.mark.parametrize("seed", range(100))
def test_every_market_raises_no_alarm(exchange, symbol, seed):
    """A week of each, behind any leader, at a hundred seeds."""
    require_no_alarm(days_of(exchange, symbol, 7, seed), seed)
