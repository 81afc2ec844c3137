"""How many candles each split part is long: days as they are given, `auto` as a share of the span.

The shares cut 120 days of candles into 94 of training, 5 of validation and three tests of 6; the little that
they leave is for the features' warm-up. Where that takes more, or the days that are given do, `auto` parts
give way together, down to a least length.
"""

from dataclasses import asdict, dataclass, replace

import pandas as pd

from tapeline.errors import SplitError
from tapeline.splits.params import SplitParams

# Of the candles from the first to the last; all tests together, so that more folds test the same candles.
SHARES = {"train": 0.7836, "validation": 0.042, "test": 0.151}
# Candles of an `auto` part that are left to train, calibrate and score on, behind purge and embargo and, in a
# test, before the last whose labels are known. Figures of so few say little, and their intervals show it.
LEAST = {"train": 100, "validation": 30, "test": 15}


@dataclass(frozen=True)
class Span:
    """The clock that folds are cut from, in candles.

    `rows` candles have features; `lost` before them went into the features' warm-up.
    """

    rows: int
    lost: int
    bars_per_day: int

    @classmethod
    def of_times(cls, candles: pd.Series, rows: pd.Series, minutes: int) -> "Span":
        """The clock from the first to the last of `rows`, times of features; `candles` began earlier."""
        step = pd.Timedelta(minutes=minutes)
        total, n_bars = (int((times.max() - times.min()) / step) + 1 for times in (candles, rows))
        return cls(n_bars, total - n_bars, 1440 // minutes)

    @property
    def total(self) -> int:
        """Candles from the first to the last."""
        return self.rows + self.lost


@dataclass(frozen=True)
class Lengths:
    """Candles of each split part, the purge and embargo at its end included."""

    train: int
    validation: int
    test: int

    def needed(self, folds: int) -> int:
        """Candles that the folds take up together."""
        return self.train + self.validation + folds * self.test


def gap_bars(params: SplitParams, bars_per_day: int, horizon: int) -> int:
    """Candles that are left out before the next part begins: purge and embargo."""
    step = pd.Timedelta(days=1) / bars_per_day
    return -(-params.gap(horizon, step) // step)


def days_per_part(lengths: Lengths, span: Span) -> dict[str, float]:
    """Days of candles there are, and of each split part, whether they were given or `auto`."""
    n_bars = {"candles": span.total} | asdict(lengths)
    return {name: round(n / span.bars_per_day, 2) for name, n in n_bars.items()}


def part_lengths(params: SplitParams, span: Span, horizon: int) -> Lengths:
    """Return the candles of each part; SplitError says how many days `span` is short of what they need."""
    least = least_lengths(params, span.bars_per_day, horizon)
    spare = span.rows - least.needed(params.folds)
    if spare < 0:
        raise SplitError(_shortage(params, span, least))
    count = {"train": 1, "validation": 1, "test": params.folds}
    asked = {
        part: max(0, int(span.total * share / count[part]) - getattr(least, part))
        for part, share in SHARES.items()
        if getattr(params, part) == "auto"
    }
    total = sum(count[part] * more for part, more in asked.items())
    kept = min(1.0, spare / total) if total else 0.0
    longer = {
        part: _whole_hours(getattr(least, part) + int(kept * more), span) for part, more in asked.items()
    }
    return replace(least, **{part: max(getattr(least, part), length) for part, length in longer.items()})


def least_lengths(params: SplitParams, bars_per_day: int, horizon: int) -> Lengths:
    """Fewest candles of each part: the days that are given, or what an `auto` part needs.

    Raises SplitError where days are given that purge and embargo leave nothing of.
    """
    gap = gap_bars(params, bars_per_day, horizon)
    taken = {"train": gap, "validation": gap, "test": horizon}
    n_bars = {}
    for part, least in LEAST.items():
        days = getattr(params, part)
        n_bars[part] = taken[part] + least if days == "auto" else round(days * bars_per_day)
        if part != "test" and n_bars[part] <= gap:
            rule = f"must exceed labels.horizon + splits.embargo = {gap}"
            raise SplitError(f"splits.{part} is {n_bars[part]} candles: {rule}")
    if not n_bars["test"]:
        raise SplitError("splits.test is 0 candles: must hold a candle")
    return Lengths(**n_bars)


def _whole_hours(n_bars: int, span: Span) -> int:
    """So many candles or fewer: a part begins a whole number of hours before the end of the candles."""
    return n_bars * 24 // span.bars_per_day * span.bars_per_day // 24


def _shortage(params: SplitParams, span: Span, least: Lengths) -> str:
    parts = {part: getattr(params, part) for part in LEAST}
    settings = [
        f"splits.{part} = {days}" + (f" (at least {getattr(least, part)} candles)" if days == "auto" else "")
        for part, days in parts.items()
    ]
    needed = least.needed(params.folds)
    want, have = ((n + span.lost) / span.bars_per_day for n in (needed, span.rows))
    return (
        f"{max(span.rows, 0)} candles behind the warm-up of {span.lost} are fewer than the {needed} that "
        f"splits.folds = {params.folds}, {', '.join(settings)} need: that takes {want:.1f} days of candles, "
        f"there are {have:.1f}"
    )
