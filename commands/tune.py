"""Search params of one network on folds that end before the first reported test: TRIALS, NETWORK."""

import sys

from tapeline.ending import run_command
from tapeline.params import Params
from tapeline.tuning.run import read_tune, run_search


def main() -> None:
    """Run the trials that are missing, write the page and the record, and print the best last."""
    trials, network = (*sys.argv[1:], "", "")[:2]
    params = Params.read()
    print("\n".join(run_search(params, read_tune(params, trials, network), print)))


if __name__ == "__main__":
    run_command(main)
