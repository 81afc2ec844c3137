"""Hold the tag of a release against the run at its commit: TAG."""

import sys
from pathlib import Path

from tapeline.ending import run_command
from tapeline.models.table import ARTIFACTS
from tapeline.promotion.change import settle
from tapeline.release.tag_check import check_release


def main() -> None:
    """Check the tag named as the argument."""
    settle(Path(), ARTIFACTS, print)
    release = check_release(sys.argv[1] if len(sys.argv) > 1 else "")
    print(f"{release.tag}: {len(release.record.gates)} gates, all as its commit has it")


if __name__ == "__main__":
    run_command(main)
