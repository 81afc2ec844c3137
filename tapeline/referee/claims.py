"""What a run claims, as plain tables and numbers: all that is examined."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from tapeline.referee.baselines import BaselineClaims
from tapeline.referee.learned import Predictions
from tapeline.referee.orders import Account
from tapeline.referee.random_sides import Tossed
from tapeline.referee.scalers import ReadColumns


@dataclass(frozen=True)
class ModelClaims:
    """What a model's training left and its metrics say.

    training : what it says of its `folds` and their `rows`, by name; models : their JSON, likewise; None of
    what is offered of the baselines, and of an ensemble, whose trainings are theirs
    members : of an ensemble, what each of them predicted
    metrics : metrics/NAME.json; detail : of a direction `tiers`, as all rows were scored by them, and the
    candidate's `ranges`; ceilings : what is told of those that are given less than everything, by what it is
    controls : by name, the figures told of each rule and baseline beside it
    """

    predictions: Predictions
    training: Mapping[str, Any] | None
    models: Mapping[str, Mapping[str, Any]]
    metrics: Mapping[str, Any]
    detail: Mapping[str, Any]
    controls: Mapping[str, Mapping[str, Any]]
    ceilings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    members: tuple[Predictions, ...] = ()


@dataclass(frozen=True)
class Run:
    """What a run left, as read from its files.

    candles, features, ceilings : tables by symbol, the last of the best answers in tests, by what is asked
        and given; of the first two one symbol's is looked at after the other's
    read_columns : some features' columns of a symbol's table
    splits : the splits file; models : the direction that is traded, then the trend that allows it
    baselines : rules that the models are measured against
    accounts : by title, with the figures that are told of each; tossed : the pool's, with random sides
    """

    candles: Mapping[str, pd.DataFrame]
    features: Mapping[str, pd.DataFrame]
    read_columns: ReadColumns
    ceilings: Mapping[str, pd.DataFrame]
    splits: Mapping[str, Any]
    models: tuple[ModelClaims, ...]
    baselines: tuple[BaselineClaims, ...]
    accounts: Mapping[str, tuple[Account, Mapping[str, Any]]]
    tossed: Tossed
