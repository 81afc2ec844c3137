"""What metrics/backtest.json and metrics/ftmo.json say, key by key; None where undefined.

Money is account currency. Figures of the account of all folds; `candidate_` before those of an account on the
candidate's own test. `_low` and `_high` are the ends of an interval over UTC days.
"""

from tapeline.documents import Figure, Metrics


class AccountFigures(Metrics):
    """Of any account."""

    days: Figure
    trades: Figure
    net_pnl: Figure
    net_pnl_low: Figure
    net_pnl_high: Figure
    gross_pnl: Figure
    return_: Figure  # fraction of the initial balance
    max_drawdown: Figure  # fraction of the running peak, from close to close
    max_drawdown_inside: Figure  # likewise, at the worst inside candles
    average_drawdown: Figure
    average_drawdown_days: Figure
    longest_drawdown_days: Figure
    sharpe_ratio: Figure  # of daily returns, a year
    sortino_ratio: Figure
    calmar_ratio: Figure
    probabilistic_sharpe: Figure
    win_rate: Figure
    profit_factor: Figure
    spread_cost: Figure
    slippage_cost: Figure
    commission_cost: Figure
    swap: Figure
    exposure: Figure  # share of bars with an open position
    turnover_a_day: Figure  # traded value over the initial balance
    unfilled_orders: Figure


class TradedFigures(AccountFigures):
    """And of what could not be traded."""

    refused_entries: Figure  # whose stop lay inside their costs


class BacktestMetrics(TradedFigures):
    """metrics/backtest.json."""

    candidate_trades: Figure
    candidate_net_pnl: Figure
    candidate_net_pnl_low: Figure
    candidate_max_drawdown_inside: Figure


class VerdictFigures(Metrics):
    """What the chosen program made of an account, 1 or 0 each."""

    program_passed: Figure
    first_phase_passed: Figure
    breached: Figure


class ProgramFigures(VerdictFigures):
    """Of the chosen program's first phase; margins and profit are fractions of the initial balance."""

    days_taken: Figure
    trading_days: Figure
    daily_margin: Figure
    max_margin: Figure
    profit: Figure
    best_day_share: Figure
    pass_probability: Figure
    pass_probability_low: Figure
    pass_probability_high: Figure
    pass_probability_random_sides: Figure
    pass_probability_gain: Figure
    daily_loss_probability: Figure
    max_loss_probability: Figure
    unfinished_probability: Figure
    median_days_to_pass: Figure
    zero_edge_p_value: Figure
    requests_a_day: Figure
    is_within_limits: Figure


class FtmoMetrics(ProgramFigures):
    """metrics/ftmo.json."""

    candidate_first_phase_passed: Figure
    candidate_breached: Figure
