"""From predictions to the side ordered at each close."""

from itertools import pairwise
from typing import Annotated, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from tapeline.params import Section
from tapeline.schema import Horizon
from tapeline.tiers import tier_numbers

FloatArray = NDArray[np.float64]
Tier = Annotated[tuple[float, float], Field(strict=False)]  # confidence max(p, 1 - p): from, to
Share = Annotated[float, Field(ge=0, le=1)]


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


def check_shares(shares: dict[str, float]) -> dict[str, float]:
    """Return `shares` if no two are equal, since a tier between them would be empty; raise ValueError."""
    for name, share in shares.items():
        same = [other for other, value in shares.items() if value == share and other != name]
        if same:
            raise ValueError(f"must differ: {name} and {same[0]} are both {share:g}")
    return shares


Tiers = Annotated[dict[str, Tier], Field(min_length=1), AfterValidator(check_tiers)]
TierShare = Annotated[float, Field(gt=0, le=1)]  # of a fold's validation candles, the most confident of them
TierShares = Annotated[dict[str, TierShare], Field(min_length=1), AfterValidator(check_shares)]
CONFIDENCE, SHARE = "confidence", "share"


class OrderParams(Section):
    """Of section `signals`, what makes orders of sides: stops, sizes, the portfolio's caps."""

    sides: Literal["both", "long"]  # long: predictions of a fall open nothing
    atr_candles: Annotated[int, Field(ge=2, le=1500)]  # average true range of so many candles
    stop: Annotated[float, Field(gt=0, le=1000)]  # average true ranges from entry to stop
    target: Annotated[float, Field(ge=0, le=1000)]  # likewise to the target; 0: none
    risk: Annotated[float, Field(gt=0, le=1)]  # of the initial balance, lost at the stop, all costs included
    initial_balance: Annotated[float, Field(ge=1, le=1e12)]  # account currency
    max_positions: Annotated[int, Field(ge=1, le=1000)]  # of all symbols, open or ordered
    max_margin: Annotated[float, Field(gt=0, le=1)]  # of equity, margin of all positions

    @property
    def budget(self) -> float:
        """What an order may lose at its stop, account currency."""
        return self.risk * self.initial_balance


class SignalParams(OrderParams):
    """Section `signals`."""

    tier_by: Literal["auto", "confidence", "share"]  # auto: share of files, else confidence
    tiers: Tiers  # by confidence: name -> [from, to) of it; the one that ends at 1 holds 1 too
    tier_shares: TierShares  # by share: name -> most confident share, that of the tiers above it included
    trade_tiers: Annotated[tuple[str, ...], Field(strict=False)]  # names of tiers that trade
    minimum_trend: Share  # predicted trend strength needed to enter; 0: no filter
    hold: Horizon | None  # candles that a position is held at most; null: the label's horizon
    ablation_trends: Annotated[
        tuple[Share, ...], Field(strict=False, max_length=100)
    ]  # minimums that are tried besides

    @field_validator("trade_tiers")
    @classmethod
    def _tiers_that_exist(cls, names: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        by = info.data.get("tier_by")
        for key, unused in (("tiers", SHARE), ("tier_shares", CONFIDENCE)):
            tiers = info.data.get(key)  # not there if it broke a rule of its own
            for name in names:
                if tiers is not None and by != unused and name not in tiers:
                    raise ValueError(f"{name} is no tier of signals.{key}; there are {', '.join(tiers)}")
        return names

    def resolved(self, source: str) -> "SignalParams":
        """Return the same with `tier_by` decided: `auto` goes by where candles come from, `data.source`."""
        auto = SHARE if source == "files" else CONFIDENCE
        return self.model_copy(update={"tier_by": auto}) if self.tier_by == "auto" else self

    @property
    def ranges(self) -> dict[str, tuple[float, float]]:
        """Tiers by confidence, the most confident first."""
        return dict(sorted(self.tiers.items(), key=lambda item: item[1], reverse=True))

    @property
    def tier_names(self) -> tuple[str, ...]:
        """Names of the tiers in force, the most confident first; numbers of tiers are positions in it."""
        return tuple(self.expected_coverage)

    @property
    def expected_coverage(self) -> dict[str, float | None]:
        """Share of predictions that each tier should hold, the most confident first; None by confidence."""
        if self.tier_by != SHARE:
            return dict.fromkeys(self.ranges)
        rising = sorted(self.tier_shares.items(), key=lambda item: item[1])
        below = 0.0, *(share for _, share in rising)
        return {name: share - last for (name, share), last in zip(rising, below[:-1], strict=True)}


class Signals(NamedTuple):
    """The side to order at each close; arrays of one shape."""

    side: NDArray[np.int8]  # 1 long, -1 short, 0 none
    tier: NDArray[np.int8]  # position in `tier_names`, NO_TIER outside all


def make_signals(
    probability: FloatArray,
    trend_strength: FloatArray,
    params: SignalParams,
    tier: NDArray[np.int8] | None = None,
) -> Signals:
    """Return the signals of predictions, arrays of any one shape.

    probability : of up, 0..1; one half counts as up; NaN where nothing was predicted, which gives no side
    trend_strength : predicted, 0..1; NaN gives no side where `minimum_trend` asks for one
    tier : position in `params.tier_names` of each prediction; None: from the ranges of `params.tiers`
    """
    if ((probability < 0) | (probability > 1)).any():
        raise ValueError("probability must be within 0..1")
    if tier is None:
        if params.tier_by == SHARE:
            raise ValueError("tiers by share have no ranges of their own: say the tier of each prediction")
        tier = tier_numbers(probability, params.ranges)
    traded = [position for position, name in enumerate(params.tier_names) if name in params.trade_tiers]
    is_traded = np.isin(tier, traded) & ~np.isnan(probability)
    if params.minimum_trend > 0:
        is_traded &= trend_strength >= params.minimum_trend
    return Signals(np.where(is_traded, np.where(probability >= 0.5, 1, -1), 0).astype(np.int8), tier)
