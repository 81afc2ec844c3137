"""A bundle whose weights a training begins with: whether there is one, and whether its network is the run's.

No torch in here, so that params.yaml is checked fast.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import AwareDatetime, JsonValue

from tapeline.documents import Document
from tapeline.errors import ArtifactError, ParamsError
from tapeline.models.network import NetworkEntry
from tapeline.nets.params import TrainParams
from tapeline.params import Section
from tapeline.promotion.manifest import MANIFEST, verify_bundle
from tapeline.schema import INTERVAL_MINUTES, Interval

KEY = "train.start_from"
STARTS, NO_START = Path("models/start"), Path("data/raw/README.md")  # where copies go; a tracked file
DESCRIPTION = "model.json"
IN_PRODUCTION = Path("models/promoted"), Path("models/shadow")  # a release changes what lies there
Rows = tuple[AwareDatetime, AwareDatetime]  # open times of the first and the last


class LearnedSpan(Document):
    """Rows that a model was trained on, and that decided when to stop and how to calibrate it."""

    train: Rows
    validation: Rows


class StartDescription(Document):
    """model.json, the part that a training needs which begins with the model's weights."""

    network: str
    architecture: dict[str, JsonValue]
    context: dict[str, int]
    features: tuple[str, ...]
    label: str
    horizon: int
    interval: Interval
    training: dict[str, JsonValue]
    span: LearnedSpan


@dataclass(frozen=True)
class Start:
    """A verified bundle in `folder`."""

    folder: Path
    bundle_id: str
    model: StartDescription

    def __str__(self) -> str:
        """As messages call it."""
        return f"{self.folder.name} {self.bundle_id}"

    @property
    def last(self) -> pd.Timestamp:
        """Open time of the last row that it learned from; that row's label reaches `model.horizon` on."""
        return max(pd.Timestamp(rows[1]) for rows in (self.model.span.train, self.model.span.validation))

    @property
    def end(self) -> pd.Timestamp:
        """First open time behind all rows that it learned from."""
        return self.last + pd.Timedelta(minutes=INTERVAL_MINUTES[self.model.interval])


def find_start(path: str, artifact: str) -> Start | None:
    """The bundle `artifact` in the folder `path`, `train.start_from`; None of a file, or where it has none.

    ParamsError for a folder that a release changes, or that holds no bundle; ArtifactError for a bundle that
    is not whole, or does not say what it learned from.
    """
    folder = Path(path)
    if folder.is_file():  # by default a tracked one, since a dep has to be there
        return None
    own = folder / artifact
    if any(own.resolve().is_relative_to(place.resolve()) for place in IN_PRODUCTION):
        rule = f"changes with every release, and would make trainings stale: copy it, as to {STARTS}"
        raise ParamsError(KEY, path, rule)
    if not folder.is_dir():
        raise ParamsError(KEY, path, "is not there: must be a folder with copies of bundles, or a file: none")
    if not any(folder.glob(f"*/{MANIFEST}")):
        raise ParamsError(KEY, path, f"holds no bundle: must hold folders like {artifact} of models/promoted")
    if not own.is_dir():
        return None
    bundle_id = verify_bundle(own).bundle_id
    description = own / DESCRIPTION
    try:
        text = description.read_bytes()
    except OSError as error:
        raise ArtifactError(f"{description}: can't be read: {error.strerror}") from error
    refusal = f"{description}: does not say what {KEY} needs, promote it anew"
    return Start(own, bundle_id, StartDescription.read(text, refusal))


def require_same(
    start: Start,
    model: NetworkEntry,
    architecture: Section,
    train: TrainParams,
    horizon: int,
    interval: str,
    features: Sequence[str] | None = None,
) -> None:
    """Raise ParamsError with the first thing by which the bundle's network is not that of the run.

    features : of the run, in order; None: not known yet
    """
    there, path = start.model, str(start.folder.parent)
    ours = _architecture(model, architecture.model_dump(mode="json")) | {
        "network": model.name,
        "label": model.label,
        "labels.horizon": horizon,
        "data.interval": interval,
        "train.sequence_length": train.sequence_length,
        "train.seeds": train.seeds,
    }
    theirs = _architecture(model, there.architecture) | {
        "network": there.network,
        "label": there.label,
        "labels.horizon": there.horizon,
        "data.interval": there.interval,
        "train.sequence_length": there.context.get("sequence_length"),
        "train.seeds": there.training.get("seeds", 1),  # models before had one, and did not say so
    }
    if features is not None:
        ours |= _features(features)
        theirs |= _features(there.features)
    for key in dict.fromkeys([*ours, *theirs]):
        if ours.get(key) != theirs.get(key):
            rule = (
                f"{key} is {theirs.get(key)} in {start.folder.name} there, and {ours.get(key)} here: "
                "weights fit their own network alone; take its params or another bundle"
            )
            raise ParamsError(KEY, path, rule)


def _architecture(model: NetworkEntry, values: Mapping[str, Any]) -> dict[str, Any]:
    return {f"{model.section}.{key}": value for key, value in values.items()}


def _features(names: Sequence[str]) -> dict[str, Any]:
    """By place, so that the first which differs is named."""
    return {f"feature {k}": name for k, name in enumerate(names)}
