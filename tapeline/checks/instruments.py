"""Symbols without an instrument, and the lines that give them one, with the costs of the dearest."""

import math
import re
from collections.abc import Mapping, Sequence

from tapeline.backtest.costs import CostParams, InstrumentNames, instrument_of
from tapeline.checks.problems import Problem
from tapeline.errors import ParamsError

LOT_VALUE = 100_000.0  # account currency that a lot is worth at most, so that risk of one trade is many steps
DOLLARS = "USDT", "USDC", "BUSD", "USD"  # quotes that an instrument in dollars stands for


def instrument_problems(
    symbols: Sequence[str], names: InstrumentNames, costs: CostParams, prices: Mapping[str, float | None]
) -> list[Problem]:
    """A problem for each of `symbols` that can't be traded as anything; `prices`: last closes, where known.

    The last one proposes lines for all of them, to be pasted at once.
    """
    texts, named = [], []
    priced: dict[str, float | None] = {}
    for symbol in symbols:
        given = None
        try:
            given = names.of(symbol)
            instrument_of(symbol, names, costs)
        except ParamsError as error:
            texts.append(str(error))
            name = given or instrument_name(symbol)
            if given is None:
                named.append(f"  {symbol}: {name}")
            if name not in costs.instruments:
                priced[name] = prices.get(symbol) or priced.get(name)
    lines = ["instruments:", *named] if named else []
    if priced and costs.instruments:
        lines += ["costs:", "  instruments:"]
        for name, price in priced.items():
            lines += instrument_lines(name, price, costs)
    proposals = [""] * (len(texts) - 1) + ["\n".join(lines)]
    return [Problem(text, proposal) for text, proposal in zip(texts, proposals, strict=False)]


def instrument_name(symbol: str) -> str:
    """What a broker would call `symbol` in dollars: BTC-USDT-PERP is BTCUSD."""
    base, _, rest = re.sub(r"[^A-Z0-9]+", "-", symbol.upper()).strip("-").partition("-")
    quote = rest.partition("-")[0]
    if not quote:
        quote = next((dollar for dollar in DOLLARS if base.endswith(dollar) and base != dollar), "")
        base = base.removesuffix(quote)
    return base + ("USD" if quote in DOLLARS else quote)


def instrument_lines(name: str, price: float | None, costs: CostParams) -> list[str]:
    """Lines of `costs.instruments` for `name`: all terms of the dearest that is there.

    A lot is a power of ten of coins, as fits the `price`; one coin where no price is known.
    """
    dearest = max(costs.instruments, key=lambda other: costs.instruments[other].spread_bps)
    size = 10.0 ** math.floor(math.log10(LOT_VALUE / price)) if price else 1.0
    values = costs.instruments[dearest].model_dump() | {"contract_size": size}
    comment = f"assumed: costs of {dearest}, the dearest" + (
        "" if price else "; contract_size hangs on the price"
    )
    return [
        f"    {name}:  # {comment}",
        *(f"      {key}: {value}" for key, value in values.items()),
    ]
