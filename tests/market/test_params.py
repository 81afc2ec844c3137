"""Section `data`: what it takes and what it says of the rest."""

import pytest

from tapeline.errors import ParamsError
from tapeline.market.data_params import DataParams
from tapeline.params import Params
from tapeline.schema import FilledShare, Symbols, Workers

GOOD = {
    "source": "files",
    "path": "data/raw/BITFINEX",
    "layout": "auto",
    "columns": {},
    "timezone": None,
    "symbols": ["BTC-USD", "ETH_USDT.P", "1INCH"],
    "interval": "1m",
    "max_fill": 15,
    "max_filled_share": 0.2,
    "max_rejected_share": 0.01,
    "extra": {},
    "extra_path": "",
    "memory_gb": None,
    "workers": 2,
}


def test_a_yaml_list_becomes_a_tuple_of_symbols():
    """Symbols come as a list and are kept as a tuple, in their order, by section and by single key."""
    params = Params({"data": GOOD})
    assert params.section("data", DataParams).symbols == ("BTC-USD", "ETH_USDT.P", "1INCH")
    assert params.value("data.symbols", Symbols) == ("BTC-USD", "ETH_USDT.P", "1INCH")
    assert params.value("data.max_filled_share", FilledShare) == 0.2
    assert params.value("data.workers", Workers) == 2


@pytest.mark.parametrize(
    ("key", "value", "rule"),
    [
        ("symbols", [], "at least 1 item"),
        ("symbols", ["BTC-USD", "ETH-USD", "BTC-USD"], "no duplicates, and holds BTC-USD"),
        ("symbols", ["../secret"], "match pattern"),
        ("symbols", [".hidden"], "match pattern"),
        ("symbols", ["BTC/USD"], "match pattern"),
        ("symbols", ["BTC-USD\n"], "match pattern"),
        ("symbols", "BTC-USD", "valid tuple"),
        ("symbols", [1], "valid string"),
        ("source", "web", "'simulated' or 'files'"),
        ("layout", "ftx", "'auto', 'binance', 'canonical'"),
        ("columns", {"when": "time"}, "'timestamp'"),
        ("columns", {"timestamp": 1.5}, "valid string"),
        ("timezone", "Prague", "must be a zone of the IANA list, as UTC or Europe/Prague"),
        ("interval", "2m", "'1m'"),
        ("max_fill", -1, "greater than or equal to 0"),
        ("max_fill", 1001, "less than or equal to 1000"),
        ("max_fill", 1.5, "valid integer"),
        ("max_filled_share", 1.1, "less than or equal to 1"),
        ("max_filled_share", float("nan"), "finite"),
        ("max_rejected_share", -0.1, "greater than or equal to 0"),
        ("workers", 0, "greater than or equal to 1"),
        ("workers", 65, "less than or equal to 64"),
        ("spread", 1, "is no known key"),
    ],
)
def test_a_wrong_value_ends_with_key_and_rule(key, value, rule):
    """Every rule of the section is told in one line that names the key."""
    with pytest.raises(ParamsError, match=f"data.{key}") as caught:
        Params({"data": {**GOOD, key: value}}).section("data", DataParams)
    assert rule in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_key_is_named():
    """No default lives in Python."""
    values = {key: value for key, value in GOOD.items() if key != "max_fill"}
    with pytest.raises(ParamsError, match="data.max_fill.*is missing"):
        Params({"data": values}).section("data", DataParams)
