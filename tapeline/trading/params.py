"""Everything in params.yaml that trading depends on, as one record."""

from dataclasses import dataclass, replace

import numpy as np

from tapeline.backtest.costs import CostParams, InstrumentNames
from tapeline.backtest.ftmo import FtmoParams
from tapeline.backtest.latency import ExecutionParams
from tapeline.backtest.signals import SignalParams
from tapeline.evaluation.params import EvaluationParams
from tapeline.params import Params
from tapeline.schema import INTERVAL_MINUTES, Horizon, Interval, Source


@dataclass(frozen=True)
class TradingParams:
    """Everything in params.yaml that trading depends on."""

    signals: SignalParams
    names: InstrumentNames
    costs: CostParams
    execution: ExecutionParams
    ftmo: FtmoParams
    evaluation: EvaluationParams
    horizon: int
    minutes: int

    @classmethod
    def read(cls, params: Params) -> "TradingParams":
        """Read the sections."""
        return cls(
            params.section("signals", SignalParams).resolved(params.value("data.source", Source)),
            params.section("instruments", InstrumentNames),
            params.section("costs", CostParams),
            params.section("execution", ExecutionParams),
            params.section("ftmo", FtmoParams),
            params.section("evaluation", EvaluationParams),
            params.value("labels.horizon", Horizon),
            INTERVAL_MINUTES[params.value("data.interval", Interval)],
        )

    def changed(self, section: str, **values: object) -> "TradingParams":
        """Return the same with some values of one section changed."""
        return replace(self, **{section: getattr(self, section).model_copy(update=values)})

    @property
    def guard_loss(self) -> float:
        """Loss of a day that ends it, account currency; infinite without a guard."""
        program = self.ftmo.chosen
        share = self.ftmo.guard * program.daily_loss if program else 0.0
        return share * self.signals.initial_balance if share else np.inf

    @property
    def hold(self) -> int:
        """Candles that a position is held at most."""
        return self.signals.hold or self.horizon
