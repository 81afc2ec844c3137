"""How often intervals of 95 % hold the truth, over many samples of a market: the choice of their method.

Run as `python -m benchmarks.coverage DAYS dependent|independent [SAMPLES]`; prints a table. The truth is the
figure over all samples together.
"""

import sys
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.fft import dct
from scipy.signal import lfilter

from tapeline.evaluation.significance import BlockBootstrap, Intervals, ratio_interval, share_interval

Array = NDArray[np.float64]
A_DAY, SYMBOLS, HORIZON, LEVEL = 288, 2, 3, 0.95  # candles of five minutes; a label reaches over three
# Of the default market: a trend's drift in sigmas of a candle, candles a regime stays.
SIGNAL, STAY, CORRELATION, SPREAD = 0.34 * 5**0.5, 48, 0.7, 0.3
MEMORY = 9  # candles: the calls are of a mean of past returns that forgets so fast
TIERS = {"tier of 5 %": 0.05, "tier of 0.5 %": 0.005, "tier of 0.05 %": 0.0005}
COST = 1.3  # candles' sigmas, of a trade


def dependent_rows(rng: np.random.Generator, days: int) -> dict[str, Array]:
    """Probability, label, control's probability and 15-minute return, (symbols, bars) each.

    Regimes stay for hours and noise is common to the symbols, as in the simulated market; over the days
    volatility wanders, and some days trend and others do not. Calls persist: they are of a mean of the past.
    """
    n = days * A_DAY + HORIZON
    common = rng.standard_normal(n)
    of_day = np.repeat(rng.uniform(0, 2, days + 1) * SIGNAL, A_DAY)[:n]
    sigma = np.repeat(np.exp(SPREAD * rng.standard_normal(days + 1)), A_DAY)[:n]
    scaled = np.empty((SYMBOLS, n))
    for symbol in range(SYMBOLS):
        stays = rng.geometric(1 / STAY, 3 * n // STAY + 20)
        regime = np.repeat(rng.integers(-1, 2, stays.size), stays)[:n]
        own = rng.standard_normal(n)
        scaled[symbol] = of_day * regime + np.sqrt(CORRELATION) * common + np.sqrt(1 - CORRELATION) * own
    total = np.cumsum(scaled * sigma, axis=1)
    ahead = total[:, HORIZON:] - total[:, :-HORIZON]
    behind = np.concatenate([total[:, :HORIZON], ahead], axis=1)[:, : n - HORIZON]
    share = 1 / MEMORY
    mean = lfilter([share], [1, share - 1], scaled, axis=1)[:, : n - HORIZON] / np.sqrt(share / 2)
    return {
        "probability": 1 / (1 + np.exp(-0.5 * mean)),
        "label": (ahead > 0).astype(float),
        "control": np.where(behind > 0, 0.62, 0.38),
        "return": ahead,
    }


def independent_rows(rng: np.random.Generator, days: int) -> dict[str, Array]:
    """The same of rows that know nothing of each other, calibrated, with heavy tails."""
    shape = SYMBOLS, days * A_DAY
    probability = 1 / (1 + np.exp(-1.2 * rng.standard_normal(shape)))
    label = (rng.random(shape) < probability).astype(float)
    size = np.abs(rng.standard_t(4, shape)) * 4
    control = np.where(rng.random(shape) < np.where(label == 1, 0.62, 0.38), 0.62, 0.38)
    return {
        "probability": probability, "label": label, "control": control, "return": size * (2 * label - 1)
    }  # fmt: skip


ROWS = {"dependent": dependent_rows, "independent": independent_rows}


def figures_of(rows: dict[str, Array], cuts: dict[str, float]) -> Iterator[tuple[str, Array, Array]]:
    """Name, values and bars of every figure that is a mean; money is the mean PnL of a day."""
    p, y, control = (rows[name].ravel() for name in ("probability", "label", "control"))
    bars = rows["label"].shape[1]
    bar = np.tile(np.arange(bars), SYMBOLS)
    hit, control_hit = (((q >= 0.5) == (y == 1)).astype(float) for q in (p, control))
    loss, control_loss = (-np.log(np.where(y == 1, q, 1 - q)) for q in (p, control))
    yield "accuracy", hit, bar
    yield "log loss", loss, bar
    yield "Brier score", (p - y) ** 2, bar
    yield "difference of accuracies", hit - control_hit, bar
    yield "difference of log losses", control_loss - loss, bar
    confidence = np.maximum(p, 1 - p)
    for name, cut in cuts.items():
        yield name, hit[confidence >= cut], bar[confidence >= cut]
    side = np.where(p >= 0.5, 1.0, -1.0)
    is_trade = (confidence >= cuts["tier of 5 %"]) & (bar % HORIZON == 0)
    pnl = np.where(is_trade, side * rows["return"].ravel() - COST, 0.0)
    day = bar // A_DAY
    yield "net PnL of the days", np.bincount(day, weights=pnl), np.arange(bars // A_DAY)
    if is_trade.any():
        yield "net PnL a trade", pnl[is_trade], day[is_trade]


def shares_of(rows: dict[str, Array], cuts: dict[str, float]) -> Iterator[tuple[str, tuple]]:
    """Intervals that the project gives the tiers' shares of hits."""
    p, y = rows["probability"].ravel(), rows["label"].ravel()
    hit, confidence = ((p >= 0.5) == (y == 1)).astype(float), np.maximum(p, 1 - p)
    intervals = Intervals(np.tile(np.arange(rows["label"].shape[1]), SYMBOLS), LEVEL)
    for name, cut in cuts.items():
        if (confidence >= cut).any():
            yield name, share_interval(hit, confidence >= cut, intervals)[1:]


def cosine(values: Array, bar: NDArray[np.int64]) -> tuple[float | None, float | None]:
    """What the project uses."""
    return Intervals(bar, LEVEL).interval_of_mean(values)


def skewed(values: Array, bar: NDArray[np.int64]) -> tuple[float | None, float | None]:
    """What the project uses for money."""
    return Intervals(bar, LEVEL, is_skewed=True).interval_of_mean(values)


def fieller(values: Array, bar: NDArray[np.int64]) -> tuple[float | None, float | None]:
    """What the project uses for a mean over days of unlike numbers of trades."""
    return ratio_interval(np.bincount(bar, weights=values), np.bincount(bar).astype(float), LEVEL)


def percentile(values: Array, bar: NDArray[np.int64]) -> tuple[float, float]:
    """What it used before: half a day a block, a day where bars are days."""
    block = 144 if len(values) > 5000 else 1
    return BlockBootstrap(bar, block, 400, LEVEL, 0).interval_of_mean(values)


def eight_cosines(values: Array, bar: NDArray[np.int64]) -> tuple[float, float]:
    """The project's estimator with two cosines more."""
    off = _off(values, bar)
    freedom = min(8, len(off) - 1)
    waves = dct(off, type=2, norm="ortho")[1 : freedom + 1]
    half = np.sqrt(np.mean(waves**2) * len(off)) / len(values) * stats.t.ppf((1 + LEVEL) / 2, freedom)
    return values.mean() - half, values.mean() + half


def block_tenth(values: Array, bar: NDArray[np.int64]) -> tuple[float | None, float | None]:
    """Means of overlapping blocks of a tenth of the bars."""
    off = _off(values, bar)
    block = max(1, len(off) // 10)
    if len(off) <= block:
        return None, None
    sums = np.convolve(off, np.ones(block), "valid") if block < 50 else _moving(off, block)
    variance = np.mean(sums**2) / block * len(off) * len(off) / (len(off) - block)
    half = np.sqrt(variance) / len(values) * stats.t.ppf((1 + LEVEL) / 2, len(off) / block - 1)
    return values.mean() - half, values.mean() + half


def hac_fifth(values: Array, bar: NDArray[np.int64]) -> tuple[float, float]:
    """Bartlett's weights up to a fifth of the bars, critical value of Kiefer, Vogelsang 2005."""
    off = _off(values, bar)
    lags = max(1, len(off) // 5)
    padded = np.concatenate([np.zeros(lags), off, np.zeros(lags)])
    b = lags / len(off)
    critical = 1.9600 + 2.9694 * b + 0.4160 * b**2 - 0.5324 * b**3
    half = np.sqrt(np.sum(_moving(padded, lags) ** 2) / lags) / len(values) * critical
    return values.mean() - half, values.mean() + half


METHODS: dict[str, Callable] = {
    "cosine": cosine, "cosine, 8": eight_cosines, "block n/10": block_tenth, "HAC n/5": hac_fifth,
    "percentile": percentile, "skewed": skewed, "Fieller": fieller,
}  # fmt: skip


def _off(values: Array, bar: NDArray[np.int64]) -> Array:
    return np.bincount(bar, weights=values - values.mean())[np.bincount(bar) > 0]


def _moving(off: Array, block: int) -> Array:
    totals = np.concatenate([[0.0], np.cumsum(off)])
    return totals[block:] - totals[:-block]


def methods_of(name: str) -> list[str]:
    """Of a figure: the bootstrap where it is affordable, what tiers and money have besides."""
    chosen = ["cosine", "cosine, 8", "block n/10", "HAC n/5"]
    if name.startswith("tier"):
        return chosen
    if name.startswith("net"):
        return [*chosen, "percentile", "skewed", *(["Fieller"] if name.endswith("trade") else [])]
    return chosen + (["percentile"] if name == "accuracy" else [])


def cover(days: int, kind: str, samples: int) -> dict[str, dict[str, tuple[float, float, int]]]:
    """By figure and method: share of intervals that hold the truth, mean width, samples without one."""
    make = ROWS[kind]
    pilot = make(np.random.default_rng(10**6), 60)["probability"]
    confidence = np.maximum(pilot, 1 - pilot)
    cuts = {name: float(np.quantile(confidence, 1 - share)) for name, share in TIERS.items()}
    ends: dict[str, dict[str, list]] = {}
    sums: dict[str, list[tuple[float, int]]] = {}
    for sample in range(samples):
        rows = make(np.random.default_rng([sample, days]), days)
        for name, values, bar in figures_of(rows, cuts):
            sums.setdefault(name, []).append((values.sum(), len(values)))
            for method in methods_of(name):
                found = METHODS[method](values, bar) if len(values) and np.ptp(values) > 0 else (None, None)
                ends.setdefault(name, {}).setdefault(method, []).append(found)
        for name, found in shares_of(rows, cuts):
            ends.setdefault(name, {}).setdefault("Wilson", []).append(found)
    table: dict[str, dict[str, tuple[float, float, int]]] = {}
    for name, by_method in ends.items():
        total = np.sum(sums[name], axis=0)
        truth = total[0] / total[1]
        for method, found in by_method.items():
            known = np.array([pair for pair in found if pair[0] is not None], dtype=float).reshape(-1, 2)
            held = np.mean((known[:, 0] <= truth) & (truth <= known[:, 1]))
            width = np.mean(known[:, 1] - known[:, 0])
            table.setdefault(name, {})[method] = (float(held), float(width), samples - len(known))
    return table


def main() -> None:
    """Print the table of one length and kind."""
    days, kind = int(sys.argv[1]), sys.argv[2]
    samples = int(sys.argv[3]) if len(sys.argv) > 3 else 2000
    print(
        f"{days} days, {kind}, {samples} samples: coverage of 95 %, mean width, samples without an interval"
    )
    for name, by_method in cover(days, kind, samples).items():
        for method, (held, width, without) in by_method.items():
            print(f"{name:26s} {method:12s} {100 * held:5.1f} {width:10.5f} {without:5d}")


if __name__ == "__main__":
    main()
