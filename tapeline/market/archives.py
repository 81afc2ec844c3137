"""Compressed bytes unpacked in memory, piece by piece and up to a limit: archives can be made to fill it."""

import gzip
import io
import zipfile
from pathlib import PurePosixPath, PureWindowsPath
from typing import IO

MAX_UNPACKED = 2 * 2**30  # bytes; ten years of one-minute candles take half a GiB of CSV
MAX_RATIO = 200  # unpacked over packed bytes; candles reach 20, deflate can reach 1,000
MIN_JUDGED = (
    16 * 2**20
)  # unpacked bytes from which the ratio is judged: few equal rows pack well, and do no harm
PIECE = 2**20  # bytes unpacked at once


def check_size(n_unpacked: int, n_packed: int | None = None) -> None:
    """Raise ValueError if `n_unpacked` bytes, out of `n_packed`, are more than candles can be."""
    if n_unpacked > MAX_UNPACKED:
        raise ValueError(f"unpacks to more than {MAX_UNPACKED:,} bytes; split it by time")
    if n_packed is not None and n_unpacked > max(MIN_JUDGED, MAX_RATIO * n_packed):
        raise ValueError(f"unpacks to more than {MAX_RATIO} times its size, which no candles do")


def unpack_gzip(content: bytes) -> bytes:
    """Return what `content` holds; ValueError, EOFError, OSError or zlib.error if it can't be trusted."""
    with gzip.GzipFile(fileobj=io.BytesIO(content)) as stream:
        return _drain(stream, len(content))


def unpack_zip(content: bytes) -> bytes:
    """Return the one CSV file that the archive `content` holds; ValueError or BadZipFile otherwise."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = [m for m in archive.infolist() if not m.is_dir() and "__MACOSX" not in m.filename]
        for member in members:
            if _is_outside(member.filename):
                raise ValueError(f"holds {member.filename!r}, which lies outside the archive")
        if len(members) != 1 or not members[0].filename.lower().endswith(".csv"):
            names = ", ".join(m.filename for m in members)
            raise ValueError(f"must hold one csv file, and holds {names or 'nothing'}")
        (member,) = members
        if member.flag_bits & 1:
            raise ValueError(f"holds {member.filename}, which is encrypted; unpack it first")
        check_size(member.file_size, member.compress_size)  # as declared, then as it comes
        with archive.open(member) as stream:
            return _drain(stream, len(content))


def _is_outside(name: str) -> bool:
    paths = PurePosixPath(name), PureWindowsPath(name)
    return any(path.is_absolute() or path.drive or ".." in path.parts for path in paths)


def _drain(stream: IO[bytes], n_packed: int) -> bytes:
    pieces, n_unpacked = [], 0
    while piece := stream.read(PIECE):
        n_unpacked += len(piece)
        check_size(n_unpacked, n_packed)
        pieces.append(piece)
    return b"".join(pieces)
