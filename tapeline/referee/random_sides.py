"""The same decisions with coins in place of predictions: the coins are fair, and pay what predictions pay."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from tapeline.referee.accounts import check_money
from tapeline.referee.candles import FloatArray, SymbolCandles, microseconds
from tapeline.referee.figures import Scored, compare
from tapeline.referee.fills import on_candles
from tapeline.referee.findings import Findings, Place
from tapeline.referee.prices import check_prices
from tapeline.referee.rules import AccountRules

TOSSED = "random sides"
ROUNDING = 1e-9  # of the initial capital
# Standard deviations that a count of fair coins may be off: once in a billion runs more.
UNLIKELY = 6.0


@dataclass(frozen=True)
class Tossed:
    """What random sides came to: `net_pnl` (n_runs,), account currency, and the trades of the first runs."""

    net_pnl: FloatArray
    trades: Sequence[pd.DataFrame]


def check_random_sides(
    tossed: Tossed,
    traded: pd.DataFrame,
    figures: Mapping[str, Any],
    called: Scored,
    market: list[SymbolCandles],
    rules: AccountRules,
    findings: Findings,
) -> None:
    """Every fill of the first runs at its hour's costs, money that adds up, coins, and the p-value.

    traded : the account with the predicted sides; figures : FTMO's of it; called : predictions that it traded
    """
    for k, trades in enumerate(tossed.trades):
        made, told = float(trades["net_pnl"].sum()), float(tossed.net_pnl[k])
        is_close = abs(told - made) <= ROUNDING * rules.initial_balance
        findings.hold(TOSSED, f"{TOSSED}: net PnL of run {k + 1}", is_close, told, made, Place())
    if any(len(trades) for trades in tossed.trades):
        every = pd.concat(tossed.trades, ignore_index=True)
        for candles in market:
            own = every[every["symbol"] == candles.symbol].reset_index(drop=True)
            if len(own) and (fills := on_candles(candles, own, TOSSED, findings)):
                instrument = rules.instruments[candles.symbol]
                check_prices(fills, rules, instrument, TOSSED, findings)
                check_money(fills, instrument, TOSSED, findings)
        _check_coins(every, called, rules, findings)
    if "zero_edge_p_value" in figures:
        net = float(traded["net_pnl"].sum())
        as_good = int((tossed.net_pnl >= net - ROUNDING * rules.initial_balance).sum())
        is_judged = len(traded) and rules.program in rules.programs
        expected = (1 + as_good) / (1 + tossed.net_pnl.size) if is_judged else None
        compare("ftmo.zero_edge_p_value", figures["zero_edge_p_value"], expected, findings, TOSSED)


def _check_coins(trades: pd.DataFrame, called: Scored, rules: AccountRules, findings: Findings) -> None:
    """Sides follow predictions that were called, half of them as they say; where only bought, none has to."""
    keys = zip(called.symbol.tolist(), called.time.tolist(), strict=True)
    said = dict(zip(keys, np.where(called.prediction >= 0.5, 1, -1).tolist(), strict=True))
    can_toss = trades["symbol"].map(lambda symbol: rules.instruments[symbol].is_short_allowed)
    coins = trades[can_toss.to_numpy(bool)]
    decided = microseconds(coins["decision_time"])
    own = zip(coins["symbol"], decided.tolist(), strict=True)
    predicted = np.array([said.get(key, 0) for key in own], np.int64)
    findings.hold(
        TOSSED, f"{TOSSED}: decision", predicted != 0, "of no prediction", "of one", Place(), decided
    )
    with_them = int((coins["side"].to_numpy(np.int64) == predicted).sum())
    is_fair = abs(with_them - len(coins) / 2) <= UNLIKELY * math.sqrt(len(coins)) / 2
    about = f"about half of {len(coins)}"
    findings.hold(TOSSED, f"{TOSSED}: as predicted", is_fair, str(with_them), about, Place())
