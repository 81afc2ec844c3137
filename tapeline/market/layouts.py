"""The one list of layouts: which column is what, by the names of a header or by position without one.

The code, its error messages, `data.layout` and docs/candles.md all read it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from tapeline.schema import OHLCV, PRICES

NO_NAME = ""
NO_NAMES = (NO_NAME, "unnamed_0", "index_level_0", "index")  # of an index that pandas wrote without a name
TIMES = (
    "timestamp", "date", "time", "datetime", "date_time", "open_time", "open_timestamp", "open_date",
    "unix", "unix_timestamp", "unix_time", "epoch", "ts", "t", "start", "start_time", "start_at",
    "window_start", "time_period_start", "ticks", "gmt_time", "local_time", "time_utc", "date_utc",
    "datetime_utc", "timestamp_utc", "time_open", "started_at", "ts_event",
)  # fmt: skip
TIME_PART = "a time (timestamp, date, time, datetime, open_time or unix)"
UTC_TIMES = (
    "gmt_time",
    "time_utc",
    "date_utc",
    "datetime_utc",
    "timestamp_utc",
    "candle_date_time_utc",
)  # their name is their zone
CLOSE_TIMES = (
    "close_time", "close_timestamp", "close_date", "time_close", "closetime", "end_time", "time_period_end",
)  # fmt: skip
CLOSE_STAMPED = ("home_notional", "foreign_notional")  # BitMEX's, whose timestamp is the candle's CLOSE
SYMBOLS = ("symbol", "pair", "ticker", "instrument", "instrument_name", "inst_id")
FINISHED = ("finished", "confirm", "is_closed", "is_final", "complete")  # 0 or false: the candle was open
BASE = "BASE"  # in a name of LAYOUTS: the symbol's base currency
SPELLINGS = {"xbt": "btc", "xdg": "doge"}
LONG_NAMES = {price: (price, f"{price}_price", f"price_{price}") for price in PRICES}


@dataclass(frozen=True)
class Layout:
    """How one source writes candles.

    `header` names the columns of a table with a header, preferred name first, as `normalise` gives them;
    `orders` the columns of tables without one, `_` for those that are no part of a candle. Beside OHLCV
    there may be `vwap` or `turnover`, which must agree with the prices, and `finished`.
    """

    name: str
    source: str
    header: dict[str, tuple[str, ...]] = field(default_factory=dict)
    orders: tuple[tuple[str, ...], ...] = ()


def _named(
    times: tuple[str, ...], volumes: tuple[str, ...], **prices: tuple[str, ...]
) -> dict[str, tuple[str, ...]]:
    return {"timestamp": times, **LONG_NAMES, **prices, "volume": volumes}


LETTERS = {price: (price[0],) for price in PRICES}
WORDS = tuple(name for name in TIMES if name != "t")
VOLUMES = (
    "base_volume", "volume_base", "volume", "volume_traded", "volumefrom", "vol", "real_volume",
    "base_token_volume",
)  # fmt: skip
PLAIN = ("timestamp", *OHLCV)
CANONICAL = "canonical"
LAYOUTS = (
    Layout(
        "binance",
        "Binance's public dumps and its API",
        _named(("open_time",), ("volume",)),
        ((*PLAIN, *"______"),),
    ),
    Layout(
        CANONICAL,
        "pandas, ccxt, freqtrade's Feather and HDF5, Bitstamp, CoinAPI, CryptoCompare, MetaTrader",
        _named((*WORDS, *NO_NAMES), VOLUMES),
    ),
    Layout(
        "cryptodatadownload",
        "CryptoDataDownload, Kaggle's bitcoin history",
        _named(WORDS, (f"volume_{BASE}",)),
    ),
    Layout("hitbtc", "HitBTC's API", _named(WORDS, ("volume",), high=("max",), low=("min",))),
    Layout("coinex", "CoinEx's API", _named(("created_at",), ("volume",))),
    Layout(
        "upbit",
        "Upbit's API",
        _named(
            ("candle_date_time_utc",), ("candle_acc_trade_volume",),
            open=("opening_price",), close=("trade_price",),
        ),
    ),
    Layout("alpaca", "Alpaca's bars", _named(("t", "timestamp"), ("v",), **LETTERS)),
    Layout("polygon", "Polygon's aggregates", _named(("t", "timestamp"), ("v",), **LETTERS)),
    Layout("huobi", "Huobi's (HTX) API", _named(("id",), ("amount",))),
    Layout("freqtrade", "freqtrade's JSON, ccxt's rows, Gemini's API", orders=(PLAIN,)),
    Layout(
        "bitfinex", "Bitfinex's API", orders=(("timestamp", "open", "close", "high", "low", "volume"),)
    ),
    Layout(
        "coinbase", "Coinbase's API", orders=(("timestamp", "low", "high", "open", "close", "volume"),)
    ),
    Layout(
        "kraken",
        "Kraken's OHLCVT files; its API",
        orders=((*PLAIN, "_"), ("timestamp", *PRICES, "vwap", "volume", "_")),
    ),
    Layout("bybit", "Bybit's API", orders=((*PLAIN, "_"),)),
    Layout(
        "kucoin", "KuCoin's API", orders=(("timestamp", "open", "close", "high", "low", "volume", "_"),)
    ),
    Layout(
        "gate",
        "Gate's files; its API",
        orders=(
            ("timestamp", "volume", "close", "high", "low", "open"),
            ("timestamp", "_", "close", "high", "low", "open", "volume", "finished"),
        ),
    ),
    Layout("mexc", "MEXC's API", orders=((*PLAIN, "_", "turnover"),)),
    Layout("bitget", "Bitget's API", orders=((*PLAIN, "turnover", "_"),)),
    Layout(
        "poloniex",
        "Poloniex's API",
        orders=(("low", "high", "open", "close", "_", "volume", "_", "_", "_", "timestamp", *"____"),),
    ),
    Layout("okx", "OKX's API", orders=((*PLAIN, "_", "_", "finished"),)),
)  # fmt: skip
LAYOUT_NAMES = tuple(layout.name for layout in LAYOUTS)


def normalise(name: object) -> str:
    """Write a column's name as LAYOUTS does: small letters, one `_` between words, nothing around them.

    >>> [normalise(name) for name in ("Open time", "<CLOSE>", "Volume_(BTC)", "openTime", "1. open")]
    ['open_time', 'close', 'volume_btc', 'open_time', 'open']
    """
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", str(name).strip())
    words = re.sub(r"[\W_]+", "_", words).strip("_").lower()
    return re.sub(r"^\d+_", "", words)


def name_columns(columns: Sequence[object]) -> list[str]:
    """Normalise the names of `columns`; of one letter, the small one has the name and the capital none.

    In Hyperliquid's candles and Binance's streams `t` and `T` are OPEN and CLOSE, `v` and `V` two volumes.

    >>> name_columns(["t", "T", "o", "V", "v"])
    ['t', 'close_time', 'o', '?', 'v']
    """
    written, named = [str(column).strip() for column in columns], [normalise(column) for column in columns]
    return [
        named[i]
        if len(name) > 1 or name == named[i] or named[i] not in written
        else {"T": "close_time"}.get(name, "?")
        for i, name in enumerate(written)
    ]


def match_header(columns: Sequence[str], symbol: str) -> dict[str, dict[str, int]]:
    """Return by layout where `columns`, normalised, hold time and OHLCV of `symbol`; none may fit."""
    orders = {}
    for layout in LAYOUTS:
        places = {
            part: columns.index(here[0])
            for part, names in layout.header.items()
            if (here := [name for name in _names(part, names, columns, symbol) if name in columns])
        }
        if places and len(places) == len(layout.header):
            orders[layout.name] = places
    return orders


def match_width(width: int) -> dict[str, dict[str, int]]:
    """Return by layout where a table of `width` columns without header holds what."""
    return {
        layout.name: {part: place for place, part in enumerate(order) if part != "_"}
        for layout in LAYOUTS
        for order in layout.orders
        if len(order) == width
    }


def known_names(part: str) -> set[str]:
    """Every name that some layout has for `part`; all known times for timestamp."""
    names = {name for layout in LAYOUTS for name in layout.header.get(part, ())}
    return names | set(TIMES) if part == "timestamp" else names


def missing_parts(columns: Sequence[str]) -> list[str]:
    """Say what of a candle none of `columns`, normalised, is by its canonical names."""
    header = next(layout.header for layout in LAYOUTS if layout.name == CANONICAL)
    missing = [part for part, names in header.items() if not set(names) & set(columns)]
    return [TIME_PART if part == "timestamp" else part for part in missing]


def known_widths() -> str:
    """Say which numbers of columns are known without a header, and whose they are."""
    widths = sorted({len(order) for layout in LAYOUTS for order in layout.orders})
    return ", ".join(f"{width} ({', '.join(match_width(width))})" for width in widths)


def _names(part: str, names: tuple[str, ...], columns: Sequence[str], symbol: str) -> list[str]:
    """Write out the names of `part` for `symbol`: `volume_BASE` is `volume_btc` of BTC-USD."""
    if not any(BASE in name for name in names):
        return list(names)
    letters = re.sub(r"[^a-z0-9]", "", symbol.lower())
    base = re.split(r"[^a-z0-9]", symbol.lower())[0]
    is_split = base != letters  # BTC-USD, not BTCUSD
    matches = []
    for column in columns:
        currency = SPELLINGS.get(column.removeprefix("volume_"), column.removeprefix("volume_"))
        asked = SPELLINGS.get(base, base)
        is_base = currency == asked if is_split else letters.startswith((currency, column[7:]))
        if column.startswith("volume_") and currency and is_base:
            matches.append(column)
    return matches
