"""metrics/summary.json: what a person compares first, on one line of a terminal.

No other file has its keys, but for `pass_probability`: where two files share a key, DVC puts the file's name
before it, and tables made of DVC's columns lose the key.
"""

from tapeline.documents import Figure, Metrics
from tapeline.promotion.contract import FileMetrics

DECIMALS = 4


class SummaryMetrics(Metrics):
    """Of the model of direction that is traded, rounded; the files that figures are from have all digits."""

    accuracy: Figure  # accuracy_all
    accuracy_low: Figure
    control: Figure  # accuracy_best_control
    pnl: Figure  # net_pnl of the backtest, whole units of account currency
    pnl_low: Figure
    drawdown: Figure  # max_drawdown_inside
    pass_probability: Figure  # of the first phase of FTMO's program
    failed: Figure  # gates that keep models of the run from being promoted; 0: all may be


def summarize(direction: str, metrics: FileMetrics, n_failed: int) -> SummaryMetrics:
    """Summarize metrics by file; `direction` is the name of the model that is traded."""
    own, backtest, ftmo = metrics[direction], metrics["backtest"], metrics["ftmo"]
    return SummaryMetrics(
        accuracy=_rounded(own["accuracy_all"], DECIMALS),
        accuracy_low=_rounded(own["accuracy_all_low"], DECIMALS),
        control=_rounded(own["accuracy_best_control"], DECIMALS),
        pnl=_rounded(backtest["net_pnl"]),
        pnl_low=_rounded(backtest["net_pnl_low"]),
        drawdown=_rounded(backtest["max_drawdown_inside"], DECIMALS),
        pass_probability=_rounded(ftmo["pass_probability"], DECIMALS),
        failed=n_failed,
    )


def _rounded(figure: Figure, decimals: int | None = None) -> Figure:
    return None if figure is None else round(figure, decimals)
