"""Content of a bundle beside its graph: contract, features, params, metrics, model card."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tapeline.backtest.tiers import model_ranges
from tapeline.evaluation.metrics import CANDIDATE
from tapeline.features.params import FeatureParams, LabelParams
from tapeline.market.origin import read_origin
from tapeline.models.entry import EnsembleEntry, ModelEntry
from tapeline.models.network import NetworkEntry
from tapeline.params import Params
from tapeline.promotion.bundle import CONTRACT, FEATURES, FIGURES, GRAPH, PROMISE, open_bundle, pack
from tapeline.promotion.card import model_card
from tapeline.promotion.contract import (
    BundleFigures,
    Contract,
    FileMetrics,
    Input,
    Label,
    ModelDescription,
    Origin,
    Output,
    OwnFigures,
    Tiers,
)
from tapeline.promotion.release_record import PackedBundle
from tapeline.promotion.versions import fingerprint
from tapeline.release.promised import promise_of
from tapeline.release.stored_models import StoredModel, params_of, read_stored
from tapeline.schema import DIRECTION, OHLCV, FilledShare, MaxFill, Refit, Symbols
from tapeline.splits.candidate import read_candidate
from tapeline.store.feature_store import FeatureStore
from tapeline.trading.params import TradingParams

OUTPUTS = {
    "direction": ("probability", "that the close is higher `horizon` candles on"),
    "trend_strength": ("trend_strength", "how straight the way of the next `horizon` candles will be"),
}


def pack_candidate(
    folder: Path, model: ModelEntry, params: Params, metrics: FileMetrics
) -> tuple[PackedBundle, float]:
    """Pack the bundle of `model`; return its record, and the largest difference of its ONNX graph to it.

    metrics : file -> metrics of the model, as they go into the bundle
    """
    candidate = read_candidate(params)
    trained = {name: read_stored(model, name) for name in (f"fold_{k}" for k in range(candidate.n_folds))}
    offered = trained.get(candidate.model) or read_stored(model, candidate.model)
    store = FeatureStore("data/features")
    contract = make_contract(model, offered.description, params, store, candidate.fold)
    params_used, seed = read_params_used(model, params)
    schema = store.schema(contract.input.symbols[0])
    span = offered.description.span
    figures = BundleFigures(
        refit=candidate.is_refit,
        folds={name: each.description.span for name, each in trained.items()},
        candidate=own_figures(candidate.record, metrics),
        metrics=metrics,
    )
    level = TradingParams.read(params).evaluation.level
    promise = promise_of(model, contract, offered.description, candidate, store, level)
    files = {
        GRAPH: offered.to_graph(),
        **offered.files,
        CONTRACT: as_json(contract.plain()),
        FEATURES: as_json([feature.model_dump() for feature in schema.features]),
        "params.json": as_json(params_used),
        FIGURES: as_json(figures.plain()),
        PROMISE: as_json(promise.plain()),
        "model_card.md": model_card(contract, span, offered.settings, figures, offered.warning).encode(),
    }
    made_from = offered.description.made_from
    fingerprints = {
        "contract": contract.fingerprint,
        "params": fingerprint({name: without_seed(values) for name, values in params_used.items()}),
        "code": fingerprint([made_from["code"], made_from["features"]]),
        "data": data_fingerprint(made_from),
        "seed": fingerprint(seed),
    }
    bundle_id = pack(folder, files, fingerprints)
    packed = PackedBundle(
        bundle_id=bundle_id,
        market=contract.market,
        fingerprints=fingerprints,
        span=span,
        refit=candidate.is_refit,
    )
    return packed, difference_of(folder, offered)


def data_fingerprint(made_from: dict[str, str]) -> str:
    """Hash of what a model was made of: candles and folds, and a bundle that its weights descend from."""
    data, bundle = made_from["data"], made_from.get("bundle")
    return fingerprint([data, bundle]) if bundle else data


def difference_of(folder: Path, offered: StoredModel) -> float:
    """The largest difference of the graph packed into `folder` to the model itself, on drawn windows."""
    shape = 64, *offered.window
    windows = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    return float(np.abs(open_bundle(folder).run(windows) - offered.outputs(windows)).max())


def own_figures(record: dict[str, str], metrics: FileMetrics) -> OwnFigures:
    """The candidate's `record`, which model it is and whose figures it carries; by file, its own figures."""
    own = {
        file: {
            key.removeprefix(CANDIDATE): value for key, value in figures.items() if key.startswith(CANDIDATE)
        }
        for file, figures in metrics.items()
    }
    return {**record, **own}


def make_contract(
    model: ModelEntry, description: ModelDescription, params: Params, store: FeatureStore, fold: int
) -> Contract:
    """What a consumer must feed, what comes out, and what it means; `fold` is the model's in predictions."""
    symbols = params.value("data.symbols", Symbols)
    features = {feature.name: feature for feature in store.schema(symbols[0]).features}
    lookback = max(features[name].lookback for name in description.features)
    has_leader = any(features[name].group == "leader" for name in description.features)
    name, meaning = OUTPUTS[description.label]
    if description.label == DIRECTION and isinstance(model, NetworkEntry):
        meaning += ", calibrated on validation"
    if isinstance(model, EnsembleEntry):
        meaning += f", the {model.title}"
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


def read_params_used(model: ModelEntry, params: Params) -> tuple[dict[str, dict[str, Any]], int | list[int]]:
    """Params that the model and its thresholds depend on, by section, and the seed of its training.

    Those of candles and dates are data.
    """
    trading = TradingParams.read(params)
    own, seed = params_of(model, params)
    before = {
        "features": params.section("features", FeatureParams),
        "labels": params.section("labels", LabelParams),
    }
    after = {
        "evaluation": trading.evaluation,
        "signals": trading.signals,
        "instruments": trading.names,
        "costs": trading.costs,
        "execution": trading.execution,
        "ftmo": trading.ftmo,
    }
    first, last = (
        {name: section.model_dump(mode="json") for name, section in sections.items()}
        for sections in (before, after)
    )
    return first | own | last | {"promotion": {"refit": params.value("promotion.refit", Refit)}}, seed


def without_seed(values: dict[str, Any]) -> dict[str, Any]:
    """`values` without the seed, which decides only chance."""
    return {name: value for name, value in values.items() if name != "seed"}


def as_json(value: Any) -> bytes:
    """JSON bytes, the same for the same value."""
    return (json.dumps(value, indent=2) + "\n").encode()
