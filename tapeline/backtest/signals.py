"""From predictions to the side wanted at each close, and how much of it."""

from itertools import pairwise
from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from tapeline.params import Section

FloatArray = NDArray[np.float64]
Tier = Annotated[tuple[float, float], Field(strict=False)]  # confidence max(p, 1 - p): from, to
Share = Annotated[float, Field(ge=0, le=1)]
NO_TIER = -1
ROUNDING = 1e-9  # of a lot step, so that 3 steps computed as 2.9999999999 are 3


def check_tiers(tiers: dict[str, tuple[float, float]]) -> dict[str, tuple[float, float]]:
    """Return `tiers` if each is a range of confidence and none overlap; raise ValueError naming the rule."""
    for name, (low, high) in tiers.items():
        if not 0.5 <= low < high <= 1.0:
            raise ValueError(f"tier {name} must have 0.5 <= from < to <= 1, got {low} to {high}")
    ordered = sorted(tiers.items(), key=lambda item: item[1])
    for (lower, (_, end)), (upper, (start, _)) in pairwise(ordered):
        if start < end:
            raise ValueError(f"tiers must not overlap: {upper} begins at {start}, {lower} ends at {end}")
    return tiers


Tiers = Annotated[dict[str, Tier], Field(min_length=1), AfterValidator(check_tiers)]


class SignalParams(Section):
    """Section `signals`."""

    tiers: Tiers  # name -> [from, to) of confidence; the one that ends at 1 holds 1 too
    trade_tiers: Annotated[tuple[str, ...], Field(strict=False)]  # names of tiers that trade
    minimum_trend: Share  # predicted trend strength needed to enter; 0: no filter
    ablation_trends: Annotated[tuple[Share, ...], Field(strict=False)]  # minimums that are tried besides
    atr_candles: Annotated[int, Field(ge=2, le=1500)]  # average true range of so many candles
    stop: Annotated[float, Field(gt=0, le=1000)]  # average true ranges from entry to stop
    target: Annotated[float, Field(ge=0, le=1000)]  # likewise to the target; 0: none
    risk: Annotated[float, Field(gt=0, le=1)]  # of the initial balance, lost at the stop
    initial_balance: Annotated[float, Field(gt=0, allow_inf_nan=False)]  # account currency
    max_positions: Annotated[int, Field(ge=1, le=1000)]  # of all symbols, open or ordered
    max_margin: Annotated[float, Field(gt=0, le=1)]  # of equity, margin of all positions

    @field_validator("trade_tiers")
    @classmethod
    def _known_tiers(cls, names: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        tiers = info.data.get("tiers")  # not there if it broke a rule of its own
        for name in names:
            if tiers is not None and name not in tiers:
                raise ValueError(f"{name} is no tier; there are {', '.join(tiers)}")
        return names


class Signals(NamedTuple):
    """What is wanted at each close; arrays of one shape."""

    side: NDArray[np.int8]  # 1 long, -1 short, 0 none
    tier: NDArray[np.int8]  # position of the tier in the params, NO_TIER outside all


def make_signals(probability: FloatArray, trend_strength: FloatArray, params: SignalParams) -> Signals:
    """Return the signals of predictions, arrays of any one shape.

    probability : of up, 0..1; one half counts as up; NaN where nothing was predicted, which gives no side
    trend_strength : predicted, 0..1; NaN gives no side where `minimum_trend` asks for one
    """
    if ((probability < 0) | (probability > 1)).any():
        raise ValueError("probability must be within 0..1")
    confidence = np.maximum(probability, 1 - probability)
    tier = np.full(probability.shape, NO_TIER, dtype=np.int8)
    is_wanted = np.zeros(probability.shape, dtype=bool)
    for position, (name, (low, high)) in enumerate(params.tiers.items()):
        inside = (confidence >= low) & ((confidence < high) | (high == 1.0))
        tier[inside] = position
        if name in params.trade_tiers:
            is_wanted |= inside
    if params.minimum_trend > 0:
        is_wanted &= trend_strength >= params.minimum_trend
    return Signals(np.where(is_wanted, np.where(probability >= 0.5, 1, -1), 0).astype(np.int8), tier)


def size(stop_distance: FloatArray, step: float, params: SignalParams) -> FloatArray:
    """Units that lose `risk` of the initial balance over `stop_distance` (price), down to whole steps."""
    with np.errstate(divide="ignore", invalid="ignore"):
        units = params.risk * params.initial_balance / stop_distance
    return np.where(np.isfinite(units), np.floor(units / step + ROUNDING) * step, 0.0)
