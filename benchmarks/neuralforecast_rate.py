"""Windows a second of one of neuralforecast's networks; `benchmarks/forecasting_library.py` calls it.

Runs in an environment of its own (`pip install torch==2.13.0 neuralforecast`) and imports nothing of this
project. 60 candles of input, one step ahead; the LSTM gets 100 more columns, as ours does, the
VanillaTransformer takes none. The rate is the slope between a short and a long training, so that set-up is
not counted. `python benchmarks/neuralforecast_rate.py {lstm|transformer} WIDTH LAYERS`
"""

import logging
import sys
import time
import warnings

import numpy as np
import pandas as pd
import torch
from neuralforecast import NeuralForecast
from neuralforecast.models import LSTM, VanillaTransformer

N_CANDLES, N_FEATURES, LENGTH, BATCH = 20_000, 100, 60, 128
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
    """Print the rate."""
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    torch.set_num_threads(2)
    network, width, layers = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    if network == "lstm":
        make, n_features, steps = LSTM, N_FEATURES, (5, 45)
        options = {
            "encoder_hidden_size": width, "encoder_n_layers": layers, "decoder_hidden_size": width,
            "decoder_layers": 1, "hist_exog_list": [f"x{k}" for k in range(N_FEATURES)],
        }  # fmt: skip
    else:
        make, n_features, steps = VanillaTransformer, 0, (1, 3) if width > 64 else (2, 12)
        options = {
            "hidden_size": width, "n_head": width // 16 if width > 64 else 4, "encoder_layers": layers,
            "decoder_layers": 1, "conv_hidden_size": 4 * width,
        }  # fmt: skip
    frame = table(n_features)
    short, long = (seconds(make, options, frame, n) for n in steps)
    print(BATCH * (steps[1] - steps[0]) / (long - short))


if __name__ == "__main__":
    main()
