"""What the shipped limits say of real candles; skipped where they are not at hand."""

import pytest

from tapeline.closure import ROOT
from tapeline.market.cleaning import clean
from tapeline.market.data_params import DataParams
from tapeline.market.files import read_symbol
from tapeline.params import Params
from tapeline.quality.expectations import validate_candles
from tapeline.quality.params import QualityParams
from tapeline.quality.report import judge

MARKET = ROOT.parent / "shared/market"
PARAMS = Params.read(ROOT / "params.yaml")


@pytest.mark.skipif(not MARKET.is_dir(), reason="no market data beside the checkout")
@pytest.mark.parametrize(
    ("exchange", "symbol", "rules"),
    [
        ("BINANCE-USDM", "BTC-USDT", set()),
        ("BINANCE", "SOL-USDT", {"quiet", "stale_close"}),  # a halt of 72 minutes, written as candles
        ("BITFINEX", "LTC-USD", {"filled_share"}),  # a fifth of its minutes had no trade
        ("BITFINEX", "XRP-USD", {"outsized_move"}),  # 2018-04-25 10:30, minus 39 % in a minute
    ],
)
def test_sound_candles_warn_and_pass(exchange, symbol, rules):
    """What is the market's own nature is told, and ends no run."""
    shipped = PARAMS.section("data", DataParams)
    data = shipped.model_copy(
        update={"source": "files", "path": str(MARKET / exchange), "symbols": (symbol,)}
    )
    candles = clean(read_symbol(data, symbol), data).candles
    findings = validate_candles(candles, symbol, "1m", PARAMS.section("quality", QualityParams))
    judge(findings)
    assert {finding.rule for finding in findings if not finding.success} == rules
