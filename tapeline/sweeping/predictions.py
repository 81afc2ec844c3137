"""What a sweep trades: what networks say of inner folds, which end before the first test, or of the tests."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from tapeline.backtest.portfolio import align_predictions
from tapeline.backtest.tiers import add_tiers
from tapeline.errors import ArtifactError
from tapeline.models.table import TRADED
from tapeline.params import Params
from tapeline.schema import ROW_KEYS
from tapeline.scoring.models import Scoring
from tapeline.splits.candidate import read_candidate
from tapeline.splits.folds import read_folds
from tapeline.sweeping.accounts import SweptMarket
from tapeline.sweeping.calls import sort_calls
from tapeline.sweeping.inner import predict_inner
from tapeline.sweeping.plan import SweepPlan
from tapeline.tiers import NO_TIER
from tapeline.trading.accounts import TradingInputs, align_inputs
from tapeline.trading.params import TradingParams
from tapeline.training.provenance import FEATURES, SPLITS

INNER, TESTS = "inner", "tests"
Tell = Callable[[str], None]


@dataclass(frozen=True)
class SweptPredictions:
    """Predictions that are traded.

    direction, trend : `symbol`, `timestamp`, `fold`, `prediction`, a row a predicted candle
    validation : `fold`, `prediction` of the direction's models on their own validation
    first_test : when the first reported test begins
    before : no candle that opens then or later is seen; None where all are
    """

    direction: pd.DataFrame
    trend: pd.DataFrame
    validation: pd.DataFrame
    first_test: pd.Timestamp
    before: pd.Timestamp | None

    def plainly(self, market: SweptMarket, params: TradingParams) -> TradingInputs:
        """Candles and predictions, each with its tier as the stage evaluate finds it."""
        inputs = market.inputs(params)
        rows = add_tiers(self.direction, params.signals, self.validation)
        tier = align_predictions(inputs.market, rows, "tier")
        known = np.where(np.isnan(tier), NO_TIER, tier).astype(np.int8)
        return TradingInputs(inputs.market, inputs.probability, inputs.trend_strength, known)

    def market(self, present: TradingParams) -> SweptMarket:
        """All that accounts on these predictions share."""
        rows = self.direction.assign(tier=0)

        def read(params: TradingParams) -> TradingInputs:
            return align_inputs(rows, self.trend, params, self.before)

        inputs = read(present)
        fold = align_predictions(
            inputs.market, self.direction.assign(fold=self.direction["fold"].astype(int)), "fold"
        )
        of, said = (self.validation[name].to_numpy() for name in ("fold", "prediction"))
        own = {int(k): said[of == k] for k in np.unique(of)}
        market = SweptMarket(sort_calls(inputs, fold, own), read)
        market.keep(inputs, present)
        return market


def require_run(on: str) -> None:
    """Raise ArtifactError where what is swept on has not been made yet."""
    needed = (
        [FEATURES, SPLITS] if on == INNER else [f"data/predictions/{model.name}.parquet" for model in TRADED]
    )
    stage = "splits" if on == INNER else "evaluate"
    for path in needed:
        if not Path(path).exists():
            raise ArtifactError(f"{path}: is not there; `dvc repro {stage}` makes what a sweep on {on} needs")


def read_swept(params: Params, plan: SweepPlan, on: str, tell: Tell) -> SweptPredictions:
    """Read what is traded, and train on the inner folds what has not been yet."""
    if on == TESTS:
        return read_tests(params, plan)
    predicted, first_test = predict_inner(params, plan, tell)
    direction, trend = predicted[TRADED[0].name], predicted.get(TRADED[1].name)
    test, validation = (
        direction[direction["part"] == part].drop(columns="part") for part in ("test", "validation")
    )
    unknown = test[ROW_KEYS].assign(prediction=np.nan)  # of what no configuration looks at
    strength = unknown if trend is None else trend[trend["part"] == "test"]
    return SweptPredictions(
        test.reset_index(drop=True), strength.reset_index(drop=True), validation, first_test, first_test
    )


def read_tests(params: Params, plan: SweepPlan) -> SweptPredictions:
    """What the run in this folder predicted on its tests, as the stage evaluate reads it."""
    folds = read_folds(SPLITS)
    trading = plan.present
    scoring = Scoring.of_run(params, folds, read_candidate(params), trading.signals, trading.evaluation)
    direction, trend = (scoring.read(model) for model in TRADED)
    first_test = min(fold.test[0] for fold in folds)
    return SweptPredictions(direction.test, trend.test, direction.validation, first_test, None)
