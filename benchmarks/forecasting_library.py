"""Labels a second of training on chunks against windows a second of neuralforecast, in turns.

`python -m benchmarks.forecasting_library PYTHON`, where PYTHON is the interpreter of an environment with
neuralforecast (benchmarks/neuralforecast_rate.py says how to make one).
"""

import subprocess
import sys

import torch

from benchmarks.training import N_CANDLES, N_FEATURES, dense_rate
from tapeline.nets.chunks import Series
from tapeline.nets.devices import make_fabric
from tapeline.nets.lstm import LSTM
from tapeline.nets.params import LstmParams, TrainParams, TransformerParams
from tapeline.nets.transformer import Transformer
from tapeline.params import Params

ROUNDS = 3
NETWORKS = (("lstm", 64, 2), ("transformer", 32, 2), ("transformer", 128, 2), ("transformer", 128, 4))


def library_rate(python: str, network: str, width: int, layers: int) -> float:
    """Windows a second of the other library, from a process of its own."""
    command = [python, "benchmarks/neuralforecast_rate.py", network, str(width), str(layers)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(done.stdout.split()[-1])


def main() -> None:
    """Print a line a network: the best of some rounds of each side."""
    params = Params.read()
    train = params.section("train", TrainParams).model_copy(update={"device": "cpu", "threads": 2})
    lstm, transformer = params.section("model", LstmParams), params.section("transformer", TransformerParams)
    features, labels = torch.randn(N_CANDLES, N_FEATURES), torch.randint(0, 2, (N_CANDLES,)).float()
    series = Series(features, labels, torch.ones(N_CANDLES))
    for network, width, layers in NETWORKS:
        ours, theirs = [], []
        for _ in range(ROUNDS):
            make_fabric(train)
            if network == "lstm":
                net = LSTM(N_FEATURES, lstm.model_copy(update={"hidden": width, "layers": layers}))
            else:
                sizes = {"d_model": width, "heads": width // 16 if width > 64 else 4, "layers": layers}
                net = Transformer(N_FEATURES, transformer.model_copy(update=sizes), train.sequence_length)
            ours.append(dense_rate(net, series, train))
            theirs.append(library_rate(sys.argv[1], network, width, layers))
        name, ratio = f"{network} {width} x {layers}", max(ours) / max(theirs)
        print(
            f"{name:20} chunks {max(ours):7.0f}, neuralforecast {max(theirs):6.0f}: {ratio:.1f}", flush=True
        )


if __name__ == "__main__":
    main()
