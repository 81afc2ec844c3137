"""How symbols are written in names and columns of files, and whether two spellings mean one instrument."""

import re
from dataclasses import dataclass
from itertools import pairwise

DOLLARS = ("USD", "USDT", "USDC", "BUSD", "FDUSD", "TUSD", "USDP", "USDD", "PYUSD", "UST", "DAI", "ZUSD")
FIAT = ("EUR", "GBP", "JPY", "KRW", "AUD", "CAD", "CHF", "TRY", "BRL", "ZEUR", "ZGBP", "ZJPY")
COIN_QUOTES = ("BTC", "ETH", "BNB", "XBT")
QUOTES = (*DOLLARS, *FIAT, *COIN_QUOTES)
# Quotes that end no word of a language, so that a coin may stand before them without a sign between.
FUSED = (
    "USD", "USDT", "USDC", "BUSD", "FDUSD", "TUSD", "ZUSD", "EUR", "ZEUR", "GBP", "JPY", "KRW", "BTC", "ETH",
)  # fmt: skip
ALIASES = {
    "XBT": "BTC", "XXBT": "BTC", "XDG": "DOGE", "XXDG": "DOGE", "XETH": "ETH", "XLTC": "LTC", "XXRP": "XRP",
    "XXLM": "XLM", "XXMR": "XMR", "XZEC": "ZEC", "XETC": "ETC", "BITCOIN": "BTC", "ETHEREUM": "ETH",
    "LITECOIN": "LTC", "RIPPLE": "XRP", "SOLANA": "SOL", "DOGECOIN": "DOGE", "CARDANO": "ADA",
    "ZEUR": "EUR", "ZGBP": "GBP", "ZJPY": "JPY", **dict.fromkeys(DOLLARS, "USD"),
}  # fmt: skip
# Coins whose name alone says which they are; those that are words too (LINK, NEAR, ONE) are left out.
KNOWN_COINS = """
AAVE ADA ALGO APT ARB AVAX BCH BNB BTC CRV DOGE DOT EOS ETC ETH FIL FTM HBAR ICP INJ JUP LDO LTC MATIC MKR
PEPE RUNE SHIB SOL SOLV SUI TIA TON TRX UNI USDC WIF WLD XLM XMR XRP XTZ ZEC
"""
# What stands before a currency or ends like a symbol, and is none.
NO_COINS = """
all ask bid candle candles close coin coins crypto currency daily data day export full futures future high
hist historical history hour hourly in index kline klines last low mid mark merged minute minutes new ohlc
ohlcv old open pair perp perpetual price prices raw spot swap symbol test tick ticks to trades updated
volume vs vwap
binance binanceus bitfinex bitflyer bitget bithumb bitmex bitstamp bittrex btce bybit cex cexio coinbase
coinbasepro deribit exmo ftx gate gateio gdax gemini hitbtc htx huobi itbit kraken kucoin mexc mtgox okcoin
okex okx phemex poloniex upbit
"""
COINS, WORDS = frozenset(KNOWN_COINS.split()), frozenset(NO_COINS.split())
DERIVATIVE = {
    "perp",
    "perps",
    "perpetual",
    "perpetuals",
    "swap",
    "swaps",
    "future",
    "futures",
    "usdm",
    "coinm",
}
KRAKENS = ("PF", "PI", "FF", "FI")  # before its perpetuals and futures: PF_XBTUSD
TIME_UNIT = re.compile(r"\d+(m|min|mins|minutes?|h|hours?|d|days?|w|y)?|[mhd]\d+", re.I)


@dataclass(frozen=True)
class Spelling:
    """A symbol as written, and what it may mean: (base, quote) each; HTUSD is HT in USD or H in TUSD."""

    text: str
    pairs: frozenset[tuple[str, str]]


def names_another(text: str, symbol: str) -> str | None:
    """Return the symbol that `text`, a file's name or a cell, names, if it is not `symbol`; else None.

    Spellings differ, so that XBTUSD, btc_usdt and tBTCUSD are all BTC-USD: dollars and the coins that stand
    for them are one quote. What says no symbol (export_2, candles, 2018) names none.
    """
    spellings, asked = find_spellings(text), find_spellings(symbol)
    tokens = _tokens(text)
    if not asked and not _is_ticker(symbol):
        return None  # a folder of the user's own naming, which says no instrument
    pairs = {pair for spelling in asked for pair in spelling.pairs}
    bases = {base for base, _ in pairs} if asked else {canonical(symbol)}
    for spelling in spellings:
        if spelling.pairs & pairs if asked else bases & {base for base, _ in spelling.pairs}:
            return None
    if spellings:
        return spellings[0].text
    if bases & set(map(canonical, tokens)):
        return None
    others = [token for token in tokens if token in COINS or _is_longer(token, bases)]
    return others[0] if others else None


def is_another(cell: str, symbol: str) -> bool:
    """Whether `cell`, all of which is a symbol, means another than `symbol`, or a derivative of it."""
    if names_derivative(cell) and not names_derivative(symbol):
        return True
    spellings, asked = find_spellings(cell), find_spellings(symbol)
    if spellings and (asked or _is_ticker(symbol)):
        return names_another(cell, symbol) is not None
    if asked:  # a coin alone
        return canonical(cell) not in {base for spelling in asked for base, _ in spelling.pairs}
    # Of a folder of the user's own naming: one within the other will do.
    letters = [re.sub(r"[^A-Z0-9]", "", canonical(text)) for text in (cell, symbol)]
    return letters[0] not in letters[1] and (_is_ticker(symbol) or letters[1] not in letters[0])


def names_derivative(text: str) -> bool:
    """Whether `text`, a name of a file or folder, is of a future or perpetual: BTC_USDT_USDT, BTC-PERP."""
    tokens = _tokens(text)
    if any(token.lower() in DERIVATIVE or token.endswith("PERP") for token in tokens):
        return True
    if any(_read_fused(pair) and mark == "P" for pair, mark in pairwise(tokens)):  # TradingView's BTCUSDT.P
        return True
    if any(mark in KRAKENS and _read_fused(pair) for mark, pair in pairwise(tokens)):
        return True
    triples = zip(tokens, tokens[1:], tokens[2:], strict=False)
    return any(
        quote.upper() in QUOTES and _is_base(base, quote) and settle.upper() in {quote.upper(), base.upper()}
        for base, quote, settle in triples
    )


def find_spellings(text: str) -> list[Spelling]:
    """Return the symbols in `text` that have a base and a quote, in their order."""
    tokens = _tokens(text)
    spellings = [spelling for token in tokens if (spelling := _read_fused(token))]
    for base, quote in pairwise(tokens):
        if quote.upper() in QUOTES and _is_base(base, quote):
            pair = canonical(base), canonical(quote)
            both = {pair, pair[::-1]} if base.upper() in QUOTES else {pair}  # Poloniex wrote USDT_BTC
            spellings.append(Spelling(f"{base}-{quote}", frozenset(both)))
    return spellings


def canonical(token: str) -> str:
    """`token` in capitals, by the name most exchanges use."""
    return ALIASES.get(token.upper(), token.upper())


def _tokens(text: str) -> list[str]:
    return [token for token in re.split(r"[^A-Za-z0-9]+", text) if token]


def _read_fused(token: str) -> Spelling | None:
    """A token such as BTCUSDT, btcusd or Bitfinex's tBTCUSD; None if it is none."""
    bare = token[1:] if re.fullmatch(r"t[A-Z0-9]{6,}", token) else token
    quotes = (*FUSED, "UST") if bare is not token else FUSED
    if token.lower() in WORDS or not (bare.isupper() or bare.islower()) or bare.upper() in QUOTES:
        return None
    pairs = set()
    for quote in quotes:
        base = bare[: -len(quote)]
        is_long = len(base) >= 2 or (base and quote == "USDT")
        # In small letters a word may end so: mybtc, amateur.
        is_coin = bare.isupper() or quote in DOLLARS or canonical(base) in COINS
        if bare.upper().endswith(quote) and is_long and is_coin and base.lower() not in WORDS | {""}:
            pairs.add((canonical(base), canonical(quote)))
    return Spelling(token, frozenset(pairs)) if pairs else None


def _is_base(token: str, quote: str) -> bool:
    """Whether `token`, before `quote` and a sign between, is a coin."""
    if token.lower() in WORDS or TIME_UNIT.fullmatch(token) or (token.isupper() != quote.isupper()):
        return False
    if canonical(token) in COINS:
        return True
    if quote.upper() in COIN_QUOTES:  # old_btc
        return False
    return (token.isupper() and len(token) <= 12) or 2 <= len(token) <= 5


def _is_ticker(symbol: str) -> bool:
    return symbol.isalnum() and symbol.isupper() and 3 <= len(symbol) <= 8 and not symbol.isdecimal()


def _is_longer(token: str, bases: set[str]) -> bool:
    """Whether `token` is another coin's name that begins with one of `bases`: SOLV is not SOL."""
    return token.isupper() and any(len(base) > 2 and re.fullmatch(f"{base}[A-Z]", token) for base in bases)
