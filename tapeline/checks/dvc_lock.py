"""DVC's own file of who reads and writes what: a kill may leave it empty, and DVC then refuses everything."""

import json
from collections.abc import Callable
from pathlib import Path

RWLOCK = Path(".dvc/tmp/rwlock")


def mend_rwlock(folder: Path, tell: Callable[[str], None]) -> None:
    """Remove DVC's rwlock if it is no JSON, and say so; names of processes that are gone DVC mends itself."""
    path = folder / RWLOCK
    if _is_whole(path):
        return
    from dvc.lock import make_lock  # imported here: a check takes a second, and this is rare

    # Under DVC's own guard: whoever is writing the file at this moment has written it then.
    with make_lock(str(path.with_name("rwlock.lock")), tmp_dir=str(path.parent)):
        if not _is_whole(path):
            path.unlink()
            tell(f"{RWLOCK}: was cut off when DVC was killed, and blocked it; removed")


def _is_whole(path: Path) -> bool:
    try:
        return isinstance(json.loads(path.read_bytes()), dict)
    except FileNotFoundError:
        return True
    except ValueError:
        return False
