"""Windows a second of neuralforecast's LSTM and VanillaTransformer, to hold beside benchmarks/training.py.

In an environment of its own (`pip install torch==2.13.0 neuralforecast`); it imports nothing of this
project. Same widths and depths, 60 candles of input, one step ahead; the LSTM gets 100 more columns, as
ours does, the VanillaTransformer takes none. A rate is the slope between a short and a long training, so
that set-up is not counted. `python benchmarks/forecasting_library.py`
"""

import logging
import time
import warnings

import numpy as np
import pandas as pd
import torch
from neuralforecast import NeuralForecast
from neuralforecast.models import LSTM, VanillaTransformer

N_CANDLES, N_FEATURES, LENGTH, BATCH, ROUNDS = 20_000, 100, 60, 128, 2
QUIET = {
    "enable_progress_bar": False, "enable_model_summary": False, "logger": False,
    "enable_checkpointing": False, "accelerator": "cpu",
}  # fmt: skip


def table(n_features: int) -> pd.DataFrame:
    """A random walk with columns beside it."""
    rng = np.random.default_rng(0)
    columns = {f"x{k}": rng.normal(size=N_CANDLES) for k in range(n_features)}
    times = pd.date_range("2024-01-01", periods=N_CANDLES, freq="min")
    return pd.DataFrame({"unique_id": "a", "ds": times, "y": rng.normal(size=N_CANDLES).cumsum(), **columns})


def seconds(make: type, options: dict, frame: pd.DataFrame, steps: int) -> float:
    """How long a training of `steps` takes, set-up included."""
    model = make(
        h=1,
        input_size=LENGTH,
        max_steps=steps,
        windows_batch_size=BATCH,
        scaler_type="identity",
        **options,
        **QUIET,
    )
    started = time.perf_counter()
    NeuralForecast([model], freq="min").fit(frame)
    return time.perf_counter() - started


def main() -> None:
    """Print a line a network."""
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    torch.set_num_threads(2)
    exogenous = {"hist_exog_list": [f"x{k}" for k in range(N_FEATURES)]}
    lstm = {"encoder_hidden_size": 64, "encoder_n_layers": 2, "decoder_hidden_size": 64, "decoder_layers": 1}
    for name, make, options, n_features, steps in (
        ("LSTM 64 x 2", LSTM, lstm | exogenous, N_FEATURES, (5, 45)),
        ("VanillaTransformer 32 x 2", VanillaTransformer, _transformer(32, 4, 2), 0, (2, 12)),
        ("VanillaTransformer 128 x 4", VanillaTransformer, _transformer(128, 8, 4), 0, (1, 3)),
    ):
        frame, rates = table(n_features), []
        for _ in range(ROUNDS):
            short, long = (seconds(make, options, frame, n) for n in steps)
            rates.append(BATCH * (steps[1] - steps[0]) / (long - short))
        print(f"{name:26} {max(rates):7.0f} windows a second, best of {ROUNDS}", flush=True)


def _transformer(width: int, heads: int, layers: int) -> dict:
    return {
        "hidden_size": width, "n_head": heads, "encoder_layers": layers, "decoder_layers": 1,
        "conv_hidden_size": 4 * width,
    }  # fmt: skip


if __name__ == "__main__":
    main()
