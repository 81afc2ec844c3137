"""From predictions to the side wanted at each close."""

from itertools import pairwise
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from tapeline.params import Section

Tier = Annotated[tuple[float, float], Field(strict=False)]  # confidence max(p, 1 - p): from, to


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
    minimum_trend: Annotated[float, Field(ge=0, le=1)]  # predicted strength needed to enter; 0: no filter
    notional_share: Annotated[float, Field(gt=0, allow_inf_nan=False)]  # of the initial balance, a position
    initial_balance: Annotated[float, Field(gt=0, allow_inf_nan=False)]  # account currency

    @field_validator("trade_tiers")
    @classmethod
    def _known_tiers(cls, names: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        tiers = info.data.get("tiers")  # not there if it broke a rule of its own
        for name in names:
            if tiers is not None and name not in tiers:
                raise ValueError(f"{name} is no tier; there are {', '.join(tiers)}")
        return names


def make_signals(
    probability: NDArray[np.float64], trend_strength: NDArray[np.float64], params: SignalParams
) -> NDArray[np.int8]:
    """Return the side wanted at each close, shape (n,): 1 long, -1 short, 0 none.

    probability : (n,) of up, 0..1; one half counts as up; NaN where nothing was predicted, which gives 0
    trend_strength : (n,) predicted, 0..1; NaN gives 0 where `minimum_trend` asks for one
    """
    if ((probability < 0) | (probability > 1)).any():
        raise ValueError("probability must be within 0..1")
    confidence = np.maximum(probability, 1 - probability)
    is_wanted = np.zeros(probability.shape, dtype=bool)
    for low, high in (params.tiers[name] for name in params.trade_tiers):
        is_wanted |= (confidence >= low) & ((confidence < high) | (high == 1.0))
    if params.minimum_trend > 0:
        is_wanted &= trend_strength >= params.minimum_trend
    return np.where(is_wanted, np.where(probability >= 0.5, 1, -1), 0).astype(np.int8)
