"""Delay and slippage of a fill."""

import numpy as np
import pytest

from tapeline.backtest.latency import delay_bars, slippage


@pytest.mark.parametrize(
    ("seconds", "minutes", "bars"),
    [(0, 1, 1), (0.5, 1, 1), (60, 1, 1), (61, 1, 2), (180, 1, 3), (61, 5, 1), (301, 5, 2)],
)
def test_a_fill_is_never_on_the_deciding_bar(seconds, minutes, bars):
    """The next open, or the first one that is as late as the latency."""
    assert delay_bars(seconds, minutes) == bars


def test_price_diffuses_while_a_signal_is_on_its_way():
    """One sigma a minute: half a second is its root of 1/120; no latency, none; a bar's at most."""
    sigma = np.array([7e-4])
    assert slippage(sigma, 0.5, 1.0, 1) == pytest.approx(7e-4 / np.sqrt(120))
    assert slippage(sigma, 0.0, 1.0, 1) == 0
    assert slippage(sigma, 60.0, 2.0, 1) == pytest.approx(14e-4)
    assert slippage(sigma, 600.0, 1.0, 1) == pytest.approx(7e-4)
    assert slippage(sigma * np.sqrt(5), 60.0, 1.0, 5) == pytest.approx(7e-4)
