"""Features of all rows as one matrix in a file, mapped: what is read of it the kernel may drop again."""

import os
import tempfile
import weakref
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tapeline.store.feature_store import FeatureStore

PREFIX, SUFFIX = ".features-", ".f32"  # between them the process that it is of


def map_matrix(
    store: FeatureStore, symbols: Sequence[str], columns: Sequence[str], folder: Path
) -> NDArray[np.float32]:
    """All rows of `symbols` below each other, (N, F), as `FeatureStore.read_matrix` gives them; read-only.

    They lie in a file of `folder`, which is removed with the array, at the latest when this process ends;
    what a killed one has left is removed here. Processes that are handed the array map the same file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    remove_left_behind(folder)
    handle, name = tempfile.mkstemp(SUFFIX, f"{PREFIX}{os.getpid()}-", folder)
    path, n_rows = Path(name), 0
    try:
        # Written, not mapped: a full disk is then an error, and no signal.
        with os.fdopen(handle, "wb") as file:
            for block in store.read_blocks(symbols, columns):
                file.write(block.data)
                n_rows += len(block)
        if not n_rows:
            return store.read_matrix(symbols, columns)
        matrix = np.memmap(path, np.float32, "r", shape=(n_rows, len(columns)))
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    weakref.finalize(matrix, path.unlink, missing_ok=True)
    return matrix


def remove_left_behind(folder: Path) -> None:
    """Remove files of processes that are no more."""
    for path in folder.glob(f"{PREFIX}*{SUFFIX}"):
        process = path.name.removeprefix(PREFIX).split("-")[0]
        if process.isdigit() and not Path(f"/proc/{process}").exists():
            with suppress(OSError):
                path.unlink()
