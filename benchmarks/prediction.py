"""Rows a CPU second that networks predict: in small calls against large ones, and for an LSTM dense.

All in turns in one process of one thread, with fresh weights. *Dense* reads chunks once, so that an LSTM's
state begins up to a chunk before a row: it shows what exact windows cost. Fresh weights forget fast, trained
ones may remember. Run by `make bench`; also `python -m benchmarks.prediction`.
"""

import time
from unittest.mock import patch

import numpy as np
import torch
from torch import Tensor

from tapeline.nets.lstm import LSTM
from tapeline.nets.network import Network
from tapeline.nets.params import LstmParams, TrainParams, TransformerParams
from tapeline.nets.prediction import CANDLES_AT_ONCE, predict_logits
from tapeline.nets.transformer import Transformer
from tapeline.params import Params

N_FEATURES, ROUNDS, DENSE = 100, 5, "dense"
SIZES = (65_536, 16_384, 8_192, 4_096, 2_048, 1_024)  # candles a call
ROWS = {"LSTM": 3_000, "Transformer": 40_000}


def predict(net: Network, features: Tensor, train: TrainParams, side: int | str) -> Tensor:
    """Logits of all rows with a window, in calls of `side` candles, or dense."""
    rows, segment = np.arange(train.sequence_length - 1, len(features)), np.zeros(len(features), np.int64)
    lengths = train.sequence_length, train.chunk_length
    size = CANDLES_AT_ONCE["cpu"] if side == DENSE else side
    is_long = side == DENSE or net.is_same_with_longer_input
    with (
        patch.dict(CANDLES_AT_ONCE, cpu=size),
        patch.object(net, "is_same_with_longer_input", is_long),
    ):
        return predict_logits(net, features, segment, rows, *lengths)


def main() -> None:
    """Print a table of rates, each the best of its rounds, and the greatest difference from large calls."""
    params = Params.read()
    train = params.section("train", TrainParams)
    torch.set_num_threads(1)
    torch.manual_seed(0)
    nets: dict[str, Network] = {
        "LSTM": LSTM(N_FEATURES, params.section("model", LstmParams)),
        "Transformer": Transformer(
            N_FEATURES, params.section("transformer", TransformerParams), train.sequence_length
        ),
    }
    for name, net in nets.items():
        features = torch.randn(train.sequence_length - 1 + ROWS[name], N_FEATURES)
        sides: list[int | str] = [*SIZES] if net.is_same_with_longer_input else [*SIZES, DENSE]
        first = predict(net, features, train, SIZES[0])
        rates: dict[int | str, list[float]] = {side: [] for side in sides}
        differences: dict[int | str, float] = {}
        for _ in range(ROUNDS):
            for side in sides:
                started = time.process_time()
                logits = predict(net, features, train, side)
                rates[side].append(ROWS[name] / (time.process_time() - started))
                differences[side] = float((logits - first).abs().max())
        for side, found in rates.items():
            ratio = f"{max(found) / max(rates[SIZES[0]]):5.1f} times"
            told = f"{max(found):9,.0f} rows/s {ratio}, differs by {differences[side]:.0e}"
            print(f"{name:12} {side if side == DENSE else f'{side} a call':14} {told}", flush=True)


if __name__ == "__main__":
    main()
