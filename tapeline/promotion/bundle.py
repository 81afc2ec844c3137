"""A bundle: everything needed to predict, in one folder, checked against its own hashes."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from tapeline.errors import ArtifactError

GRAPH, MANIFEST = "model.onnx", "manifest.json"


@dataclass(frozen=True)
class Bundle:
    """A loaded bundle; `session` runs its graph on one thread.

    description : what model.json says: features, scaler, label, horizon, sequence_length, version
    """

    session: onnxruntime.InferenceSession
    description: dict[str, Any]

    def run(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probabilities (B,) of scaled windows (B, T, F)."""
        return self.session.run(None, {"windows": windows})[0]


def pack(folder: Path, files: dict[str, bytes]) -> str:
    """Write `files` and a manifest of their hashes into `folder`; return the bundle's id, a hash of all."""
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    hashes = {name: hashlib.sha256(files[name]).hexdigest() for name in sorted(files)}
    bundle_id = _bundle_id(hashes)
    manifest = {"bundle_id": bundle_id, "sha256": hashes}
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    return bundle_id


def open_bundle(folder: Path) -> Bundle:
    """Open a bundle after comparing every file with the manifest; ArtifactError names what differs."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        if _bundle_id(manifest["sha256"]) != manifest["bundle_id"]:
            raise ArtifactError(f"{folder / MANIFEST}: bundle_id does not match its hashes")
        for name, expected in manifest["sha256"].items():
            if hashlib.sha256((folder / name).read_bytes()).hexdigest() != expected:
                raise ArtifactError(f"{folder / name}: content differs from the manifest")
        description = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        return Bundle(open_graph((folder / GRAPH).read_bytes()), description)
    except (OSError, KeyError, json.JSONDecodeError) as error:
        raise ArtifactError(f"{folder}: no whole bundle: {error}") from error


def open_graph(graph: bytes) -> onnxruntime.InferenceSession:
    """Make a session of ONNX bytes on one CPU thread: one prediction is too small to share out."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def _bundle_id(hashes: dict[str, str]) -> str:
    return hashlib.sha256(json.dumps(hashes, sort_keys=True).encode()).hexdigest()[:16]
