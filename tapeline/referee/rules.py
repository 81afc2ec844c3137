"""What params declare before anything is computed, as plain numbers."""

from collections.abc import Mapping
from dataclasses import dataclass

CONFIDENCE, SHARE = "confidence", "share"


@dataclass(frozen=True)
class RowRules:
    """Which rows there are, in candles of `minutes`.

    warm_up : rows at a segment's start whose features are not there yet
    horizon : ahead that a label looks; embargo : left out besides between two parts
    sequence_length : that a prediction is made from; minimum_context : that the first label of a chunk has
    validation_stride : rows of validation between those that decide when to stop
    baseline_stride : rows between those that a baseline learns from; more where those would exceed
        baseline_rows
    max_filled_share : of such a window; max_fill : that a gap is filled for
    is_refit : whether one more model is trained, up to the end
    bins : of the calibration error; level : of every interval
    """

    minutes: int
    warm_up: int
    horizon: int
    embargo: int
    sequence_length: int
    minimum_context: int
    validation_stride: int
    baseline_stride: int
    baseline_rows: int
    max_filled_share: float
    max_fill: int
    is_refit: bool
    bins: int
    level: float

    @property
    def step(self) -> int:
        """Microseconds of a candle."""
        return self.minutes * 60_000_000


@dataclass(frozen=True)
class TierRules:
    """Tiers of confidence max(p, 1 - p), the most confident first; `by` says which of the two is in force.

    ranges : name: [from, to); one that ends at 1 holds 1
    shares : name: most confident share of a fold's own validation, with that of the tiers above it
    """

    by: str
    ranges: Mapping[str, tuple[float, float]]
    shares: Mapping[str, float]
    traded: tuple[str, ...]
    minimum_trend: float


@dataclass(frozen=True)
class InstrumentRules:
    """What one symbol is traded for; costs are fractions of the price or of the notional, all included."""

    spread: float  # whole, where it is not widened
    commission: float  # a fill
    step: float  # units that quantities are whole multiples of
    maximum: float  # units of an order
    is_short_allowed: bool
    swap_long: float  # a year, negative is paid
    swap_short: float
    leverage: float  # notional over margin
    is_cash: bool  # bought with the balance, not on margin


@dataclass(frozen=True)
class PhaseRules:
    """One phase: the profit that passes it, None where nothing does; days on which a position was opened."""

    target: float | None
    minimum_days: int


@dataclass(frozen=True)
class ProgramRules:
    """FTMO's limits, shares of the initial capital; `best_day` : of rising days' profit, None: no rule."""

    daily_loss: float
    max_loss: float
    is_trailing: bool
    best_day: float | None
    phases: Mapping[str, PhaseRules]

    @property
    def passable(self) -> list[str]:
        """Phases that have a target."""
        return [name for name, phase in self.phases.items() if phase.target is not None]


@dataclass(frozen=True)
class AccountRules:
    """How positions are opened and closed, in candles, average true ranges and account currency.

    slippage : one-minute sigmas, times the root of minutes of latency; basis : of the venue, fraction of the
    price; widening : multiple of the spread in the hours of `rollover`, from and to, "HH:MM" by the server's
    clock, and on its weekends; swap_nights : what the night that begins on a Monday, Tuesday... counts as
    is_exit_commission : whether the worst equity is taken after the commission still to pay
    programs : that the account is held against, `program` the one whose figures are declared
    is_touch_breach : whether equity that equals a floor has broken it
    max_margin : of equity, margin of all positions; is_always_open : whether no maintenance is declared
    guard_loss : below the balance of midnight in Prague, currency, that ends a day's trading
    level : of the interval of what was made
    """

    instruments: Mapping[str, InstrumentRules]
    latency_s: float
    slippage: float
    volatility_candles: int
    basis: float
    widening: float
    rollover: tuple[str, str]
    swap_nights: tuple[int, ...]
    is_exit_commission: bool
    hold: int
    atr_candles: int
    stop: float
    target: float
    risk: float
    initial_balance: float
    max_positions: int
    max_margin: float
    guard_loss: float
    is_always_open: bool
    programs: Mapping[str, ProgramRules]
    program: str
    is_touch_breach: bool
    level: float

    def candles_waited(self, step: int) -> int:
        """Candles of `step` microseconds from a decision's to the first whose open may fill it."""
        return max(1, -(-int(self.latency_s * 1e6) // step))
