"""The worked example of docs/extra.md: a second venue's candles, known a second after they close."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from ruamel.yaml import YAML

from tapeline.closure import ROOT
from tapeline.features.catalog import GROUPS
from tapeline.features.extra import extra_features
from tapeline.features.extra_files import read_extras
from tapeline.features.table import build_table
from tapeline.market.files import read_symbol
from tapeline.params import Params
from tapeline.schema import OHLCV
from tests.candles import random_candles
from tests.checks.test_candles import data_of

MARKET = ROOT.parent / "shared" / "market"
NAMES = ["extra_futures_close", "extra_futures_close_change"]


def example():
    """The table `futures` as the page has it."""
    text = (ROOT / "docs/extra.md").read_text()
    lines = text.split("## Another venue's candles")[1].split("```yaml\n")[1].split("```")[0]
    return YAML(typ="safe").load(lines)


def joined(own, venue, symbol, folder):
    """Its features of the candles `own`, from a file of the candles `venue`; one row a candle."""
    table = venue[["timestamp", *OHLCV]].assign(symbol=symbol)
    table.to_parquet(folder / "usdm.parquet")
    data = {"extra": example(), "extra_path": str(folder), "symbols": [symbol]}
    params = Params({"data": data, "features": {"groups": dict.fromkeys(GROUPS, True), "exclude": []}})
    features = extra_features(read_extras(params), symbol, 1)
    return build_table(own, own, features, 1, 15).set_index("timestamp")


def expected(own, venue):
    """By a merge on open times: of a candle's minute, the venue's candle of the minute before, or older."""
    before = venue[["timestamp", "close"]].assign(change=np.log(venue["close"]).diff().fillna(0.0))
    before["timestamp"] += pd.Timedelta(minutes=1)
    before["known"] = before["timestamp"] + pd.Timedelta(seconds=1)
    merged = pd.merge_asof(own[["timestamp", "close"]], before, on="timestamp", suffixes=("", "_venue"))
    is_old = ~(merged["timestamp"] + pd.Timedelta(minutes=1) - merged["known"] <= pd.Timedelta(minutes=15))
    basis = np.log(merged["close_venue"] / merged["close"])
    return np.column_stack([basis.mask(is_old, 0.0), merged["change"].mask(is_old, 0.0)])


def test_a_candle_sees_the_second_venues_candle_of_the_minute_before(tmp_path):
    """Its basis and last return; over a hole of the venue's the last one is carried for 15 minutes."""
    own, venue = random_candles(300, seed=1), random_candles(300, seed=2).drop(index=range(100, 130))
    venue = venue.iloc[5:].reset_index(drop=True)
    table = joined(own, venue, "BTC-USD", tmp_path)
    np.testing.assert_allclose(table[NAMES].to_numpy(), expected(own, venue), rtol=1e-7, atol=1e-12)
    assert (table["extra_futures_close"] == 0).sum() == 6 + 15 + 1
    closes = venue.set_index("timestamp")["close"]
    at = own["timestamp"].iloc[200]
    basis = np.log(closes[at - pd.Timedelta(minutes=1)] / own["close"].iloc[200])
    assert table.loc[at, "extra_futures_close"] == pytest.approx(basis, rel=1e-7)


@pytest.mark.slow
@pytest.mark.skipif(not MARKET.is_dir(), reason="../shared/market is absent")
def test_futures_on_real_spot_candles_are_those_of_the_minute_before(tmp_path):
    """BINANCE-USDM beside BINANCE spot, moved to its time where the two share none; gaps are their own."""
    own, venue = (read_real(MARKET / name) for name in ("BINANCE", "BINANCE-USDM"))
    if venue["timestamp"].iloc[0] > own["timestamp"].iloc[-1]:
        venue["timestamp"] += own["timestamp"].iloc[0] - venue["timestamp"].iloc[0]
    table = joined(own.assign(segment=0, is_filled=False), venue, "BTC-USDT", tmp_path)
    np.testing.assert_allclose(table[NAMES].to_numpy(), expected(own, venue), rtol=1e-7, atol=1e-12)
    assert (table["extra_futures_close_change"] != 0).sum() > len(venue) // 2


def read_real(folder: Path) -> pd.DataFrame:
    """Candles of BTC-USDT, each open time once."""
    rows = read_symbol(data_of(folder, symbols=("BTC-USDT",), timezone="UTC"), "BTC-USDT").rows
    return rows[["timestamp", *OHLCV]].dropna().drop_duplicates("timestamp").reset_index(drop=True)
