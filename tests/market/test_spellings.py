"""Symbols in names and cells: another's is found, another spelling is none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapeline.market.spellings import WORDS, is_another, names_another, names_derivative

SAME = """
XBTUSD_1 BTCUSD BTCUSDT BTC_USD btcusd_1-min tBTCUSD export_2 Bitstamp_BTCUSD_1h candles 2018 1m Candles_1m
bitstampUSD_1-min_data_2012-01-01_to_2021-03-31 coinbaseUSD_1-min Gemini_BTCUSD_2019_1min bitcoin_usd old_btc
btc BTC candles_btc prices_usd USDT_BTC XXBTZUSD BTC-1m BTCUSDM1 my_btc_usd_data BTCBUSD hitbtc_candles merged
btc_price_usd Kraken_XBT_USD_60 BTCUSDT-1m-2024-01 august last_minute_usd entry amateur Volume_USD bitcoin
Bitcoin_Historical_Data part-0001 BTC-USD-1m-spot X_BTCUSD BTCFDUSD tBTCUST 1704067200000
"""


@pytest.mark.parametrize("name", SAME.split())
def test_another_spelling_is_no_other_symbol(name):
    """Nor is a word, an exchange, a date or an interval: no file of BTC-USD is refused for its name."""
    assert names_another(name, "BTC-USD") is None
    assert not names_derivative(name)


@pytest.mark.parametrize(
    ("name", "symbol"),
    [
        ("SOLUSDT-1m", "SOL"),
        ("sol_1m", "SOL"),
        ("DOTUSD", "DOT-USD"),
        ("HTUSD", "HT-USD"),
        ("XDGUSD_1", "DOGE-USDT"),
        ("bitfinex_LTCUSD_2016_merged", "LTC-USD"),
        ("freqtrade_binance_XRP_USDT-1m", "XRP-USDT"),
        ("ETHBTC", "ETH-BTC"),
        ("1000SHIBUSDT-1m", "1000SHIB-USDT"),
        ("BTC-USD", "BTCUSDT"),
        ("NEARUSDT-1m-2026-02", "A"),
        ("BTCUSDT", "mybtc"),
        ("BTC_USDT_USDT-1m-futures", "BTC-USDT-PERP"),
    ],
)
def test_a_symbol_is_found_in_its_own_files(name, symbol):
    """Also one without a quote; a folder of the user's own naming says no instrument."""
    assert names_another(name, symbol) is None


@pytest.mark.parametrize(
    ("name", "symbol", "told"),
    [
        ("FILUSDT-1m-2024-01", "BTC-USDT", "FILUSDT"),
        ("SOLVUSDT-1m", "SOL", "SOLVUSDT"),
        ("SOLV", "SOL-USDT", "SOLV"),
        ("SOLV-1m", "SOL", "SOLV"),
        ("SOLV_USDT", "SOL-USDT", "SOLV-USDT"),
        ("BTCEUR_1m", "BTC-USD", "BTCEUR"),
        ("ETH_1m", "BTC-USD", "ETH"),
        ("eth_usdt", "BTC-USDT", "eth-usdt"),
        ("tETHUSD", "BTC-USD", "tETHUSD"),
        ("BCHUSD", "BTC-USD", "BCHUSD"),
        ("ETHWUSD", "ETH-USD", "ETHWUSD"),
        ("1000PEPEUSDT", "PEPE-USDT", "1000PEPEUSDT"),
    ],
)
def test_another_symbol_is_named(name, symbol, told):
    """Also where one name begins with the other."""
    assert names_another(name, symbol) == told


COIN = st.from_regex(r"[A-Z]{3,5}", fullmatch=True).filter(lambda coin: coin.lower() not in WORDS)


@given(
    base=COIN,
    other=COIN,
    sign=st.sampled_from(["", "-", "_", "/"]),
    quote=st.sampled_from(["USD", "USDT", "EUR"]),
)
def test_any_coin_is_told_from_any_other(base, other, sign, quote):
    """Its own name passes in every spelling, another's in none, unless one can be read as the other."""
    assert names_another(f"{base}{sign}{quote}-1m-2024-01", f"{base}-{quote}") is None
    stems = {name.rstrip("BFTZUSDPYC") for name in (base, other)}  # BTCB USD, or BTC BUSD
    if (
        sign
        and base != other
        and len(stems) == 2
        and not any(w in base + other for w in ("USD", "BT", "ETH"))
    ):
        assert names_another(f"{other}{sign}{quote}-1m-2024-01", f"{base}-{quote}") is not None


@pytest.mark.parametrize(
    "name",
    [
        "BTC_USDT_USDT-1m-futures",
        "BTC-PERP",
        "BTCUSDTPERP",
        "BTC-USDT-SWAP",
        "BTCUSDT.P",
        "BTC-USD-BTC",
        "BTC/USDT:USDT",
        "PF_XBTUSD",
        "PI_XBTUSD_1m",
        "FI_ETHUSD_240628",
    ],
)
def test_a_derivative_is_told_from_spot(name):
    """As freqtrade, ccxt, OKX, TradingView, Kraken and Binance write it."""
    assert names_derivative(name)


@pytest.mark.parametrize(
    ("cell", "symbol", "expected"),
    [
        ("BTC/USD", "BTC-USD", False),
        ("BINANCE:BTCUSDT", "BTC-USDT", False),
        ("X:BTCUSD", "BTC-USD", False),
        ("XBT/USD", "BTC-USD", False),
        ("btc", "BTC-USD", False),
        ("A/USDT", "A", False),
        ("SOL", "SOL", False),
        ("SOLV", "SOL", True),
        ("SOLVUSDT", "SOL", True),
        ("SOLV", "SOL-USDT", True),
        ("ETHUSD", "BTC-USD", True),
        ("BTC-USDT-SWAP", "BTC-USDT", True),
        ("BTC-USDT-SWAP", "BTC-USDT-PERP", False),
    ],
)
def test_the_symbol_of_a_column(cell, symbol, expected):
    """All of the cell is a symbol, with or without its quote."""
    assert is_another(cell, symbol) == expected
