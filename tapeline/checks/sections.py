"""params.yaml and the candles that it names, checked before anything runs: all that is wrong, at once.

Beside a mistake it says what to write instead, where that is known.
"""

from pathlib import Path
from typing import Any

from pydantic import BaseModel

from tapeline.backtest.costs import CostParams, InstrumentNames
from tapeline.backtest.ftmo import FtmoParams
from tapeline.backtest.latency import ExecutionParams
from tapeline.backtest.signals import SignalParams
from tapeline.baselines.params import BaselineParams
from tapeline.checks.candles import history_problems, read_candles, simulated_candles, split_days
from tapeline.checks.instruments import instrument_problems
from tapeline.checks.problems import Problem, problems_of
from tapeline.errors import ParamsError
from tapeline.evaluation.latency import LatencyParams
from tapeline.evaluation.live import LiveParams
from tapeline.evaluation.params import EvaluationParams
from tapeline.features.extra_files import read_extra, require_excluded
from tapeline.features.params import FeatureParams, LabelParams, selected_features
from tapeline.market.data_params import DataParams
from tapeline.market.simulation import SimulationParams
from tapeline.models.metrics import gate_metrics
from tapeline.models.network import NetworkEntry
from tapeline.models.ranges import TuneParams, range_mistakes
from tapeline.models.start import KEY, find_start, require_same
from tapeline.models.swept import SECTIONS as SWEPT
from tapeline.models.swept import SweepParams, swept_mistakes
from tapeline.models.table import ARTIFACTS, NETWORKS
from tapeline.nets.params import TrainParams
from tapeline.params import Params, nearest
from tapeline.promotion.gates import GateParams, PromotionParams
from tapeline.promotion.proofs import ProofParams
from tapeline.quality.params import QualityParams
from tapeline.splits.params import SplitParams
from tapeline.tiers import tier_a_reason

SECTIONS: dict[str, type[BaseModel]] = {
    "data": DataParams,
    "simulation": SimulationParams,
    "features": FeatureParams,
    "labels": LabelParams,
    "quality": QualityParams,
    "splits": SplitParams,
    **{model.section: model.architecture for model in NETWORKS},
    "train": TrainParams,
    "baselines": BaselineParams,
    "evaluation": EvaluationParams,
    "signals": SignalParams,
    "instruments": InstrumentNames,
    "costs": CostParams,
    "execution": ExecutionParams,
    "ftmo": FtmoParams,
    "promotion": PromotionParams,
    "proof": ProofParams,
    "gates": GateParams,
    "latency": LatencyParams,
    "live": LiveParams,
    "tune": TuneParams,
    "sweep": SweepParams,
}


def check(params: Params) -> tuple[list[Problem], list[str]]:
    """Return all problems or, where there are none, lines that sum up candles and splits."""
    problems, sections = check_sections(params)
    problems += check_combinations(sections)
    if "data" not in sections:
        return problems, []
    data = sections["data"]
    if data.source == "files":
        by_symbol, unread = read_candles(data)
    else:
        by_symbol, unread = simulated_candles(data, sections.get("simulation")), []
    problems += unread
    for name, table in sorted(data.extra.items()):
        problems += problems_of(read_extra, Path(data.extra_path), name, table, data.symbols)
    problems += start_problems(sections)
    if {"instruments", "costs"} <= set(sections):
        prices = {symbol: candles.price for symbol, candles in by_symbol.items()}
        problems += instrument_problems(data.symbols, sections["instruments"], sections["costs"], prices)
    if {"features", "labels", "splits"} <= set(sections) and not unread:
        problems += history_problems(by_symbol, data, sections)
    if problems:
        return problems, []
    lines = [candles.summary(symbol) for symbol, candles in by_symbol.items()]
    return [], [
        f"params.yaml: {len(SECTIONS)} sections in order",
        *lines,
        split_days(by_symbol, data, sections),
    ]


def check_sections(params: Params) -> tuple[list[Problem], dict[str, Any]]:
    """Return what is wrong within sections, and those that are in order, by name."""
    unknown = [name for name in params.sections if name not in SECTIONS]
    missing = [name for name in SECTIONS if name not in params.sections]
    problems, meant = [], set()
    for name in unknown:
        hint = nearest(name, missing)
        meant.add(nearest(name, missing).rpartition(" ")[2])
        rule = f"is no known section{hint}; there are {', '.join(SECTIONS)}"
        problems.append(Problem(str(ParamsError(name, "a section", rule))))
    sections: dict[str, Any] = {}
    for name, model in SECTIONS.items():
        if name in meant:
            continue
        mistakes = params.mistakes(name, model)
        problems += [Problem(str(mistake)) for mistake in mistakes]
        if not mistakes:
            sections[name] = params.section(name, model)
    return problems, sections


def check_combinations(sections: dict[str, Any]) -> list[Problem]:
    """Problems across sections, each of which is valid by itself."""
    problems = []
    for model in NETWORKS:
        if {"train", model.section} <= set(sections):
            problems += problems_of(model.adapt, sections["train"], sections[model.section])
    if "gates" in sections:
        problems += [Problem(str(error)) for error in sections["gates"].unknown(ARTIFACTS, gate_metrics())]
    if "tune" in sections:
        problems += [Problem(str(error)) for error in range_mistakes(sections["tune"])]
    if {"sweep", *SWEPT} <= set(sections):
        present = {name: sections[name].model_dump(mode="json") for name in SWEPT}
        problems += [Problem(str(error)) for error in swept_mistakes(sections["sweep"], present)]
    if "data" not in sections:
        return problems
    data = sections["data"]
    if {"gates", "signals"} <= set(sections):
        problems += tier_problems(sections["gates"], sections["signals"].resolved(data.source))
    if data.source == "simulated" and data.interval != "1m":
        rule = "must be 1m where data.source is simulated"
        problems.append(Problem(str(ParamsError("data.interval", data.interval, rule))))
    if "features" in sections:
        problems += problems_of(selected_features, sections["features"], data.interval)
        problems += problems_of(require_excluded, sections["features"].exclude, data.extra)
    return problems


def start_problems(sections: dict[str, Any]) -> list[Problem]:
    """What keeps each network from beginning with the bundle that `train.start_from` has of it."""
    if not {"data", "features", "labels", "train", *(model.section for model in NETWORKS)} <= set(sections):
        return []
    found = [problem for model in NETWORKS for problem in problems_of(_require_start, model, sections)]
    if not found and Path(path := sections["train"].start_from).is_dir():
        names = [model.artifact for model in NETWORKS]
        if not any((Path(path) / name).is_dir() for name in names):
            found = [Problem(str(ParamsError(KEY, path, f"holds none of {', '.join(names)}")))]
    return list({problem.text: problem for problem in found}.values())  # of the folder once


def _require_start(model: NetworkEntry, sections: dict[str, Any]) -> None:
    data, train = sections["data"], sections["train"]
    start = find_start(train.start_from, model.artifact)
    if start is None:
        return
    # Those of data.extra are known where its tables are joined.
    own = [feature.name for feature in selected_features(sections["features"], data.interval)]
    require_same(
        start, model, sections[model.section], train, sections["labels"].horizon, data.interval,
        None if data.extra else own,
    )  # fmt: skip


def tier_problems(gates: GateParams, signals: SignalParams) -> list[Problem]:
    """A problem for each gate on a tier that is none of those in force, and so on a metric that is null."""
    reason = tier_a_reason(signals.tier_names)
    return [
        Problem(str(ParamsError(f"gates.{artifact}", name, f"can't be judged: {reason}")))
        for artifact, of_artifact in gates.root.items()
        for name, gate in of_artifact.items()
        if reason and name.endswith("_tier_a") and not gate.may_be_null
    ]
