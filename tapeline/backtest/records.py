"""Records that cross between Python and the kernels. Prices are per unit, money is account currency."""

import numpy as np

from tapeline.backtest.kernel import fee_dtype

QUOTE = [
    ("open", np.float64),  # mid of the spread, as the others; NaN without a candle
    ("high", np.float64),
    ("low", np.float64),
    ("close", np.float64),
    ("half_spread", np.float64),  # fraction of the price
    ("slippage", np.float64),  # of a market fill, adverse, fraction of the price; NaN: not known yet
]
FLAGS = [
    ("has_price", np.bool_),  # somebody traded: it moves marks
    ("can_fill", np.bool_),  # has a price, and the market is open
    ("may_open", np.bool_),  # can fill, and no long closure is near
]
ORDER = [
    ("stop", np.float64),  # distance from the entry, price, of an order made at this close
    ("target", np.float64),  # likewise; 0: none
    ("quantity", np.float64),  # units to order at this close, before the portfolio's caps
    ("side", np.int8),  # to order at this close: 1 long, -1 short, 0 none
    ("tier", np.int8),  # of the signal, for the record
]

# One symbol on one bar of the clock that all symbols share; (n_bars, n_symbols) in the engine.
quote_dtype = np.dtype(QUOTE + FLAGS, align=True)

# A side wanted at a close, by bar and symbol.
order_dtype = np.dtype([("bar", np.int64), ("symbol", np.int64), *ORDER], align=True)

# Both in one line a candle.
candle_dtype = np.dtype(QUOTE + ORDER + FLAGS)

# One bar of the clock.
clock_dtype = np.dtype(
    [
        ("day", np.int32),  # counts midnights of the account's day
        ("nights", np.int8),  # nights of swap booked at this bar's open
    ]
)

# What is fixed for a symbol.
symbol_dtype = np.dtype(
    [
        ("fee", fee_dtype),  # terms of the commission
        ("swap_long", np.float64),  # a night, fraction of the notional; negative is paid
        ("swap_short", np.float64),
        ("leverage", np.float64),  # notional over margin
        ("step", np.float64),  # units that quantities are whole multiples of
        ("minimum", np.float64),  # units
        ("maximum", np.float64),  # units
        ("is_spot", np.bool_),  # bought in cash: never short, never closed by the broker
    ]
)

# The account on one bar.
bar_dtype = np.dtype(
    [
        ("balance", np.float64),  # at its close: closed PnL, less every commission paid so far
        ("flat_open", np.float64),  # balance at its open, exits filled and entries not; NaN with a position
        ("equity_open", np.float64),  # at its open, before any fill, swap booked
        ("equity_low", np.float64),  # no joint path of all symbols through the bar goes lower
        ("equity", np.float64),  # at its close: balance, open PnL at bid or ask, swap
        ("exposure", np.float64),  # notional of the open positions at its close
        ("n_open", np.int16),  # positions open at its close
        ("n_opened", np.int16),  # positions opened in it
        ("n_requests", np.int16),  # orders sent in it
        ("has_price", np.bool_),  # of any symbol
    ]
)

# A side that became no trade: refused at the close, or ordered and never filled. Bars as below.
refused_dtype = np.dtype(
    [
        ("symbol", np.int16),
        ("side", np.int8),
        ("tier", np.int8),
        ("reason", np.int8),  # a position in kernel.REFUSALS
        ("decision_bar", np.int64),  # at whose close it was wanted
        ("last_bar", np.int64),  # in which the order ended; decision_bar where none was made
        ("quantity", np.float64),  # units ordered; 0 where no order was made
    ]
)

# One round trip. Bars are positions on the clock.
trade_dtype = np.dtype(
    [
        ("symbol", np.int16),
        ("side", np.int8),  # 1 long, -1 short
        ("tier", np.int8),
        ("reason", np.int8),  # why it ended, a position in kernel.REASONS
        ("decision_bar", np.int64),  # at whose close the order was made
        ("entry_bar", np.int64),  # at whose open it was filled; after decision_bar
        ("exit_bar", np.int64),
        ("quantity", np.float64),  # units, positive
        ("entry_price", np.float64),  # filled
        ("exit_price", np.float64),  # filled
        ("gross_pnl", np.float64),  # between the mids of the spread
        ("spread_cost", np.float64),  # half the spread of both fills, non-negative
        ("slippage_cost", np.float64),  # of both fills, non-negative
        ("commission_cost", np.float64),  # of both fills, non-negative
        ("swap", np.float64),  # negative is paid
        ("net_pnl", np.float64),  # gross_pnl - spread_cost - slippage_cost - commission_cost + swap
        ("mae", np.float64),  # deepest open loss at the worst of its candles, non-negative
        ("mfe", np.float64),  # highest open profit at the best of its candles, non-negative
    ]
)
