"""What is said of a model once, and read by whoever trains, scores, gates, packs, serves or shows it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ModelEntry:
    """One model: `name` is that of its files, models/NAME, data/predictions/NAME.parquet, metrics/NAME.json.

    title : as people say it
    label : column of the feature tables that it predicts
    artifact : name of its bundle and of its tags
    metrics : NAME of every metrics/NAME.json that speaks of it
    """

    name: str
    title: str
    label: str
    artifact: str
    metrics: tuple[str, ...]


@dataclass(frozen=True)
class BaselineEntry(ModelEntry):
    """Of every fold the baseline of `label` that lost least on the fold's validation, whatever its kind.

    The stage train_baselines fits all of them, and leaves these in files as a network's.
    """


@dataclass(frozen=True)
class EnsembleEntry(ModelEntry):
    """The mean of what its `members` say of the label, fold by fold; nothing is fitted.

    The stage ensembles leaves its predictions and its models' JSON in files as a network's.
    """

    members: tuple[ModelEntry, ...]
