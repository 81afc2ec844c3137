"""The bundles in production as `live` takes them: their stream, what they promised, how they are traded."""

import hashlib
import json
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from tapeline.errors import ArtifactError, ParamsError
from tapeline.evaluation.promise import Promise
from tapeline.live.drift import Reference
from tapeline.models.table import TRADED
from tapeline.params import Params
from tapeline.promotion.bundle import FIGURES, PROMISE
from tapeline.promotion.contract import BundleFigures, Contract
from tapeline.promotion.manifest import MANIFEST
from tapeline.serving.lines import bundles
from tapeline.serving.stream import Stream
from tapeline.trading.params import TradingParams

PARAMS = "params.json"  # of a bundle: what it was judged with


@dataclass(frozen=True)
class Production:
    """What is promoted now.

    ids : of the bundles, by artifact; contracts, promises : by artifact, a promise where there is one
    trading : that the account goes by, those that the direction's bundle was judged with; None: no account
    own_account : trades and net PnL of the candidate's account on its own test; None without one
    untold : why there is none, or which bundle is not watched, a line each
    """

    stream: Stream
    ids: dict[str, str]
    contracts: dict[str, Contract]
    promises: dict[str, Promise]
    trading: TradingParams | None
    own_account: tuple[int, float] | None
    untold: tuple[str, ...]

    @cached_property
    def label(self) -> str:
        """The ids as records hold them."""
        return json.dumps(self.ids)

    @property
    def direction(self) -> str:
        """Artifact whose sides are traded."""
        return TRADED[0].artifact

    @property
    def trend(self) -> str:
        """Artifact whose strength allows entries."""
        return TRADED[1].artifact

    @property
    def reference(self) -> Reference:
        """How the features of `Stream.newest_row` lay in training; each is there once."""
        found: dict[str, tuple[int, np.ndarray, tuple[float, ...], float]] = {}
        column = 0
        for predictor in self.stream.predictors:
            promise = self.promises.get(predictor.artifact)
            tenths = [promise.features.get(name) if promise else None for name in predictor.features]
            # Scaled by the code that scales rows: a value that is an edge stays one to the last bit.
            raw = np.array([each.edges if each else [np.nan] * 9 for each in tenths], dtype=np.float32)
            for name, each, edges in zip(predictor.features, tenths, predictor.scale(raw.T).T, strict=True):
                if each and name not in found:
                    found[name] = column, edges, each.shares, each.usual
                column += 1
        rows = list(found.values())
        return Reference(
            tuple(found),
            np.array([row[0] for row in rows], dtype=np.int64),
            np.array([row[1] for row in rows], dtype=np.float64).reshape(-1, 9),
            np.array([row[2] for row in rows], dtype=np.float64).reshape(-1, 10),
            np.array([row[3] for row in rows], dtype=np.float64),
        )


def open_production(
    models: Path, clock: Callable[[], float], allow_simulated: bool, allow_untrained: bool = False
) -> Production:
    """Open the bundles under `models`; ArtifactError says why they can't be used."""
    folders = bundles(models)
    stream = Stream(*folders, clock=clock, allow_simulated=allow_simulated, allow_untrained=allow_untrained)
    by_artifact = dict(zip((each.artifact for each in stream.predictors), folders, strict=True))
    contracts = {each.artifact: each.bundle.contract for each in stream.predictors}
    promises, untold = {}, []
    for artifact, folder in by_artifact.items():
        if (folder / PROMISE).exists():
            promises[artifact] = Promise.read_file(folder / PROMISE)
        else:
            untold.append(f"{artifact}: its bundle holds no promise, so it is served and not watched")
    trading = None
    direction, trend = (model.artifact for model in TRADED)
    if direction in by_artifact:
        trading = trading_of(by_artifact[direction], contracts[direction])
        if trading.signals.minimum_trend > 0 and trend not in by_artifact:
            trading = None
            untold.append(f"no account on paper: its entries need {trend}, which is not in production")
    else:
        untold.append(f"no account on paper: {direction}, by which it trades, is not in production")
    ids = {each.artifact: str(each.bundle.bundle_id) for each in stream.predictors}
    own = own_account_of(by_artifact[direction]) if direction in by_artifact else None
    return Production(stream, ids, contracts, promises, trading, own, tuple(untold))


def own_account_of(folder: Path) -> tuple[int, float] | None:
    """Trades and net PnL of the account that the bundle in `folder` had on its own test."""
    figures = BundleFigures.read_file(folder / FIGURES).candidate.get("backtest")
    if not isinstance(figures, dict) or figures.get("net_pnl") is None:
        return None
    return int(figures.get("trades") or 0), float(figures["net_pnl"] or 0.0)


def trading_of(folder: Path, contract: Contract) -> TradingParams:
    """Params of trading that the bundle in `folder` was judged with."""
    try:
        values: dict[str, Any] = json.loads((folder / PARAMS).read_bytes())
        source = contract.market.source if contract.market else "files"
        values["data"] = {"source": source, "interval": contract.input.interval}
        return TradingParams.read(Params(values))
    except (OSError, ValueError, ParamsError) as error:
        raise ArtifactError(f"{folder / PARAMS}: can't be traded by: {error}") from error


def mark_of(models: Path) -> tuple[tuple[str, int, int, int], ...]:
    """What differs once anything else is promoted under `models`: where, when and how long manifests are.

    It is looked at before every answer, so none of them is read.
    """
    marks = []
    try:
        for name in sorted(each for each in os.listdir(models) if not each.startswith(".")):
            with suppress(FileNotFoundError, NotADirectoryError):
                found = os.stat(models / name / MANIFEST)
                marks.append((name, found.st_ino, found.st_mtime_ns, found.st_size))
    except OSError:
        return ()
    return tuple(marks)


def hash_of(row: np.ndarray | None) -> str:
    """Hash of a row of features as they were predicted from, (F,); empty without one."""
    return "" if row is None else hashlib.sha256(row.tobytes()).hexdigest()[:16]
