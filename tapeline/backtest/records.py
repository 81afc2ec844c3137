"""Records that cross between Python and the kernels. Prices are per unit, money is account currency."""

import numpy as np

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

# The terms of a commission, all that `kernel.commission_of` asks for; `costs.fee_of` fills them in.
fee_dtype = np.dtype([("rate", np.float64)])  # fraction of a fill's notional

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

# What is told of an account of whose bars none is kept.
summary_dtype = np.dtype(
    [
        ("peak", np.float64),  # highest equity at a close so far, the initial balance among them
        ("bottom", np.float64),  # lowest equity at a close since the peak
        ("bottom_inside", np.float64),  # likewise, the worst of each bar
        ("drawdown", np.float64),  # deepest fall from the peak, close to close, fraction of it
        ("drawdown_inside", np.float64),  # likewise, to the worst of each bar
        ("next_close", np.int64),  # position in `kernel.Given.closes` of the first that is still to come
    ]
)

# What the engine keeps of one symbol between bars.
position_dtype = np.dtype(
    [
        ("side", np.float64),  # 1 long, -1 short, 0 flat
        ("quantity", np.float64),
        ("entry", np.float64),  # filled price
        ("stop", np.float64),  # price, bid of a long and ask of a short
        ("target", np.float64),  # likewise; 0: none
        ("due", np.int64),  # first bar whose open may end the position
        ("swap", np.float64),
        ("mae", np.float64),  # deepest open loss so far
        ("mfe", np.float64),  # highest open profit so far
        ("mae_before", np.float64),  # likewise up to the bar before
        ("mfe_before", np.float64),
        ("margin", np.float64),
        ("mark", np.float64),  # last seen mid
        ("half_spread", np.float64),  # there
        ("slippage", np.float64),  # of the last candle that could fill
        ("trade", np.int64),  # its line
        ("order", np.float64),  # side of the order that waits; 0: none
        ("order_bar", np.int64),
        ("order_quantity", np.float64),
        ("order_stop", np.float64),  # distance
        ("order_target", np.float64),  # distance; 0: none
        ("order_tier", np.int8),
        ("is_guarded", np.bool_),  # ends by the guard, not by time
    ],
    align=True,
)

# What the engine keeps of the account between bars.
account_dtype = np.dtype(
    [
        ("balance", np.float64),
        ("midnight", np.float64),  # balance at which the account's day began
        ("day", np.int64),
        ("is_guarded", np.bool_),  # no more trading today
        ("is_ruined", np.bool_),  # no more trading
        ("next_bar", np.int64),  # the first that is not traded yet
        ("n_open", np.int64),  # positions
        ("n_waiting", np.int64),  # orders
        ("next_order", np.int64),  # line of the first side that no close has seen yet
        ("n_trades", np.int64),
        ("n_unfilled", np.int64),
        ("n_refused", np.int64),  # those and sides that became no order
    ],
    align=True,
)
