"""Try params of trading by the thousand: ON=inner, or on the tests, counted as trials: ON=tests."""

import sys

from tapeline.ending import run_command
from tapeline.params import Params
from tapeline.sweeping.run import read_on, run_sweep


def main() -> None:
    """Trade every configuration, write the page, and print the chosen one last."""
    on = read_on((*sys.argv[1:], "")[0])
    print("\n".join(run_sweep(Params.read(), on, print)))


if __name__ == "__main__":
    run_command(main)
