"""Hold the tag of a release against the run at its commit: TAG."""

import sys

from tapeline.errors import TapelineError
from tapeline.release.tag_check import check_release


def main() -> None:
    """Check the tag named as the argument."""
    try:
        release = check_release(sys.argv[1] if len(sys.argv) > 1 else "")
    except TapelineError as error:
        sys.exit(" ".join(str(error).split()))
    print(f"{release.tag}: {len(release.record.gates)} gates, all as its commit has it")


if __name__ == "__main__":
    main()
