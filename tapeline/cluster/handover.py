"""Work and its items in files of the shared folder: written once, mapped by every process that needs them."""

import io
import mmap
import pickle
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np

ALIGNMENT = 64  # bytes, of every array in the file
PICKLES, ARRAYS, PLACES = "work.pickle", "work.arrays", "work.places"


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc]  # without types
    """Functions of scripts by value; of an array that is mapped from a file, only where it lies."""

    def reducer_override(self, obj: Any) -> Any:
        if type(obj) is np.memmap and isinstance(obj.base, mmap.mmap) and obj.flags.c_contiguous:
            return _map, (str(obj.filename), obj.dtype.str, obj.offset, obj.shape)
        return super().reducer_override(obj)


def _map(path: str, dtype: str, offset: int, shape: tuple[int, ...]) -> Any:
    return np.memmap(path, dtype, "r", offset, shape)


def write_work(folder: Path, work: Callable[[Any], Any], items: Sequence[Any]) -> None:
    """Write `work` and what it is to be called with to `folder`; arrays lie beside the rest, as they are."""
    buffers: list[pickle.PickleBuffer] = []
    pickled = io.BytesIO()
    _Pickler(pickled, protocol=5, buffer_callback=buffers.append).dump((work, list(items)))
    places = []
    with (folder / ARRAYS).open("wb") as file:
        for buffer in buffers:
            file.write(b"\0" * (-file.tell() % ALIGNMENT))
            raw = buffer.raw()
            places.append((file.tell(), raw.nbytes))
            file.write(raw)
        file.write(b"\0")  # nothing can't be mapped
    (folder / PLACES).write_bytes(pickle.dumps(places))
    (folder / PICKLES).write_bytes(pickled.getvalue())


def read_work(folder: Path) -> tuple[Callable[[Any], Any], list[Any]]:
    """What `write_work` wrote; arrays are read when they are looked at, and changed in this process alone."""
    with (folder / ARRAYS).open("rb") as file:
        mapped = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY))
    places = pickle.loads((folder / PLACES).read_bytes())
    buffers = [mapped[begin : begin + size] for begin, size in places]
    work, items = pickle.loads((folder / PICKLES).read_bytes(), buffers=buffers)
    return work, items
