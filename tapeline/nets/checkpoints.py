"""Checkpoints, to resume a killed training: replaced whole after every epoch, outside DVC's outs."""

import hashlib
import io
import json
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from tapeline.outputs import whole_file

CHECKPOINTS = Path(".checkpoints")  # git-ignored
CODE = Path(__file__).parent


def inputs_key(record: dict[str, Any], arrays: list[NDArray[Any]]) -> str:
    """Hash of all inputs of a training: `record` (params, names), `arrays`, the code here, torch.

    A checkpoint is only resumed under the same key.
    """
    digest = hashlib.blake2b(json.dumps(record, sort_keys=True).encode(), digest_size=12)
    for path in sorted(CODE.glob("*.py")):
        digest.update(path.read_bytes())
    digest.update(torch.__version__.encode())
    for array in arrays:
        digest.update(str((array.dtype, array.shape)).encode())
        digest.update(np.ascontiguousarray(array).data.cast("B"))
    return digest.hexdigest()


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write `state` to `path` whole, synced before the rename: a kill leaves the former one."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    with whole_file(path) as aside, aside.open("wb") as file:
        file.write(buffer.getbuffer())
        file.flush()
        os.fsync(file.fileno())


def load_checkpoint(path: Path) -> dict[str, Any] | None:
    """Read a checkpoint without running code of it; None where there is none or it is broken."""
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except (FileNotFoundError, EOFError, RuntimeError, pickle.UnpicklingError):
        return None
    return state
