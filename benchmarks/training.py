"""Labels a second: training on chunks against one overlapping window a sample through a DataLoader.

Both sides in turns in one process: same network code, features, optimizer, precision and threads. The
baseline runs the network over each window and takes the last logit; `trimmed` lets it skip what that logit
does not need. Run by `make bench`; also `python -m benchmarks.training THREADS`.
"""

import sys
import time
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

from tapeline.nets.chunks import Series
from tapeline.nets.devices import make_fabric
from tapeline.nets.lstm import LSTM
from tapeline.nets.params import LstmParams, TrainParams, TransformerParams
from tapeline.nets.trainer import TrainingData, make_optimizer, train_epoch
from tapeline.nets.transformer import Transformer
from tapeline.params import Params

N_CANDLES, N_FEATURES, SECONDS, ROUNDS = 100_000, 100, 4.0, 3
BASELINE_BATCH = 128  # windows; larger ones made it no faster


class WindowSet(Dataset):
    """What everybody does: sample k is the window up to row `ends[k]`, cut out when it is asked for."""

    def __init__(self, features: Tensor, labels: Tensor, ends: NDArray[np.int64], length: int) -> None:
        self.features, self.labels, self.ends, self.length = features, labels, ends.tolist(), length

    def __len__(self) -> int:
        return len(self.ends)

    def __getitem__(self, k: int) -> tuple[Tensor, Tensor]:
        end = self.ends[k]
        return self.features[end - self.length + 1 : end + 1], self.labels[end]


def baseline_rate(net: nn.Module, logits: Callable[[Tensor], Tensor], windows: WindowSet) -> float:
    """Labels a second of one-window samples."""
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3)
    net.train()
    loader = DataLoader(windows, BASELINE_BATCH, shuffle=True)
    started, n_labels = time.perf_counter(), 0
    for x, y in loader:
        loss = F.binary_cross_entropy_with_logits(logits(x), y)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        n_labels += len(y)
        if time.perf_counter() - started > SECONDS:
            break
    return n_labels / (time.perf_counter() - started)


def dense_rate(net: nn.Module, series: Series, params: TrainParams) -> float:
    """Labels a second of the pipeline's own epoch."""
    optimizer = make_optimizer(net, params)
    fabric = make_fabric(params)
    model, optimizer = fabric.setup(net, optimizer)
    data = TrainingData(series, np.zeros(N_CANDLES), np.array([[0, N_CANDLES]]), np.arange(0))
    started, n_labels, epoch = time.perf_counter(), 0, 0
    while time.perf_counter() - started < SECONDS:
        epoch += 1
        train_epoch(fabric, model, optimizer, data, params, 1 + epoch % params.epochs)
        n_labels += N_CANDLES - params.minimum_context + 1
    return n_labels / (time.perf_counter() - started)


def peak_flops() -> float:
    """Floating-point operations a second of this machine's matrix product."""
    a = torch.randn(2048, 2048)
    rates = []
    for _ in range(5):
        started = time.perf_counter()
        a @ a
        rates.append(2 * 2048**3 / (time.perf_counter() - started))
    return max(rates)


def flops_a_candle(net: nn.Module) -> float:
    """Of the matrix products of forward and backward (three times forward) on one candle of a chunk."""
    weights = sum(p.numel() for p in net.parameters() if p.dim() == 2)
    products = 2.0 * weights
    if isinstance(net, Transformer):
        products += sum(4 * (3 * net.band - 1) * net.embed.out_features for _ in net.layers)
    return 3 * products


def main() -> None:
    """Print a table of rates and ratios."""
    params = Params.read()
    train = params.section("train", TrainParams).model_copy(update={"device": "cpu"})
    if len(sys.argv) > 1:
        train = train.model_copy(update={"threads": int(sys.argv[1])})
    lstm, transformer = params.section("model", LstmParams), params.section("transformer", TransformerParams)
    larger = transformer.model_copy(update={"d_model": 128, "heads": 8, "layers": 4})
    length = train.sequence_length
    nets = {
        f"LSTM {lstm.hidden} x {lstm.layers}": lambda: LSTM(N_FEATURES, lstm),
        f"Transformer {transformer.d_model} x {transformer.layers}": lambda: Transformer(
            N_FEATURES, transformer, length
        ),
        f"Transformer {larger.d_model} x {larger.layers}": lambda: Transformer(N_FEATURES, larger, length),
    }
    make_fabric(train)
    features, labels = torch.randn(N_CANDLES, N_FEATURES), torch.randint(0, 2, (N_CANDLES,)).float()
    series = Series(features, labels, torch.ones(N_CANDLES))
    windows = WindowSet(features, labels, np.arange(length - 1, N_CANDLES), length)
    peak = peak_flops()
    chunks = f"chunks of {train.chunk_length}, {train.threads} threads"
    print(f"{N_FEATURES} features, windows of {length}, {chunks}")
    print(f"matrix product {peak / 1e9:.0f} GFLOP/s; labels a second, best of {ROUNDS} rounds in turns")
    for name, make_net in nets.items():
        rates: dict[str, list[float]] = {"window": [], "trimmed": [], "dense": []}
        for _ in range(ROUNDS):
            net = make_net()
            rates["window"].append(baseline_rate(net, lambda x, net=net: net(x)[:, -1], windows))
            rates["trimmed"].append(baseline_rate(net, net.last, windows))
            rates["dense"].append(dense_rate(make_net(), series, train))
        best = {kind: max(found) for kind, found in rates.items()}
        context = train.chunk_length / train.labels_per_chunk
        share = best["dense"] * context * flops_a_candle(make_net()) / peak
        ratios = best["dense"] / best["window"], best["dense"] / best["trimmed"]
        figures = "  ".join(f"{kind} {rate:7.0f}" for kind, rate in best.items())
        print(f"{name:18} {figures}  {ratios[0]:5.1f} times, {ratios[1]:4.1f} trimmed", end="; ")
        print(f"{share:.0%} of the matrix product's peak", flush=True)


if __name__ == "__main__":
    main()
