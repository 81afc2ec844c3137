"""Hash everything anew and name what differs from what is recorded."""

import sys
from pathlib import Path

from tapeline.checks.dvc_lock import mend_rwlock
from tapeline.ending import run_command
from tapeline.errors import printable
from tapeline.models.table import ARTIFACTS
from tapeline.promotion.change import settle
from tapeline.release.verification import verify

NOT_CHECKED = "not whether it follows from the candles: `make promote` makes it again"


def main() -> None:
    """Print a line for each difference and a summary; end with status 1 if there is any difference."""
    settle(Path(), ARTIFACTS, print)
    mend_rwlock(Path(), print)
    try:
        verdict = verify()
    except OSError as error:
        sys.exit(f"{error.filename}: can't be read: {error.strerror}")
    for line in verdict.differences:
        print(printable(line))
    for line in verdict.not_checked:
        print(printable(f"not checked, not a local file with an md5: {line}"))
    outcome = (
        f"{len(verdict.differences)} differences"
        if verdict.differences
        else f"all as recorded, {NOT_CHECKED}"
    )
    print(f"{verdict.n_files} files, {verdict.n_bytes:,} bytes hashed: {outcome}")
    sys.exit(1 if verdict.differences else 0)


if __name__ == "__main__":
    run_command(main)
