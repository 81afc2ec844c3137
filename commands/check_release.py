"""Hold the tag of a release against the run at its commit: TAG."""

import sys
from pathlib import Path

from tapeline.ending import run_command
from tapeline.models.table import ARTIFACTS
from tapeline.promotion.change import settle
from tapeline.release.tag_check import check_again, check_release, is_at_hand

NEVER = "the release's own gates (latency, trials, champion), and how the weights came about: that is proved"


def main() -> None:
    """Check the tag named as the argument."""
    settle(Path(), ARTIFACTS, print)
    release = check_release(sys.argv[1] if len(sys.argv) > 1 else "")
    print(f"{release.tag}: {len(release.record.gates)} gates, all as its commit has it")
    if is_at_hand(release):
        check_again(release, print)
        print("the run at hand, made again and replayed, comes to what the release says")
    else:
        print(
            "not checked is whether its figures follow from the candles: the run is not at hand "
            f"(`git checkout {release.tag} && dvc checkout`, then this again)"
        )
    print(f"not checked are {NEVER}")


if __name__ == "__main__":
    run_command(main)
