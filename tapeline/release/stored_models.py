"""A stored model of any kind as packing takes it: what it says of itself, its files, its graph."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from tapeline.baselines import export as baseline_export
from tapeline.baselines.params import BaselineParams
from tapeline.baselines.stored import DESCRIPTION as BASELINE_DESCRIPTION
from tapeline.baselines.stored import FITTED, load_baseline
from tapeline.errors import ArtifactError
from tapeline.models.entry import EnsembleEntry, ModelEntry
from tapeline.models.network import NetworkEntry
from tapeline.nets.export import Served, reference_outputs, to_onnx
from tapeline.nets.loading import load_model
from tapeline.nets.models import DESCRIPTION, WEIGHTS
from tapeline.nets.params import TrainParams
from tapeline.nets.skill import no_skill
from tapeline.outputs import read_json
from tapeline.params import Params
from tapeline.promotion.bundle import MODEL
from tapeline.promotion.contract import ModelDescription
from tapeline.release.mean_graph import mean_of_graphs
from tapeline.training.ensembles import content_of

Values = NDArray[np.float32]


@dataclass(frozen=True)
class StoredModel:
    """A model of one fold; `files` go into its bundle as they are, beside its graph.

    to_graph : makes the ONNX bytes; outputs : of scaled windows (B, T, F) numbers (B,), without ONNX
    settings : hyperparameters that a model card shows; warning : on it as its validation saw it, or None
    """

    description: ModelDescription
    files: dict[str, bytes]
    to_graph: Callable[[], bytes]
    outputs: Callable[[Values], NDArray[Any]]
    settings: dict[str, Any]
    warning: str | None = None

    @property
    def window(self) -> tuple[int, int]:
        """Candles and features of one prediction."""
        return self.description.context["sequence_length"], len(self.description.features)


def read_stored(entry: ModelEntry, name: str) -> StoredModel:
    """The model `name` (fold_0, refit...) of `entry` in the current folder; ArtifactError if not whole."""
    folder = Path(f"models/{entry.name}") / name
    if isinstance(entry, EnsembleEntry):
        return _ensemble(entry, folder)
    return _network(entry, folder) if isinstance(entry, NetworkEntry) else _baseline(folder)


def params_of(entry: ModelEntry, params: Params) -> tuple[dict[str, dict[str, Any]], int | list[int]]:
    """Params, by section, that a training of `entry` reads of its own, and the seed, or seeds, among them."""
    if isinstance(entry, EnsembleEntry):
        return _params_of_all(entry, params)
    train = params.section("train", TrainParams)
    if isinstance(entry, NetworkEntry):
        own = entry.read(params).model_dump(mode="json")
        return {entry.section: own, "train": train.recipe()}, train.seed
    baselines = params.section("baselines", BaselineParams)
    context = {"sequence_length": train.sequence_length, "minimum_context": train.minimum_context}
    return {"baselines": baselines.model_dump(mode="json"), "train": context}, baselines.seed


def _params_of_all(entry: EnsembleEntry, params: Params) -> tuple[dict[str, dict[str, Any]], int | list[int]]:
    """Those of every member; of `train` all that any of them reads."""
    sections: dict[str, dict[str, Any]] = {}
    seeds = []
    for member in entry.members:
        own, seed = params_of(member, params)
        seeds += seed if isinstance(seed, list) else [seed]
        for name, values in own.items():
            sections[name] = sections.get(name, {}) | values
    return sections, seeds


def _ensemble(entry: EnsembleEntry, folder: Path) -> StoredModel:
    members = {member.name: read_stored(member, folder.name) for member in entry.members}
    for name, told in read_json(folder / DESCRIPTION)["members"].items():
        own = folder.parents[1] / name / folder.name
        if content_of(own) != told["sha256"]:
            raise ArtifactError(f"{own}: is not what {folder} was averaged from; run `dvc repro`")
    files = {
        f"{name}.{file}": content for name, each in members.items() for file, content in each.files.items()
    }
    warnings = [each.warning for each in members.values() if each.warning]
    return StoredModel(
        description=ModelDescription.read_file(folder / DESCRIPTION),
        files=files | {MODEL: (folder / DESCRIPTION).read_bytes()},
        to_graph=lambda: mean_of_graphs([each.to_graph() for each in members.values()]),
        outputs=lambda windows: np.mean([each.outputs(windows) for each in members.values()], axis=0),
        settings={f"{name} {key}": value for name, m in members.items() for key, value in m.settings.items()},
        warning="; ".join(warnings) or None,
    )


def _network(entry: NetworkEntry, folder: Path) -> StoredModel:
    model = load_model(folder, entry.build_described)
    served, description = Served(model.net, model.calibration), model.description
    length, n_features = description.context["sequence_length"], len(description.features)
    trained = read_json(f"metrics/detail/{entry.name}_training.json")["folds"][folder.name]
    train = ("epochs", "learning_rate", "batch_size", "seed", "seeds")
    origin = description.made_from
    began = {f"began with {of}": origin[of] for of in ("start", "bundle") if of in origin}
    return StoredModel(
        description=ModelDescription.read_file(folder / DESCRIPTION),
        files={
            WEIGHTS: (folder / WEIGHTS).read_bytes(),
            MODEL: (folder / DESCRIPTION).read_bytes(),
        },
        to_graph=lambda: to_onnx(served, length, n_features),
        outputs=lambda windows: reference_outputs(served, torch.from_numpy(windows)).numpy(),
        settings=description.architecture | {name: description.training[name] for name in train} | began,
        warning=no_skill(trained),
    )


def _baseline(folder: Path) -> StoredModel:
    model, record = load_baseline(folder)
    length, n_features = record["context"]["sequence_length"], len(record["features"])
    return StoredModel(
        description=ModelDescription.read_file(folder / BASELINE_DESCRIPTION),
        files={
            FITTED: (folder / FITTED).read_bytes(),
            MODEL: (folder / BASELINE_DESCRIPTION).read_bytes(),
        },
        to_graph=lambda: baseline_export.to_onnx(model, length, n_features),
        outputs=lambda windows: model.predict(windows[:, -1]),
        settings={"kind": record["kind"].replace("_", " ")} | record["chosen"],
    )
