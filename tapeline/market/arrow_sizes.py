"""Sizes that Arrow's files declare, read before a byte of them is unpacked.

Of Feather only its second version is packed. It is a stream of messages between two marks, each with a
flatbuffer of metadata; what is read of that follows the format's `Message.fbs`.
"""

import struct

import pyarrow as pa
import pyarrow.parquet

FEATHER = b"ARROW1\0\0"  # how a file of the second version begins
DICTIONARY, RECORDS = 2, 3  # kinds of messages, of MessageHeader
KIND, HEADER = 1, 2  # fields of Message
LENGTH, BUFFERS, COMPRESSION = 0, 2, 3  # of RecordBatch
DATA = 1  # of DictionaryBatch
BUFFER = struct.Struct("<qq")  # offset in the body, and length
FLOAT_BYTES = 8


def parquet_size(metadata: pa.parquet.FileMetaData) -> int:
    """Bytes that all values of a Parquet file take once read, at 8 a value, and more where it says so."""
    chunks = [
        metadata.row_group(group).column(column)
        for group in range(metadata.num_row_groups)
        for column in range(metadata.num_columns)
    ]
    n_values = max(
        metadata.num_rows * metadata.num_columns, sum(max(chunk.num_values, 0) for chunk in chunks)
    )
    declared = sum(max(chunk.total_uncompressed_size, 0) for chunk in chunks)
    return int(max(FLOAT_BYTES * n_values, declared))


def feather_size(content: bytes) -> tuple[int, int]:
    """Bytes that the buffers of a Feather file unpack to, and its rows; ValueError if they can't be found."""
    if not content.startswith(FEATHER):
        return len(content), 0  # of the first version, which packs nothing
    source = pa.BufferReader(content)
    source.seek(len(FEATHER))
    n_bytes = n_rows = 0
    try:
        while True:
            try:
                message = pa.ipc.read_message(source)
            except EOFError:
                return n_bytes, n_rows
            table = _Table.root(message.metadata.to_pybytes())
            kind, batch = table.byte(KIND), table.table(HEADER)
            if kind == DICTIONARY and batch:
                batch = batch.table(DATA)
            if kind in (DICTIONARY, RECORDS) and batch:
                n_bytes += _unpacked(batch, message.body)
                n_rows += batch.long(LENGTH) if kind == RECORDS else 0
    except struct.error as error:
        raise ValueError("has broken metadata") from error


def _unpacked(batch: "_Table", body: pa.Buffer) -> int:
    """Bytes of all buffers of a batch: packed ones begin with their number, -1 where it was not worth it."""
    n_bytes = 0
    for offset, length in batch.buffers(BUFFERS):
        declared = -1
        if batch.table(COMPRESSION) and length >= FLOAT_BYTES:
            (declared,) = struct.unpack("<q", body[offset : offset + FLOAT_BYTES].to_pybytes())
        n_bytes += max(declared, length)
    return n_bytes


class _Table:
    """A table of a flatbuffer: fields found by their number, in the order of the schema."""

    def __init__(self, content: bytes, position: int) -> None:
        self._content, self._position = content, position

    @classmethod
    def root(cls, content: bytes) -> "_Table":
        return cls(content, *struct.unpack_from("<I", content))

    def _find(self, field: int) -> int | None:
        (back,) = struct.unpack_from("<i", self._content, self._position)
        vtable = self._position - back
        (size,) = struct.unpack_from("<H", self._content, vtable)
        at = 4 + 2 * field
        if at + 2 > size:
            return None
        (offset,) = struct.unpack_from("<H", self._content, vtable + at)
        return self._position + offset if offset else None

    def byte(self, field: int) -> int:
        at = self._find(field)
        return 0 if at is None else int(struct.unpack_from("<B", self._content, at)[0])

    def long(self, field: int) -> int:
        at = self._find(field)
        return 0 if at is None else int(struct.unpack_from("<q", self._content, at)[0])

    def table(self, field: int) -> "_Table | None":
        at = self._find(field)
        if at is None:
            return None
        (offset,) = struct.unpack_from("<I", self._content, at)
        return _Table(self._content, at + offset)

    def buffers(self, field: int) -> list[tuple[int, int]]:
        at = self._find(field)
        if at is None:
            return []
        (offset,) = struct.unpack_from("<I", self._content, at)
        (count,) = struct.unpack_from("<I", self._content, at + offset)
        begin = at + offset + 4
        return list(BUFFER.iter_unpack(self._content[begin : begin + count * BUFFER.size]))
