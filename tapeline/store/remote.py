"""Filesystems that lie elsewhere: what their libraries raise, in one line that names the address."""

from collections.abc import Iterator
from contextlib import contextmanager

from tapeline.errors import DataError

# Whose errors are no OSError: credentials that are not there, a server that doesn't answer.
LIBRARIES = frozenset({"aiobotocore", "aiohttp", "azure", "botocore", "gcsfs", "google", "paramiko"})
# Where a folder is the beginning of a name alone: to make one would make a bucket of a slip of the hand.
WITHOUT_FOLDERS = frozenset({"abfs", "az", "gcs", "gs", "s3", "s3a"})


@contextmanager
def reached(where: str) -> Iterator[None]:
    """Turn an error of such a library into a DataError about `where`; every other passes."""
    try:
        yield
    except Exception as error:
        if type(error).__module__.partition(".")[0] not in LIBRARIES:
            raise
        message = " ".join(str(error).split()) or type(error).__name__
        raise DataError(
            where, f"can't be reached: {message}; look at its address and at the credentials"
        ) from error


def has_folders(filesystem: object) -> bool:
    """Whether a folder of it has to be made before a file is written into it."""
    protocol = getattr(filesystem, "protocol", ())
    return not WITHOUT_FOLDERS & {*([protocol] if isinstance(protocol, str) else protocol)}
