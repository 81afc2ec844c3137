"""What trading costs: half the spread against the trader, commission, swap. Every figure has a date."""

from fnmatch import fnmatchcase
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field, RootModel, StringConstraints, model_validator

from tapeline.backtest.clocks import in_daily_window, is_closed, is_weekend
from tapeline.errors import ParamsError
from tapeline.params import Section

FloatArray = NDArray[np.float64]
BPS = 1e-4  # one basis point, as a fraction
NIGHTS_A_YEAR = 360  # that brokers divide a yearly swap by
NO_ENTRY_MINUTES = 120  # before a closure that long, opening is forbidden as gap trading

CostBps = Annotated[float, Field(ge=0, lt=5_000)]
Positive = Annotated[float, Field(ge=1e-12, le=1e12)]
Nights = Annotated[int, Field(ge=0, le=7)]
Clock = Annotated[str, StringConstraints(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
Day = Literal["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
Window = Annotated[tuple[Day, Clock, Clock], Field(strict=False)]
Date = Annotated[str, StringConstraints(pattern=r"^\d{4}-\d\d-\d\d$")]


class InstrumentParams(Section):
    """One instrument of the broker: a contract on margin (cfd), or the coins themselves (spot).

    Coins are bought in cash: leverage is 1, no night costs swap, and nothing is sold that is not held.
    """

    kind: Literal["cfd", "spot"] = "cfd"  # as brokers quote it, where the user's line says nothing
    contract_size: Positive  # units of the coin in a lot
    lot_step: Positive  # lots; also the least order
    maximum_lots: Positive  # of one order
    leverage: Positive  # notional over margin
    spread_bps: CostBps  # whole quoted spread, basis points of the price
    commission_bps: CostBps  # basis points of the notional, a side
    swap_long: Annotated[float, Field(ge=-10, le=10)]  # a year, fraction of the notional; negative is paid
    swap_short: Annotated[float, Field(ge=-10, le=10)]

    @model_validator(mode="after")
    def _cash_has_no_leverage(self) -> "InstrumentParams":
        if self.kind == "spot" and self.leverage != 1:
            raise ValueError(
                f"of kind spot must have leverage 1, not {self.leverage:g}: it is bought in cash"
            )
        return self


class CostTerms(Section):
    """Of section `costs`, what one backtest takes: instruments, and what changes their costs with time."""

    multiple: Annotated[float, Field(ge=0, le=10)]  # of all costs
    basis_bps: CostBps  # that the broker's price may be worse than the exchange's, each fill and extreme
    widening: Annotated[float, Field(ge=1, le=100)]  # of the spread at rollover and on weekends
    rollover: Annotated[tuple[Clock, Clock], Field(strict=False)]  # from, to, server time
    swap_nights: Annotated[
        tuple[Nights, ...], Field(strict=False, min_length=7, max_length=7)
    ]  # from Monday on
    maintenance: Annotated[tuple[Window, ...], Field(strict=False)]  # weekly, server time: no fills
    instruments: dict[str, InstrumentParams]


class CostParams(CostTerms):
    """Section `costs`."""

    as_of: Date  # of the figures below
    stress: Annotated[tuple[Annotated[float, Field(ge=0, le=10)], ...], Field(strict=False, max_length=100)]


class InstrumentNames(RootModel[dict[str, str]]):
    """Section `instruments`: a symbol, or a pattern like `*-USD`, -> instrument of the broker."""

    model_config = ConfigDict(frozen=True, strict=True)

    def of(self, symbol: str) -> str | None:
        """The instrument of `symbol`: what its own name says, else what a pattern says that fits it; or None.

        ParamsError where patterns of different instruments fit.
        """
        if symbol in self.root:
            return self.root[symbol]
        fitting = {pattern: name for pattern, name in self.root.items() if fnmatchcase(symbol, pattern)}
        if len(set(fitting.values())) > 1:
            rule = f"all fit {symbol} and name different instruments: name it itself, or keep one of them"
            raise ParamsError("instruments", ", ".join(fitting), rule)
        return next(iter(fitting.values()), None)


def instrument_of(symbol: str, names: InstrumentNames, costs: CostTerms) -> InstrumentParams:
    """Return the instrument that `symbol` is traded as; ParamsError if it has none, or that has no costs."""
    name = names.of(symbol)
    if name is None:
        listed = ", ".join(names.root)
        raise ParamsError("instruments", listed, f"must name an instrument for the symbol {symbol}")
    if name not in costs.instruments:
        listed = ", ".join(costs.instruments)
        raise ParamsError(f"instruments.{symbol}", name, f"must be one of costs.instruments: {listed}")
    return costs.instruments[name]


def fee_of(instrument: InstrumentParams, multiple: float) -> tuple[float, ...]:
    """Terms of the instrument's commission, `multiple` times, in the order of `records.fee_dtype`."""
    return (instrument.commission_bps * BPS * multiple,)


def widenings(minute: NDArray[np.int64], costs: CostTerms) -> NDArray[np.float64]:
    """How many times wider than quoted spreads are at each `clocks.minute_of_week`; shape (n,)."""
    is_wide = in_daily_window(minute, costs.rollover) | is_weekend(minute)
    return np.where(is_wide, costs.widening, 1.0)


def half_spread(
    widening: NDArray[np.float64], instrument: InstrumentParams, costs: CostTerms
) -> NDArray[np.float64]:
    """Half the spread at each of `widenings`, fraction of the price; shape (n,)."""
    half = instrument.spread_bps * BPS / 2 * widening * costs.multiple
    if (half >= 0.5).any():
        rule = f"times {costs.widening * costs.multiple:g} is a spread wider than the price"
        raise ParamsError("costs.instruments.*.spread_bps", instrument.spread_bps, rule)
    return half


def market_hours(minute: NDArray[np.int64], costs: CostTerms) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Whether orders are filled at each `clocks.minute_of_week`, and positions opened; shape (n,) each."""
    can_fill = ~is_closed(minute, costs.maintenance)
    near = is_closed(minute, costs.maintenance, NO_ENTRY_MINUTES, NO_ENTRY_MINUTES)
    return can_fill, can_fill & ~near
