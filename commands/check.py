"""Check the whole of params.yaml: every section, every key, and what sections ask of each other."""

import sys

from tapeline.backtest.costs import CostParams, InstrumentNames, instrument_of
from tapeline.backtest.ftmo import FtmoParams
from tapeline.backtest.latency import ExecutionParams
from tapeline.backtest.signals import SignalParams
from tapeline.errors import ParamsError, TapelineError
from tapeline.evaluation.latency import LatencyParams
from tapeline.evaluation.params import EvaluationParams
from tapeline.features.params import FeatureParams, LabelParams, selected_features
from tapeline.market.data_params import DataParams
from tapeline.market.simulation import SimulationParams
from tapeline.nets.params import LstmParams, TrainParams, TransformerParams, check_longest
from tapeline.params import Params
from tapeline.promotion.gates import GateParams, PromotionParams
from tapeline.quality.params import QualityParams
from tapeline.schema import INTERVAL_MINUTES
from tapeline.splits.lengths import Span, least_lengths, part_lengths
from tapeline.splits.params import SplitParams

SECTIONS = {
    "data": DataParams,
    "simulation": SimulationParams,
    "features": FeatureParams,
    "labels": LabelParams,
    "quality": QualityParams,
    "splits": SplitParams,
    "model": LstmParams,
    "transformer": TransformerParams,
    "train": TrainParams,
    "evaluation": EvaluationParams,
    "signals": SignalParams,
    "instruments": InstrumentNames,
    "costs": CostParams,
    "execution": ExecutionParams,
    "ftmo": FtmoParams,
    "promotion": PromotionParams,
    "gates": GateParams,
    "latency": LatencyParams,
}


def check(params: Params) -> None:
    """Raise ParamsError for the first section, key or combination that is against a rule."""
    for name in params.sections:
        if name not in SECTIONS:
            raise ParamsError(name, "a section", f"is no known section; there are {', '.join(SECTIONS)}")
    sections = {name: params.section(name, model) for name, model in SECTIONS.items()}
    check_longest(sections["train"], sections["transformer"])
    data = sections["data"]
    if data.source == "simulated" and data.interval != "1m":
        raise ParamsError("data.interval", data.interval, "must be 1m where data.source is simulated")
    selected_features(sections["features"], data.interval)
    for symbol in data.symbols:
        instrument_of(symbol, sections["instruments"], sections["costs"])
    _check_enough_candles(sections)


def _check_enough_candles(sections: dict) -> None:
    data, splits, labels = sections["data"], sections["splits"], sections["labels"]
    bars_per_day = 1440 // INTERVAL_MINUTES[data.interval]
    least_lengths(splits, bars_per_day, labels.horizon)
    if data.source == "simulated":
        features = selected_features(sections["features"], data.interval)
        warm_up = max(feature.lookback for feature in features) - 1
        n_bars = sections["simulation"].days * bars_per_day
        part_lengths(splits, Span(n_bars - warm_up, warm_up, bars_per_day), labels.horizon)


def main() -> None:
    """Check params.yaml; end with one line and a non-zero status if anything is wrong."""
    try:
        check(Params.read())
    except TapelineError as error:
        sys.exit(str(error))
    print(f"params.yaml: {len(SECTIONS)} sections in order")


if __name__ == "__main__":
    main()
