"""Train one small network in a process of its own, to be killed or to be one of several.

`python -m tests.nets.train_once NETWORK FOLDER [PROCESSES] [DROPOUT] [SEEDS]`; the checkpoint lies in FOLDER,
and after the training its weights and history.
"""

import json
import sys
from pathlib import Path

from tapeline.ending import run_command
from tapeline.nets.devices import make_fabric
from tapeline.nets.folds import run_fold
from tests.nets.problem import ROWS, make_net, problem, table_of, train_params, weights


def main(network, folder, processes="1", dropout="0.1", seeds="1"):
    """Train and write."""
    params = train_params(epochs=8, patience=8, processes=int(processes), seeds=int(seeds))
    fabric = make_fabric(params)
    candles = table_of(*problem())
    print("begun", flush=True)
    net, checkpoint = make_net(network, dropout=float(dropout)), Path(folder) / "fold.pt"
    result = run_fold(fabric, net, candles, ROWS, params, network, checkpoint)
    if fabric.is_global_zero:
        (Path(folder) / "weights").write_bytes(weights(result))
        (Path(folder) / "history.json").write_text(json.dumps(result.history))


if __name__ == "__main__":
    run_command(lambda: main(*sys.argv[1:]))
