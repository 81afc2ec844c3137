"""Tiers of confidence, max(p, 1 - p): the one place that says which of them a probability falls into."""

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Ranges = Mapping[str, tuple[float, float]]  # tier: [from, to) of confidence, the most confident tier first
NO_TIER = -1
TIER_A = "A"  # the tier that declared metrics speak of
CONSTANT = 1e-6  # spread of probabilities below it is rounding of one number


def confidence(probability: FloatArray) -> FloatArray:
    """Confidence 0.5..1 of probabilities of up, of any shape; NaN stays NaN."""
    return np.maximum(probability, 1 - probability)


def is_constant(probability: FloatArray) -> bool:
    """Whether probabilities, shape (n,), are one number but for rounding; none at all are."""
    return probability.size == 0 or float(np.ptp(probability)) < CONSTANT


def tier_numbers(probability: FloatArray, ranges: Ranges) -> NDArray[np.int8]:
    """Position in `ranges` of the tier of each probability, of any shape; NO_TIER outside all, and for NaN.

    A range holds its lower end and not its upper one, but for 1. Of two that touch at 1, as shares of equal
    confidences can leave them, the first takes all.
    """
    of = confidence(probability)
    tier = np.full(of.shape, NO_TIER, dtype=np.int8)
    for position, (low, high) in enumerate(ranges.values()):
        inside = (of >= low) & ((of < high) | (high == 1.0))
        tier[inside & (tier == NO_TIER)] = position
    return tier


def in_tiers(probability: FloatArray, ranges: Ranges, names: Iterable[str]) -> NDArray[np.bool_]:
    """Whether each probability, of any shape, falls into one of the tiers called `names`."""
    wanted = set(names)
    positions = [position for position, name in enumerate(ranges) if name in wanted]
    return np.isin(tier_numbers(probability, ranges), positions)


def tier_a_reason(tiers: Iterable[str]) -> str | None:
    """Why there are no figures of tier A among `tiers`; None where there are."""
    names = list(tiers)
    return None if TIER_A in names else f"no tier is called {TIER_A}, there are {', '.join(names)}"


def ranges_by_share(probability: FloatArray, shares: Mapping[str, float]) -> dict[str, tuple[float, float]]:
    """Ranges of confidence whose tops hold the `shares` of `probability`, shape (n,): {A: 0.01, B: 0.05}.

    The threshold of a share is the highest confidence that at least so many of the rows reach, so rows of
    equal confidence fall into one tier and may make it larger. A is the most confident hundredth and B what
    follows up to a twentieth: tiers do not overlap. A network that says one number is never more confident
    than at other times: its ranges are empty but for 1. Raises ValueError without a row.
    """
    return Shares(probability).ranges(shares)


class Shares:
    """`ranges_by_share` of one and the same predictions, sorted once for any shares of them."""

    def __init__(self, probability: FloatArray) -> None:
        """Take `probability`, shape (n,); ValueError without a row."""
        if not probability.size:
            raise ValueError("no predictions to take shares of")
        self._is_constant = is_constant(probability)
        self._falling = np.sort(confidence(probability))[::-1]

    def ranges(self, shares: Mapping[str, float]) -> dict[str, tuple[float, float]]:
        """Range of confidence of each share, the most confident first."""
        if self._is_constant:
            return dict.fromkeys(sorted(shares, key=shares.__getitem__), (1.0, 1.0))
        ranges, high = {}, 1.0
        for name, share in sorted(shares.items(), key=lambda item: item[1]):
            # Less than half a row is rounding: 0.07 of 100 rows are 7, not 7.000000000000001.
            least = max(1, int(np.ceil(share * self._falling.size - 1e-9)))
            low = float(self._falling[least - 1])
            ranges[name] = low, high
            high = low
        return ranges
