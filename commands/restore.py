"""Bring `models/promoted/` in line with the git tags."""

import sys

from dvc.exceptions import DvcException

from tapeline.errors import TapelineError
from tapeline.release.restore import restore


def main() -> None:
    """Restore and say what was done."""
    try:
        done = restore()
    except (TapelineError, DvcException, OSError) as error:
        sys.exit(" ".join(str(error).split()))
    for artifact, outcome in done.items():
        print(f"{artifact}: {outcome}")
    if not done:
        print("nothing was promoted yet")


if __name__ == "__main__":
    main()
