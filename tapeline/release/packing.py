"""Content of a bundle beside its graph: contract, features, params, metrics, model card."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from tapeline.backtest.tiers import model_ranges
from tapeline.evaluation.metrics import CANDIDATE
from tapeline.features.params import FeatureParams, LabelParams
from tapeline.market.origin import read_origin
from tapeline.models.entry import ModelEntry
from tapeline.nets.export import Served, reference_outputs, to_onnx
from tapeline.nets.loading import Model, load_model
from tapeline.nets.models import DESCRIPTION, WEIGHTS
from tapeline.nets.params import TrainParams
from tapeline.nets.skill import no_skill
from tapeline.outputs import read_json
from tapeline.params import Params
from tapeline.promotion.bundle import CONTRACT, FEATURES, FIGURES, GRAPH, MODEL, open_bundle, pack
from tapeline.promotion.card import model_card
from tapeline.promotion.contract import (
    BundleFigures,
    Contract,
    FileMetrics,
    Input,
    Label,
    Origin,
    Output,
    OwnFigures,
    Span,
    Tiers,
)
from tapeline.promotion.release_record import PackedBundle
from tapeline.promotion.versions import fingerprint
from tapeline.schema import DIRECTION, OHLCV, FilledShare, MaxFill, Refit, Symbols
from tapeline.splits.candidate import read_candidate
from tapeline.store.feature_store import FeatureStore
from tapeline.trading.params import TradingParams

OUTPUTS = {
    "direction": ("probability", "that the close is higher `horizon` candles on, calibrated on validation"),
    "trend_strength": ("trend_strength", "how straight the way of the next `horizon` candles will be"),
}


def pack_candidate(
    folder: Path, model: ModelEntry, params: Params, metrics: FileMetrics
) -> tuple[PackedBundle, float]:
    """Pack the bundle of `model`; return its record, and the largest difference of the ONNX graph to torch.

    metrics : file -> metrics of the model, as they go into the bundle
    """
    candidate, trained_in = read_candidate(params), Path(f"models/{model.name}")
    names = [f"fold_{k}" for k in range(candidate.n_folds)]
    trained = {name: load_model(trained_in / name, model.build_described) for name in names}
    source = trained_in / candidate.model
    offered = load_model(source, model.build_described)
    graph, served, windows = export(offered)
    store = FeatureStore("data/features")
    contract = make_contract(model, offered, params, store, candidate.fold)
    params_used = read_params_used(model, params)
    schema = store.schema(contract.input.symbols[0])
    span = span_of(offered)
    trainings = read_json(f"metrics/detail/{model.name}_training.json")["folds"]
    figures = BundleFigures(
        refit=candidate.is_refit,
        folds={name: span_of(each) for name, each in trained.items()},
        candidate=own_figures(candidate.record, metrics),
        metrics=metrics,
    )
    files = {
        GRAPH: graph,
        WEIGHTS: (source / WEIGHTS).read_bytes(),
        MODEL: (source / DESCRIPTION).read_bytes(),
        CONTRACT: as_json(contract.plain()),
        FEATURES: as_json([feature.model_dump() for feature in schema.features]),
        "params.json": as_json(params_used),
        FIGURES: as_json(figures.plain()),
        "model_card.md": model_card(
            contract, span, params_used, model.section, figures, no_skill(trainings[candidate.model])
        ).encode(),
    }
    made_from = offered.description.made_from
    fingerprints = {
        "contract": contract.fingerprint,
        "params": fingerprint({name: without_seed(values) for name, values in params_used.items()}),
        "code": fingerprint([made_from["code"], made_from["features"]]),
        "data": made_from["data"],
        "seed": fingerprint(params_used["train"]["seed"]),
    }
    bundle_id = pack(folder, files, fingerprints)
    difference = np.abs(open_bundle(folder).run(windows.numpy()) - reference_outputs(served, windows).numpy())
    packed = PackedBundle(
        bundle_id=bundle_id,
        market=contract.market,
        fingerprints=fingerprints,
        span=span,
        refit=candidate.is_refit,
    )
    return packed, float(difference.max())


def span_of(model: Model) -> Span:
    """Open times of the first and last row, by part of the model's fold."""
    return {part: (first, last) for part, (first, last) in model.description.span.items()}


def own_figures(record: dict[str, str], metrics: FileMetrics) -> OwnFigures:
    """The candidate's `record`, which model it is and whose figures it carries; by file, its own figures."""
    own = {
        file: {
            key.removeprefix(CANDIDATE): value for key, value in figures.items() if key.startswith(CANDIDATE)
        }
        for file, figures in metrics.items()
    }
    return {**record, **own}


def export(model: Model) -> tuple[bytes, Served, torch.Tensor]:
    """ONNX bytes of a model with its calibration, the same in torch, and windows to compare them on."""
    served = Served(model.net, model.calibration)
    shape = (64, model.description.context["sequence_length"], len(model.description.features))
    windows = torch.from_numpy(np.random.default_rng(0).normal(size=shape).astype(np.float32))
    return to_onnx(served, *shape[1:]), served, windows


def make_contract(
    model: ModelEntry, offered: Model, params: Params, store: FeatureStore, fold: int
) -> Contract:
    """What a consumer must feed, what comes out, and what it means; `fold` is the model's in predictions."""
    description, symbols = offered.description, params.value("data.symbols", Symbols)
    features = {feature.name: feature for feature in store.schema(symbols[0]).features}
    lookback = max(features[name].lookback for name in description.features)
    has_leader = any(features[name].group == "leader" for name in description.features)
    name, meaning = OUTPUTS[description.label]
    signals = TradingParams.read(params).signals
    origin = read_origin("data/candles")
    contract = partial(
        Contract,
        artifact=model.artifact,
        input=Input(
            columns=("timestamp", *OHLCV),
            interval=description.interval,
            leader=symbols[0] if has_leader else None,
            symbols=tuple(symbols),
            max_fill=params.value("data.max_fill", MaxFill),
            max_filled_share=params.value("data.max_filled_share", FilledShare),
        ),
        lookback=lookback,
        sequence_length=description.context["sequence_length"],
        label=Label(name=description.label, horizon=description.horizon),
        market=None if origin is None else Origin.model_validate(origin, strict=False),
        output=Output(name=name, meaning=meaning, low=0.0, high=1.0),
    )
    if description.label != DIRECTION:
        return contract(minimum=signals.minimum_trend)
    ranges = model_ranges(signals, pd.read_parquet(f"data/predictions/{model.name}_validation.parquet"), fold)
    tiers = Tiers(
        tiers=ranges,
        trade_tiers=signals.trade_tiers,
        tier_by=signals.tier_by,
        expected_coverage=signals.expected_coverage,
    )
    return contract(tiers=tiers)


def read_params_used(model: ModelEntry, params: Params) -> dict[str, dict[str, Any]]:
    """Params that the model and its thresholds depend on, by section; those of candles and dates are data."""
    trading = TradingParams.read(params)
    sections = {
        "features": params.section("features", FeatureParams),
        "labels": params.section("labels", LabelParams),
        model.section: model.read(params),
        "train": params.section("train", TrainParams),
        "evaluation": trading.evaluation,
        "signals": trading.signals,
        "instruments": trading.names,
        "costs": trading.costs,
        "execution": trading.execution,
        "ftmo": trading.ftmo,
    }
    params_used = {name: section.model_dump(mode="json") for name, section in sections.items()}
    return params_used | {
        "promotion": {"refit": params.value("promotion.refit", Refit)},
        "train": params.section("train", TrainParams).recipe(),
    }


def without_seed(values: dict[str, Any]) -> dict[str, Any]:
    """`values` without the seed, which decides only chance."""
    return {name: value for name, value in values.items() if name != "seed"}


def as_json(value: Any) -> bytes:
    """JSON bytes, the same for the same value."""
    return (json.dumps(value, indent=2) + "\n").encode()
