"""Records that cross between Python and the engine's kernel."""

import numpy as np

# What the kernel sees of one candle.
bar_dtype = np.dtype(
    [
        ("open", np.float64),  # price per unit, middle of the spread
        ("close", np.float64),  # likewise
        ("is_filled", np.bool_),  # nobody traded in it: it fills no order
        ("is_last", np.bool_),  # of its segment
        ("side", np.int8),  # wanted at its close: 1 long, -1 short, 0 none
    ]
)

# One round trip. Bars are positions in the candles given; prices are per unit; money is account currency.
trade_dtype = np.dtype(
    [
        ("decision_bar", np.int64),  # at whose close the order was made
        ("entry_bar", np.int64),  # at whose open it was filled; after decision_bar
        ("exit_bar", np.int64),  # at whose open, or close if is_cut, the position ended
        ("side", np.int8),  # 1 long, -1 short
        ("is_cut", np.bool_),  # the segment ended before the exit could be filled
        ("quantity", np.float64),  # units of the instrument, positive
        ("entry_price", np.float64),  # filled, half the spread included
        ("exit_price", np.float64),  # filled, half the spread included
        ("gross_pnl", np.float64),  # between mid prices, before all costs
        ("spread_cost", np.float64),  # half the spread of both fills, non-negative
        ("commission_cost", np.float64),  # of both fills, non-negative
        ("net_pnl", np.float64),  # gross_pnl - spread_cost - commission_cost
    ]
)
