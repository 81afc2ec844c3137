"""A bundle: everything needed to predict and to judge again, in one folder, named by a hash of its content.

It holds no time, host, path or commit, and no pickle: opening one runs no code of it.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as onnx_errors

from tapeline.errors import LONGEST, ArtifactError, brief
from tapeline.promotion.contract import Contract, ModelDescription
from tapeline.promotion.external_data import external_data
from tapeline.promotion.manifest import MANIFEST, Manifest, bundle_id_of, verify_bundle

GRAPH, MODEL, CONTRACT, FEATURES, FIGURES, PROMISE = (
    "model.onnx",
    "model.json",
    "contract.json",
    "features.json",
    "metrics.json",
    "promise.json",
)
PREDICTING = (GRAPH, MODEL, CONTRACT)  # what a prediction takes; the rest tells of it
WINDOWS = "windows"  # the graph's input
# Its errors have no class of their own in common.
ONNX_ERRORS = tuple(
    kind for kind in vars(onnx_errors).values() if isinstance(kind, type) and issubclass(kind, Exception)
)


@dataclass(frozen=True)
class Bundle:
    """A loaded bundle; `session` runs its graph on one thread.

    model : scaler, features in order, context, span of the training
    contract : what goes in and what comes out, and the tiers that confidence falls into
    bundle_id : by its manifest, which its files equal; None if they were not compared
    """

    session: onnxruntime.InferenceSession
    model: ModelDescription
    contract: Contract
    bundle_id: str | None

    def run(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Numbers in 0..1, (B,), of scaled windows (B, T, F)."""
        numbers: NDArray[np.float32] = self.session.run(None, {WINDOWS: windows})[0]
        return numbers


def pack(folder: Path, files: dict[str, bytes], fingerprints: dict[str, str]) -> str:
    """Write `files` and the manifest into the new `folder`; return the bundle's id, a hash of all of it."""
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    hashes = {name: hashlib.sha256(files[name]).hexdigest() for name in sorted(files)}
    bundle_id = bundle_id_of(hashes, fingerprints)
    manifest = Manifest(bundle_id=bundle_id, fingerprints=fingerprints, sha256=hashes)
    (folder / MANIFEST).write_text(json.dumps(manifest.plain(), indent=2) + "\n", encoding="utf-8")
    return bundle_id


def open_bundle(folder: Path) -> Bundle:
    """Verify a bundle and load it; ArtifactError names the file that differs from the manifest."""
    return _load(folder, verify_bundle(folder).bundle_id)


def open_to_time(folder: Path) -> Bundle:
    """Load a bundle by its files `PREDICTING` alone, none compared: to time it."""
    return _load(folder, None)


def _load(folder: Path, bundle_id: str | None) -> Bundle:
    model = ModelDescription.read_file(folder / MODEL)
    contract = Contract.read_file(folder / CONTRACT)
    try:
        session = open_graph((folder / GRAPH).read_bytes())
        _check_input(session, contract.sequence_length, len(model.features))
        return Bundle(session, model, contract, bundle_id)
    except (OSError, ValueError) as error:
        raise ArtifactError(f"{folder}: no whole bundle: {error}") from error


def open_graph(graph: bytes) -> onnxruntime.InferenceSession:
    """Make a session of ONNX bytes on one CPU thread: one prediction is too small for more.

    ArtifactError for a graph that keeps values in other files, before it is loaded, or can't be loaded;
    ValueError for bytes that are none.
    """
    if files := external_data(graph):
        raise ArtifactError(
            f"{GRAPH} keeps {brief(files[0])}: a bundle holds all that it needs; pack it anew"
        )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4  # what is wrong is said by the error
    try:
        return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    except ONNX_ERRORS as error:
        raise ArtifactError(f"{GRAPH} can't be loaded: {' '.join(str(error).split())[:LONGEST]}") from error


def _check_input(session: onnxruntime.InferenceSession, length: int, n_features: int) -> None:
    """Raise ArtifactError if the graph takes other windows than the contract speaks of."""
    found = [(each.name, each.shape[1:]) for each in session.get_inputs()]
    if found != [(WINDOWS, [length, n_features])]:
        taken = ", ".join(f"{name} of {shape}" for name, shape in found) or "nothing"
        raise ArtifactError(
            f"{GRAPH} takes {brief(taken)}, and must take {WINDOWS} of {[length, n_features]}"
        )
