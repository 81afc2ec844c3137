"""How fast the simulated market is made, against the same work in NumPy and Python.

The reference takes the same draws and must give the same numbers, or there is no ratio to print.
"""

import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from tapeline.market.filters import filter_regimes
from tapeline.market.simulation import (
    PATH,
    START_PRICES,
    HiddenMarket,
    SimulationParams,
    draw_candles,
    draw_hidden,
    simulate,
    stream_of,
)
from tapeline.market.walks import PATH_STEPS, PRICE_DIGITS

SYMBOLS = ("BTC-USD", "ETH-USD")
HORIZON = 15
SAMPLE_DAYS = 14
MILLION_DAYS = 348  # two symbols of 348 days are 1,002,240 minutes


def plain_filter(params: SimulationParams, scaled_returns: NDArray) -> NDArray:
    """The filter minute by minute in NumPy, over a dense transition matrix, shape (n, S, 3)."""
    n_symbols = scaled_returns.shape[1]
    regimes = np.array(np.unravel_index(np.arange(3**n_symbols), (3,) * n_symbols)).T
    moves = np.ones((len(regimes), len(regimes)))
    for now in regimes.T:
        stays, leaves = 1 - 1 / params.regime_minutes, 0.5 / params.regime_minutes
        moves *= np.where(now[:, None] == now[None, :], stays, leaves)
    drifts = params.signal * (regimes - 1.0)
    noise = np.full((n_symbols, n_symbols), params.correlation) + (1 - params.correlation) * np.eye(n_symbols)
    precision = np.linalg.inv(noise)
    member = np.stack([regimes == regime for regime in range(3)], axis=-1).astype(float)
    belief = np.full(len(regimes), 1 / len(regimes))
    marginals = np.empty((*scaled_returns.shape, 3))
    for i, returns in enumerate(scaled_returns):
        off = returns - drifts
        belief = (belief @ moves) * np.exp(-0.5 * np.einsum("js,st,jt->j", off, precision, off))
        belief /= belief.sum()
        marginals[i] = np.einsum("j,jsr->sr", belief, member)
    return marginals


def plain_prices(params: SimulationParams, hidden: HiddenMarket, position: int) -> NDArray:
    """Open, high, low, close minute by minute in NumPy, shape (n, 4)."""
    draws = stream_of(params.seed, PATH, position)
    prices, log_price = np.empty((len(hidden.sigmas), 4)), 0.0
    for i in range(len(prices)):
        sigma, scaled = hidden.sigmas[i, position], hidden.scaled_returns[i, position]
        steps = draws.standard_normal(PATH_STEPS) / np.sqrt(PATH_STEPS)
        path = sigma * np.cumsum(steps + (scaled - steps.sum()) / PATH_STEPS)
        moves = np.array([0.0, max(0.0, path.max()), min(0.0, path.min()), sigma * scaled])
        exact = START_PRICES[position] * np.exp(log_price + moves)
        prices[i] = [float(f"{price:.{PRICE_DIGITS}g}") for price in exact]
        log_price += sigma * scaled
    return prices


def seconds(work: Callable[[], object]) -> tuple[float, object]:
    """Run `work` once; return the seconds it took and what it gave."""
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def compare(name: str, fast: Callable[[], NDArray], plain: Callable[[], NDArray], n_candles: int) -> None:
    """Print microseconds a candle of both, and their ratio, once they agree."""
    fast()  # compiles
    fast_s, got = min((seconds(fast) for _ in range(3)), key=lambda run: run[0])
    plain_s, expected = seconds(plain)
    np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-11)
    fast_us, plain_us = 1e6 * fast_s / n_candles, 1e6 * plain_s / n_candles
    print(f"{name:8} numba {fast_us:6.3f}  numpy {plain_us:6.3f} us/candle  {plain_us / fast_us:5.1f}x")


def main() -> None:
    """Print the ratios on a sample, then the seconds for a million candles with their ceiling."""
    params = SimulationParams(
        market="trend",
        signal=0.34,
        seed=0,
        days=SAMPLE_DAYS,
        start="2024-01-01",
        regime_minutes=240,
        volatility_bps=7.2,
        volatility_spread=0.3,
        correlation=0.7,
        gaps_per_day=2.0,
    )
    hidden = draw_hidden(params, len(SYMBOLS))
    scaled = hidden.scaled_returns
    compare(
        "filter",
        lambda: filter_regimes(scaled, params.regimes, params.correlation),
        lambda: plain_filter(params, scaled),
        scaled.size,
    )
    compare(
        "candles",
        lambda: np.stack(draw_candles(hidden, params.seed, 0)[:4], axis=1),
        lambda: plain_prices(params, hidden, 0),
        len(scaled),
    )
    million = params.model_copy(update={"days": MILLION_DAYS})
    million_s, tables = seconds(lambda: dict(simulate(million, SYMBOLS, HORIZON)))
    n_rows = sum(len(table.candles) for table in tables.values())
    print(f"{n_rows:,} candles of {len(SYMBOLS)} symbols with their ceiling: {million_s:.2f} s")


if __name__ == "__main__":
    main()
