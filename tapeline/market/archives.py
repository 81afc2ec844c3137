"""Compressed bytes unpacked in memory, piece by piece and up to a limit: archives can be made to fill it."""

import bz2
import gzip
import io
import lzma
import zipfile
from collections.abc import Callable
from pathlib import PurePosixPath, PureWindowsPath
from typing import Protocol

import pyarrow as pa

from tapeline.market.limits import check_size

PIECE = 2**20  # bytes unpacked at once
NOTES = ("readme", "license", ".")  # how names of what lies beside candles begin


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


def _unpack_gzip(content: bytes) -> bytes:
    """Return what `content` holds; ValueError, EOFError, OSError or zlib.error if it can't be trusted."""
    with gzip.GzipFile(fileobj=io.BytesIO(content)) as stream:
        return _drain(stream, len(content))


def _unpack_bz2(content: bytes) -> bytes:
    with bz2.BZ2File(io.BytesIO(content)) as stream:
        return _drain(stream, len(content))


def _unpack_xz(content: bytes) -> bytes:
    with lzma.LZMAFile(io.BytesIO(content)) as stream:
        return _drain(stream, len(content))


def _unpack_zstd(content: bytes) -> bytes:
    with pa.CompressedInputStream(pa.BufferReader(content), "zstd") as stream:
        return _drain(stream, len(content))


# Each returns what its bytes hold, or raises ValueError, EOFError, OSError, zlib.error or LZMAError.
PACKINGS: dict[str, Callable[[bytes], bytes]] = {
    "gz": _unpack_gzip, "bz2": _unpack_bz2, "xz": _unpack_xz, "zst": _unpack_zstd,
}  # fmt: skip


def unpack_zip(content: bytes, is_candle_file: Callable[[str], bool]) -> tuple[str, bytes]:
    """Return name and bytes of the one file in the archive `content` whose name `is_candle_file`.

    Notes beside it are ignored; ValueError or BadZipFile where there is no such file, or more than one.
    """
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = [m for m in archive.infolist() if not m.is_dir() and "__MACOSX" not in m.filename]
        for member in members:
            if _is_outside(member.filename):
                raise ValueError(f"holds {member.filename!r}, which lies outside the archive")
        candle_files = [m for m in members if is_candle_file(m.filename) and not _is_note(m.filename)]
        candle_files = [m for m in candle_files if not m.filename.lower().endswith(".txt")] or candle_files
        if len(candle_files) != 1:
            names = ", ".join(m.filename for m in members)
            raise ValueError(f"must hold one candle file, and holds {names or 'nothing'}; unpack it")
        (member,) = candle_files
        if member.flag_bits & 1:
            raise ValueError(f"holds {member.filename}, which is encrypted; unpack it first")
        check_size(member.file_size, member.compress_size)  # as declared, then as it comes
        with archive.open(member) as stream:
            return PurePosixPath(member.filename).name, _drain(stream, len(content))


def _is_note(name: str) -> bool:
    return PurePosixPath(name).name.lower().startswith(NOTES)


def _is_outside(name: str) -> bool:
    paths = PurePosixPath(name), PureWindowsPath(name)
    return any(path.is_absolute() or path.drive or ".." in path.parts for path in paths)


def _drain(stream: _Readable, n_packed: int) -> bytes:
    pieces, n_unpacked = [], 0
    while piece := stream.read(PIECE):
        n_unpacked += len(piece)
        check_size(n_unpacked, n_packed, is_declared=False)
        pieces.append(piece)
    return b"".join(pieces)
