"""HDF5 as pandas' HDFStore writes tables, freqtrade's among them.

What pandas knows of a table beside its values, it keeps in pickles: their texts are read, as names of
columns, but nothing is ever unpickled.
"""

import io
import pickletools
import re
from typing import Any

import h5py
import numpy as np
import pandas as pd
from numcodecs import blosc
from numpy.typing import NDArray

from tapeline.market.cell_tables import Cells
from tapeline.market.limits import check_shape, check_size

BLOSC = 32001  # PyTables' filter, registered with the HDF Group
BLOSC_HEADER = 16  # bytes
TEXT_OPCODES = ("UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "STRING", "SHORT_BINSTRING", "BINSTRING")


def parse_hdf(content: bytes) -> Cells:
    """Read the one table in the file; ValueError if there is another number of them, or an unknown filter."""
    with h5py.File(io.BytesIO(content)) as file:
        tables: list[h5py.Dataset] = []
        file.visititems(lambda _, item: tables.append(item) if _is_table(item) else None)
        if len(tables) != 1:
            names = ", ".join(table.name for table in tables[:5]) or "none"
            raise ValueError(f"must hold one table in pandas' format 'table', and holds {names}")
        (table,) = tables
        check_shape(table.size, len(table.dtype.names))
        check_size(table.size * table.dtype.itemsize, len(content))
        return Cells(_name_columns(table, _read_values(table)), True)


def _is_table(item: h5py.Group | h5py.Dataset) -> bool:
    return isinstance(item, h5py.Dataset) and item.dtype.names is not None and "_i_table" not in item.name


def _read_values(table: h5py.Dataset) -> NDArray[np.void]:
    """Return the records (rows,) of `table`, Blosc's chunks unpacked here, since HDF5 itself can't."""
    plist = table.id.get_create_plist()
    filters = [plist.get_filter(number)[0] for number in range(plist.get_nfilters())]
    unknown = [code for code in filters if code != BLOSC and not h5py.h5z.filter_avail(code)]
    if unknown or (BLOSC in filters and len(filters) > 1):
        codes = ", ".join(map(str, filters))
        raise ValueError(f"is packed by filter {codes}; write it with blosc or zlib alone, or as Parquet")
    if BLOSC not in filters:
        records: NDArray[np.void] = table[:]
        return records
    values = np.zeros(table.shape, dtype=table.dtype)
    (length,) = table.chunks
    check_size(length * table.dtype.itemsize)
    for number in range(table.id.get_num_chunks()):
        (offset,) = table.id.get_chunk_info(number).chunk_offset
        mask, packed = table.id.read_direct_chunk((offset,))
        content = packed if mask else _unpack(packed, length * table.dtype.itemsize)
        chunk = np.frombuffer(content, dtype=table.dtype, count=length)
        values[offset : offset + length] = chunk[: len(values) - offset]
    return values


def _unpack(packed: bytes, size: int) -> bytes:
    """Return the `size` bytes in a chunk of Blosc, which says itself how many it takes."""
    if len(packed) < BLOSC_HEADER or int.from_bytes(packed[4:8], "little") != size:
        raise ValueError("has a chunk of another size than it says")
    content: bytes = blosc.decompress(packed)
    return content


def _name_columns(table: h5py.Dataset, values: NDArray[np.void]) -> pd.DataFrame:
    """Lay the fields of `values` side by side, each block's columns under the names that pandas gave them."""
    columns: dict[str, NDArray[Any] | pd.Series] = {}
    for field in values.dtype.names or ():
        block, names = values[field], _texts(table.attrs.get(f"{field}_kind"))
        if block.ndim == 1:
            columns[field] = _mark_naive(table, field, names, block)
        elif len(names) == block.shape[1]:
            columns |= {name: block[:, place] for place, name in enumerate(names)}
        else:
            raise ValueError(f"has {block.shape[1]} columns in {field}, and {len(names)} names for them")
    return pd.DataFrame(columns)


def _mark_naive(
    table: h5py.Dataset, field: str, kind: list[str], values: NDArray[Any]
) -> NDArray[Any] | pd.Series:
    """Return times that pandas stored without zone as such, all others as they are: epochs, so UTC."""
    metadata = " ".join([*kind, *_texts(table.attrs.get(f"{field}_dtype"))])
    unit = re.search(r"datetime64(?:\[(\w+)\])?", metadata)
    has_zone = "UTC" in metadata or "tz" in _texts(table.parent.attrs.get("info"))
    if not unit or has_zone or values.dtype.kind != "i":
        return values
    return pd.Series(values.view(f"datetime64[{unit[1] or 'ns'}]"))


def _texts(attribute: object) -> list[str]:
    """Return the texts in an attribute: itself, or those that a pickle holds, which is never run."""
    if isinstance(attribute, str):
        return [attribute]
    if not isinstance(attribute, bytes):
        return []
    try:
        return [str(text) for code, text, _ in pickletools.genops(attribute) if code.name in TEXT_OPCODES]
    except ValueError:
        return [attribute.decode(errors="replace")]
