"""What the referee is given: a run's files as plain tables, and the declared rules as plain numbers."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pydantic import Field

from tapeline.backtest.signals import SignalParams
from tapeline.baselines.kinds import KINDS, file_name
from tapeline.baselines.params import Rows, Stride
from tapeline.evaluation.params import EvaluationParams
from tapeline.models.entry import EnsembleEntry, ModelEntry
from tapeline.models.network import NetworkEntry
from tapeline.models.table import MODELS, TRADED
from tapeline.nets.params import Size
from tapeline.outputs import read_json
from tapeline.params import Params
from tapeline.referee.baselines import BaselineClaims
from tapeline.referee.claims import ModelClaims, Run
from tapeline.referee.examine import examine
from tapeline.referee.findings import Findings
from tapeline.referee.learned import Predictions
from tapeline.referee.orders import Account
from tapeline.referee.random_sides import Tossed
from tapeline.referee.rules import AccountRules, RowRules, TierRules
from tapeline.schema import (
    DIRECTION,
    INTERVAL_MINUTES,
    LABELS,
    PRICES,
    FilledShare,
    Horizon,
    Interval,
    MaxFill,
    Refit,
    Symbols,
)
from tapeline.scoring.rows import FEATURES
from tapeline.store.feature_store import FeatureStore

Figures = Mapping[str, Any]


def referee(
    params: Params,
    signals: SignalParams,
    account: AccountRules,
    accounts: Mapping[str, Account],
    tossed: Tossed,
) -> Findings:
    """Let the referee derive anew what the run in this folder says.

    accounts : those that were traded; tossed : what their pool came to with random sides
    """
    run = read_run(params.value("data.symbols", Symbols), accounts, tossed)
    return examine(run, row_rules(params), tier_rules(signals), account)


def row_rules(params: Params) -> RowRules:
    """Which rows there are, as params declare it; the warm-up is that of the longest stored feature."""
    evaluation = params.section("evaluation", EvaluationParams)
    schema = FeatureStore(FEATURES).schema(params.value("data.symbols", Symbols)[0])
    return RowRules(
        minutes=INTERVAL_MINUTES[params.value("data.interval", Interval)],
        warm_up=max(feature.lookback for feature in schema.features) - 1,
        horizon=params.value("labels.horizon", Horizon),
        embargo=params.value("splits.embargo", Annotated[int, Field(ge=0)]),
        sequence_length=params.value("train.sequence_length", Size),
        minimum_context=params.value("train.minimum_context", Size),
        validation_stride=params.value("train.validation_stride", Size),
        baseline_stride=params.value("baselines.stride", Stride),
        baseline_rows=params.value("baselines.rows", Rows),
        max_filled_share=params.value("data.max_filled_share", FilledShare),
        max_fill=params.value("data.max_fill", MaxFill),
        is_refit=params.value("promotion.refit", Refit) == "all",
        bins=evaluation.bins,
        level=evaluation.level,
    )


def tier_rules(signals: SignalParams) -> TierRules:
    """Tiers, the most confident first, and which of them trade."""
    shares = dict(sorted(signals.tier_shares.items(), key=lambda item: item[1]))
    return TierRules(signals.tier_by, signals.ranges, shares, signals.trade_tiers, signals.minimum_trend)


def read_run(symbols: tuple[str, ...], accounts: Mapping[str, Account], tossed: Tossed) -> Run:
    """Read a run's files, without the readers that its stages share."""
    columns = ["timestamp", "segment", "is_filled", *PRICES]
    features = {symbol: Path(FEATURES) / f"{symbol}.parquet" for symbol in symbols}

    def read_columns(symbol: str, names: Sequence[str]) -> dict[str, NDArray[np.floating]]:
        table = pq.read_table(features[symbol], columns=list(names))
        return {name: table.column(name).to_numpy() for name in names}

    splits, detail = read_json("data/splits.json"), read_json("metrics/detail/evaluation.json")
    tests = [tuple(pd.Timestamp(fold["test"][end]) for end in ("start", "end")) for fold in splits["folds"]]
    models = [*TRADED, *(model for model in MODELS if model not in TRADED)]
    backtest, account = read_json("metrics/backtest.json"), read_json("metrics/detail/backtest.json")
    own = {key.removeprefix("candidate_"): value for key, value in backtest.items() if "candidate_" in key}
    figures = {"backtest": backtest, "candidate": account["candidate"]["account"] | own}
    ftmo = read_json("metrics/ftmo.json")
    figures["backtest"] |= {"phases": account["ftmo"]["phases"], "ftmo": ftmo}
    figures["backtest"] |= {"daily_net_pnl": account["daily_net_pnl"]}
    declared = {key.removeprefix("candidate_"): value for key, value in ftmo.items() if "candidate_" in key}
    figures["candidate"] |= {"phases": account["candidate"]["ftmo"], "ftmo": declared}
    figures["candidate"] |= {"daily_net_pnl": account["candidate"]["daily_net_pnl"]}
    return Run(
        candles=StoredTables({s: Path(f"data/candles/{s}.parquet") for s in symbols}, columns),
        features=StoredTables(features, ["timestamp", *LABELS]),
        read_columns=read_columns,
        ceilings={s: read_ceilings(s, tests) for s in symbols if Path("data/candles/ceiling").is_dir()},
        splits=splits,
        models=tuple(read_claims(model, detail) for model in models),
        baselines=read_baselines(),
        accounts={title: (traded, figures[title]) for title, traded in accounts.items()},
        tossed=tossed,
    )


class StoredTables(Mapping[str, pd.DataFrame]):
    """Columns of tables by symbol, each read anew from its path whenever it is asked for: none is kept."""

    def __init__(self, paths: Mapping[str, Path], columns: list[str]) -> None:
        self._paths, self._columns = paths, columns

    def __getitem__(self, symbol: str) -> pd.DataFrame:
        """Read the table of `symbol`."""
        return pd.read_parquet(self._paths[symbol], columns=self._columns)

    def __iter__(self) -> Iterator[str]:
        """Go through the symbols."""
        return iter(self._paths)

    def __len__(self) -> int:
        """How many symbols there are."""
        return len(self._paths)


def read_ceilings(symbol: str, tests: Sequence[Sequence[pd.Timestamp]]) -> pd.DataFrame:
    """Best answers at each candle of `tests`, half-open spans, and those that are given in them alone."""
    best, of_tests = pd.read_parquet(f"data/candles/ceiling/{symbol}.parquet"), Path("data/ceilings")
    times = best["timestamp"]
    best = best[np.any([(times >= begin) & (times < end) for begin, end in tests], axis=0)]
    if not of_tests.is_dir():
        return best
    return best.merge(pd.read_parquet(of_tests / f"{symbol}.parquet"), on="timestamp", how="left")


def read_baselines() -> tuple[BaselineClaims, ...]:
    """Read what the baselines left."""
    summary = read_json("metrics/detail/baselines_training.json")
    claims = []
    for label, kind in ((label, kind) for label, kinds in KINDS.items() for kind in kinds):
        name = file_name(label, kind)
        folds = list(summary["folds"])
        claims.append(
            BaselineClaims(
                read_predicted(name, label, f"data/predictions/baselines/{name}"),
                {fold: summary["folds"][fold][name] for fold in folds},
                {fold: summary["rows"][fold][label] for fold in folds},
                {fold: read_json(f"models/baselines/{name}/{fold}/model.json") for fold in folds},
                kind,
            )
        )
    return tuple(claims)


def read_predicted(name: str, label: str, path: str) -> Predictions:
    """The tables of predictions at `path`, to which the end of each file's name is added."""
    tables = [
        pd.read_parquet(f"{path}{suffix}.parquet").astype({"symbol": str}) for suffix in ("", "_validation")
    ]
    return Predictions(name, label, *tables)


def read_claims(model: ModelEntry, detail: Figures) -> ModelClaims:
    """Read what one model's training and scoring left; `detail` is that of the evaluation."""
    name = model.name
    is_network = isinstance(model, NetworkEntry)
    training = read_json(f"metrics/detail/{name if is_network else 'baselines'}_training.json")
    folder = Path(f"models/{name}")
    models = {fold: read_json(folder / fold / "model.json") for fold in training["folds"]}
    tiers = {}
    if model.label == DIRECTION:
        tiers = {"tiers": detail[name]["tiers"], "ranges": detail["candidate"][name]["tier_ranges"]}
    predictions = read_predicted(name, model.label, f"data/predictions/{name}")
    metrics, controls = read_json(f"metrics/{name}.json"), detail[name]["controls"]
    ceilings = detail[name].get("ceilings", {})
    members = [
        read_predicted(member.name, member.label, f"data/predictions/{member.name}")
        for member in (model.members if isinstance(model, EnsembleEntry) else ())
    ]
    return ModelClaims(
        predictions, training if is_network else None, models, metrics, tiers, controls, ceilings,
        tuple(members),
    )  # fmt: skip
